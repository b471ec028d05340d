//! What buckets add to the suite: answers that only S3 gives, secrets that must not come out, and requests whose answers
//! are lost.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test")]

mod answers;
mod canned;
mod conformance;
