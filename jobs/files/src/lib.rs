//! One folder of files: on this machine, in a bucket of S3, or in memory.

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
