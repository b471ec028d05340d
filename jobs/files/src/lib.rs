//! One folder of files: on this machine, in a bucket of S3, or in memory.

mod checksum;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod files;
mod local;
mod panics;
mod s3;
mod store;

pub use checksum::{hex, sha256_hex};
pub use error::StoreError;
pub use files::{About, Created, Entry, Listed, Sizes, Tail, blocking, list_local};
pub use local::{make_folder, probe_hard_links, sweep, temporary_beside};
pub use panics::catch_panic;
pub use s3::S3Settings;
pub use store::{Store, object_store_for};
