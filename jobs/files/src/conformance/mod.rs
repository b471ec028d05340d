//! What every [`Backend`](crate::Backend) has to pass ([`backend`]), and what tests of crates above need: a store that fails
//! as told ([`faults`]), and a server that speaks S3 ([`s3_server`]).
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests, in a library so that others can call them"
)]

pub mod backend;
pub mod faults;
pub mod s3_server;

use bytes::Bytes;
use object_store::{ObjectStoreExt, PutPayload};

use crate::Store;

/// Writes a file past everything, as an operator or a fault might.
pub async fn overwrite(store: &Store, file: &str, bytes: impl Into<PutPayload>) {
    store
        .object_store()
        .put(&store.object_path(file), bytes.into())
        .await
        .unwrap();
}

/// Reads a file past everything.
pub async fn bytes_of(store: &Store, file: &str) -> Bytes {
    store
        .object_store()
        .get(&store.object_path(file))
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap()
}

/// Takes a file away, as an operator might.
pub async fn remove(store: &Store, file: &str) {
    store
        .object_store()
        .delete(&store.object_path(file))
        .await
        .unwrap();
}
