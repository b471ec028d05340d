//! The suite that every [`Backend`](crate::Backend) has to pass ([`backend`]), and helpers for the tests of other crates: a
//! store that fails on request ([`faults`]), and a server that speaks S3 ([`s3_server`]).
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests, in a library so that others can call them"
)]

pub mod backend;
pub mod faults;
pub mod s3_server;

use std::path::Path;

use bytes::Bytes;
use object_store::{ObjectStoreExt, PutPayload};

use crate::Store;

/// The store in a folder on this machine.
pub fn folder(path: &Path) -> Store {
    Store::open(path.to_str().unwrap()).unwrap()
}

/// The names of all files and folders in a folder on this machine, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Writes a file without the store's rules, as an operator or a fault might.
pub async fn overwrite(store: &Store, file: &str, bytes: impl Into<PutPayload>) {
    store
        .object_store()
        .put(&store.object_path(file), bytes.into())
        .await
        .unwrap();
}

/// Reads a file as a query engine does.
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

/// Removes a file without the store's rules, as an operator might.
pub async fn remove(store: &Store, file: &str) {
    store
        .object_store()
        .delete(&store.object_path(file))
        .await
        .unwrap();
}
