//! Amazon S3 and the stores that speak its protocol: `s3://bucket/prefix`.
//!
//! Invariant: what leaves this module names a location and never a secret. [`S3Settings`] is the only holder of
//! credentials; `Bucket` stands between the client and everybody else and makes errors of ours out of its errors,
//! for those quote answers of the store, and a store that refuses a signature sends back what was signed.

mod bucket;
pub(crate) mod errors;
mod location;
mod settings;

pub(crate) use location::{Location, SCHEME};
pub use settings::S3Settings;
