//! What every store has to pass, as plain functions over a fresh [`Store`]: called for local folders, for memory and for
//! a bucket in this crate's tests, and to be called for any store that is added.
//!
//! A case panics when the store, or what this crate makes of it, is not as it should be.
//!
//! ```
//! use gugus_store::{Store, conformance};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! conformance::log::commits_are_numbered_and_read_back(Store::in_memory()).await;
//! # }
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests, in a library so that others can call them"
)]

pub mod damage;
pub mod faults;
pub mod jumps;
pub mod kinds;
pub mod log;
pub mod models;
pub mod prune;
pub mod refusals;
pub mod replay;
pub mod s3_server;
pub mod sparks;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use object_store::{ObjectStoreExt, PutPayload};

use crate::{
    BatchLog, Draft, ImportedPart, OFFSET, OffsetRange, PARTITION, RejectedRecord, Store, TIMESTAMP,
};

/// The job that all cases are of.
pub const JOB: &str = "conformance";
/// Its topic.
pub const TOPIC: &str = "conformance-topic";

/// Opens the cases' log to append.
pub async fn open(store: &Store) -> BatchLog {
    BatchLog::open(store.clone(), &JOB.parse().unwrap(), TOPIC)
        .await
        .unwrap()
}

/// Rows of these places: `LAT` is the offset, `text` is null for every third.
pub fn rows(places: &[(i32, i64)]) -> RecordBatch {
    let latitudes = places.iter().map(|(_, offset)| *offset as f64);
    let texts = places
        .iter()
        .map(|(_, offset)| (offset % 3 != 0).then(|| format!("record {offset}")));
    let times =
        TimestampMillisecondArray::from_iter(places.iter().map(|(_, offset)| Some(1_000 * offset)));
    RecordBatch::try_from_iter_with_nullable([
        (
            "LAT",
            Arc::new(Float64Array::from_iter_values(latitudes)) as ArrayRef,
            false,
        ),
        ("text", Arc::new(texts.collect::<StringArray>()), true),
        (
            PARTITION,
            Arc::new(Int32Array::from_iter_values(
                places.iter().map(|place| place.0),
            )),
            false,
        ),
        (
            OFFSET,
            Arc::new(Int64Array::from_iter_values(
                places.iter().map(|place| place.1),
            )),
            false,
        ),
        (TIMESTAMP, Arc::new(times.with_timezone("UTC")), true),
    ])
    .unwrap()
}

/// A draft that accepts `first..next` of one partition.
pub fn draft(partition: i32, first: i64, next: i64) -> Draft {
    let places: Vec<_> = (first..next).map(|offset| (partition, offset)).collect();
    let range = OffsetRange {
        partition,
        first,
        next,
    };
    Draft::new(rows(&places), vec![range])
}

/// A draft like [`draft`], but for one record of it that is refused.
pub fn draft_with_reject(partition: i32, first: i64, next: i64, refused: i64) -> Draft {
    let places: Vec<_> = (first..next)
        .filter(|offset| *offset != refused)
        .map(|offset| (partition, offset))
        .collect();
    Draft {
        rows: rows(&places),
        rejects: vec![reject(partition, refused)],
        ..draft(partition, first, next)
    }
}

/// A draft of records `first..next` of one imported file, at offsets from `offset`.
pub fn draft_import(offset: i64, file: &str, first: u64, next: u64, last: bool) -> Draft {
    let count = i64::try_from(next - first).unwrap();
    let part = ImportedPart {
        sha256: file.to_owned(),
        first,
        next,
        last,
        header: None,
    };
    Draft {
        imported: vec![part],
        ..draft(0, offset, offset + count)
    }
}

/// A record that was refused.
pub fn reject(partition: i32, offset: i64) -> RejectedRecord {
    RejectedRecord {
        partition,
        offset,
        timestamp: Some(1_000 * offset),
        key: None,
        value: Some(b"{\xff".to_vec()),
        reason: "column LAT: not a number".to_owned(),
    }
}

/// Writes a file past everything, as an operator or a fault might.
pub async fn overwrite(store: &Store, file: &str, bytes: impl Into<PutPayload>) {
    store
        .object_store()
        .put(&store.object_path(file), bytes.into())
        .await
        .unwrap();
}

/// Reads a file past everything.
pub async fn bytes_of(store: &Store, file: &str) -> bytes::Bytes {
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

/// Verifies a log and expects nothing wrong; returns accepted and rejected records.
pub async fn verified(store: &Store) -> (u64, u64) {
    let found = crate::verify(store, |_| ()).await.unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
    (found.records, found.rejected)
}
