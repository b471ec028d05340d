//! One folder of files: on this machine, in a bucket that speaks S3, or in memory.
//!
//! Batches and models are files in a folder. The code that writes them must not depend on where the folder is. So this crate offers
//! one type, [`Store`], and one trait, [`Backend`], with the few operations that the batch log and the model folders need.
//!
//! # What it guarantees
//! * **A name is created once.** Of any number of writers that create one name, one succeeds. Its file is there whole or not
//!   at all, and [`Backend::create`] returns only when the file is durable. A store that would overwrite is refused by
//!   [`Backend::prepare`].
//! * **No change of a file is lost.** [`Backend::swap`] replaces a content only for a writer that knows it.
//! * **A folder is replaced as a whole.** Readers of a folder that [`Backend::put_folder`] writes find the old folder, the
//!   new folder, or a folder without its mark, which counts as absent.
//! * **Credentials stay in this process.** [`S3Settings`] reads them from the environment. No error, log, url or plan holds
//!   them.
//! * **Changes are noticed.** [`Store::watch`] returns when the system tells of a change in a folder on this machine, and after
//!   a stated time in every store.
//! * **Errors say what to do.** The variants of [`StoreError`] tell a missing file from a refused request, and a wrong
//!   setting from trouble that passes by itself.
//!
//! # What it is not
//! It knows nothing of batches and models. Of Parquet it knows what both formats and their readers share: [`catch_panic`]
//! reads damaged files, and a [`Seal`] tells whether a file is as it was written.
//! It is no file system: files are never changed, only created, replaced and deleted.
//!
//! # Why not `object_store` alone
//! `object_store` never syncs local files, cannot exchange two folders, and its errors quote what a store sends back. A
//! query engine still reads through `object_store`: [`Store::object_store`] and [`Store::object_path`] say where.
//!
//! # Another backend
//! Implement [`Backend`] in one file, add one line to [`Stores::open`], and run the suite in `conformance` on it.
//!
//! # Example
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), gugus_files::StoreError> {
//! use gugus_files::{Created, Store};
//!
//! let store = Store::in_memory();
//! assert_eq!(store.create("a/file", "first".into()).await?, Created::New);
//! assert_eq!(store.create("a/file", "second".into()).await?, Created::Exists);
//! assert_eq!(store.get("a/file").await?, "first");
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
mod pages;
mod panics;
mod place;
mod s3;
mod seal;
mod store;
mod stores;
mod watch;

pub use backend::{
    About, Backend, Changes, Created, Entry, FolderContent, Head, Listed, NamesStamp, Onto, Placed,
    Sizes, Swapped, Tail, Tree,
};
pub use blocking::blocking;
pub use checksum::{hex, sha256_hex};
pub use error::StoreError;
pub use pages::Pages;
pub use panics::catch_panic;
pub use s3::S3Settings;
pub use seal::{Altered, HASH_KEY, ParquetEnd, Seal, seal, unsealed};
pub use store::Store;
pub use stores::Stores;
pub use watch::Watch;
