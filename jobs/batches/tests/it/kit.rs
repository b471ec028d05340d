//! What the tests share: drafts of all kinds, and a log to append them to.

use std::{sync::Arc, time::Duration};

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use gugus_batches::{
    BatchLog, ImportDraft, ImportedPart, OFFSET, PARTITION, RejectedRecord, Retry, TIMESTAMP,
    TopicDraft,
};
use gugus_files::{Store, conformance::s3_server::S3Server};
use gugus_spec::OffsetRange;

/// The job that all cases are of.
pub(crate) const JOB: &str = "conformance";
/// Its topic.
pub(crate) const TOPIC: &str = "conformance-topic";

/// Opens the cases' log to append.
pub(crate) async fn open(store: &Store) -> BatchLog {
    BatchLog::open(store.clone(), &JOB.parse().unwrap(), TOPIC)
        .await
        .unwrap()
        .retrying(IMPATIENT)
}

/// As many tries as usual, without the waits between them.
pub(crate) const IMPATIENT: Retry = Retry {
    tries: 6,
    first_wait: Duration::from_micros(10),
};

/// Rows of these places: `LAT` is the offset, `text` is null for every third.
pub(crate) fn rows(places: &[(i32, i64)]) -> RecordBatch {
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
pub(crate) fn draft(partition: i32, first: i64, next: i64) -> TopicDraft {
    let places: Vec<_> = (first..next).map(|offset| (partition, offset)).collect();
    let range = OffsetRange {
        partition,
        first,
        next,
    };
    TopicDraft::new(rows(&places), vec![range])
}

/// A draft like [`draft`], but for one record of it that is refused.
pub(crate) fn draft_with_reject(partition: i32, first: i64, next: i64, refused: i64) -> TopicDraft {
    let places: Vec<_> = (first..next)
        .filter(|offset| *offset != refused)
        .map(|offset| (partition, offset))
        .collect();
    TopicDraft {
        rows: rows(&places),
        rejects: vec![reject(partition, refused)],
        ..draft(partition, first, next)
    }
}

/// A draft of records `first..next` of one imported file, at offsets from `offset`.
pub(crate) fn draft_import(
    offset: i64,
    file: &str,
    first: u64,
    next: u64,
    last: bool,
) -> ImportDraft {
    let count = i64::try_from(next - first).unwrap();
    let part = ImportedPart {
        sha256: file.to_owned(),
        first,
        next,
        last,
        header: None,
        format: None,
    };
    ImportDraft {
        rows: draft(0, offset, offset + count).rows,
        rejects: Vec::new(),
        first: offset,
        imported: vec![part],
    }
}

/// A record that was refused.
pub(crate) fn reject(partition: i32, offset: i64) -> RejectedRecord {
    RejectedRecord {
        partition,
        offset,
        timestamp: Some(1_000 * offset),
        key: None,
        value: Some(b"{\xff".to_vec()),
        headers: None,
        reason: "column LAT: not a number".to_owned(),
    }
}

/// Verifies a log and expects nothing wrong; returns accepted and rejected records.
pub(crate) async fn verified(store: &Store) -> (u64, u64) {
    let found = gugus_batches::verify(store, |_| ()).await.unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
    (found.records, found.rejected)
}

/// A folder in a bucket; none where there is no server to be had, which says so.
pub(crate) fn s3() -> Option<Store> {
    Some(S3Server::shared()?.fresh())
}

/// Runs cases in memory, and on a bucket.
macro_rules! in_memory_and_on_s3 {
    ($($case:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                super::$case(gugus_files::Store::in_memory()).await;
            })+
        }
        mod s3 {
            $(#[tokio::test]
            async fn $case() {
                let Some(store) = crate::kit::s3() else { return };
                super::$case(store).await;
            })+
        }
    };
}
pub(crate) use in_memory_and_on_s3;
