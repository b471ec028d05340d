//! One folder of files on this machine, in a bucket of S3, or in memory, behind one trait.
//!
//! # What it is for
//! Batches and models lie in folders that a user names by a path or by `s3://bucket/prefix`. The crates above do not care
//! which: they list, read, create and delete files by the trait [`Backend`]. [`Stores`] opens a location and gives a
//! [`Store`], which holds one implementation of the trait.
//!
//! # What it guarantees
//! * **Of two creations of one name, one fails.** [`Backend::create`] creates a file durably, and only if nothing has its
//!   name. The batch log rests on this. [`Backend::prepare`] refuses places where creations are not safe: a file system
//!   without hard links, or a bucket that ignores `If-None-Match`.
//! * **A reader finds an old folder or a new one.** [`Backend::put_folder`] swaps whole folders.
//! * **Credentials stay in the process.** They come from its environment ([`S3Settings`]) and are in no error, log or URL.
//!
//! # What it is not
//! It is no file system: it has no appends, no renames and no locks. It knows neither batches nor models.
//!
//! # Why not `object_store` alone
//! `object_store` never syncs local files and cannot swap folders. Its errors quote the answers of a bucket, which may
//! contain secrets.
//!
//! # Example
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), gugus_files::StoreError> {
//! use gugus_files::{Created, Store};
//!
//! let store = Store::in_memory();
//! assert_eq!(store.create("names/1", "one".into()).await?, Created::New);
//! assert_eq!(store.create("names/1", "two".into()).await?, Created::Exists);
//! assert_eq!(store.get("names/1").await?, "one");
//! # Ok(()) }
//! ```

mod backend;
mod blocking;
mod checksum;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod folder;
mod location;
mod objects;
mod panics;
mod place;
mod s3;
mod store;
mod stores;

pub use backend::{
    About, Backend, Created, Entry, FolderContent, Head, Listed, Onto, Placed, Sizes, Tail, Tree,
};
pub use blocking::blocking;
pub use checksum::{hex, sha256_hex};
pub use error::StoreError;
pub use panics::catch_panic;
pub use s3::S3Settings;
pub use store::Store;
pub use stores::Stores;
