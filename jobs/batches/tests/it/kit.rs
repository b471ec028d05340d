//! Shared by the tests: drafts of all kinds, and a log to append them to.

use std::{sync::Arc, time::Duration};

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use gugus_batches::{
    Appended, BatchLog, Draft, Footer, ImportDraft, ImportedPart, LogError, OFFSET, PARTITION,
    RejectedRecord, Retry, TIMESTAMP, TopicDraft, Verification,
};
use gugus_files::{Store, conformance::s3_server::S3Server};
use gugus_spec::{BatchNumber, OffsetRange};

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

/// The file of a batch.
pub(crate) fn name(number: u64) -> String {
    BatchNumber::new(number).unwrap().file_name()
}

/// Fills a log with three batches of ten records each. Each batch refuses its fourth record.
pub(crate) async fn three_batches(store: &Store) {
    let mut log = open(store).await;
    for first in [0, 10, 20] {
        commit_with_reject(&mut log, first, first + 10, first + 3).await;
    }
}

/// As many tries as usual, without the waits between them.
pub(crate) const IMPATIENT: Retry = Retry {
    tries: 6,
    first_wait: Duration::from_micros(10),
};

/// Rows of these places: `LAT` is the offset, `text` is null for every third.
pub(crate) fn rows(places: &[(i32, i64)]) -> RecordBatch {
    let (partitions, offsets): (Vec<_>, Vec<_>) = places.iter().copied().unzip();
    let latitudes = offsets.iter().map(|offset| *offset as f64);
    let text = |offset: &i64| (offset % 3 != 0).then(|| format!("record {offset}"));
    let times = offsets.iter().map(|offset| 1_000 * offset);
    let times = TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC");
    let columns: [(&str, ArrayRef, bool); 5] = [
        (
            "LAT",
            Arc::new(Float64Array::from_iter_values(latitudes)),
            false,
        ),
        (
            "text",
            Arc::new(offsets.iter().map(text).collect::<StringArray>()),
            true,
        ),
        (PARTITION, Arc::new(Int32Array::from(partitions)), false),
        (OFFSET, Arc::new(Int64Array::from(offsets)), false),
        (TIMESTAMP, Arc::new(times), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Offsets `first..next` of a partition.
pub(crate) fn range(partition: i32, first: i64, next: i64) -> OffsetRange {
    OffsetRange {
        partition,
        first,
        next,
    }
}

/// A draft that accepts `first..next` of one partition.
pub(crate) fn draft(partition: i32, first: i64, next: i64) -> TopicDraft {
    let places: Vec<_> = (first..next).map(|offset| (partition, offset)).collect();
    TopicDraft::new(rows(&places), vec![range(partition, first, next)])
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

/// Appends a draft that has to be committed.
pub(crate) async fn commit<'a>(log: &mut BatchLog, draft: impl Into<Draft<'a>>) -> Footer {
    match log.append(draft).await.unwrap() {
        Appended::Committed(footer) => footer,
        Appended::Lost { head } => panic!("lost to batch {}", head.number),
    }
}

/// Appends a draft that has to lose, and returns the head that it lost to.
pub(crate) async fn lose<'a>(log: &mut BatchLog, draft: impl Into<Draft<'a>>) -> Footer {
    match log.append(draft).await.unwrap() {
        Appended::Lost { head } => head,
        Appended::Committed(footer) => panic!("batch {} was committed", footer.number),
    }
}

/// Changes one thing of a draft.
pub(crate) type Change = fn(&mut TopicDraft);

/// Expects that a log refuses `base` after each of these changes.
pub(crate) async fn refuses(log: &mut BatchLog, base: &TopicDraft, changes: &[(&str, Change)]) {
    for (what, change) in changes {
        let mut draft = base.clone();
        change(&mut draft);
        let refused = log.append(&draft).await;
        assert!(
            matches!(
                refused,
                Err(LogError::Draft { .. } | LogError::NotAtEnd { .. })
            ),
            "{what}: {refused:?}"
        );
    }
}

/// Verifies a log.
pub(crate) async fn found(store: &Store) -> Verification {
    gugus_batches::verify(store, |_| ()).await.unwrap()
}

/// Verifies a log and returns its problems.
pub(crate) async fn problems(store: &Store) -> Vec<String> {
    found(store).await.problems
}

/// Appends a draft that accepts `first..next` and refuses one record of them.
pub(crate) async fn commit_with_reject(
    log: &mut BatchLog,
    first: i64,
    next: i64,
    refused: i64,
) -> Footer {
    commit(log, &draft_with_reject(0, first, next, refused)).await
}

/// The numbers of problems, of accepted and of rejected records.
pub(crate) fn counts(found: &Verification) -> (usize, u64, u64) {
    (found.problems.len(), found.records, found.rejected)
}

/// Partition, first and next offset of each partition that was found.
pub(crate) fn spans(found: &Verification) -> Vec<(i32, i64, i64)> {
    let partitions = found.partitions.iter();
    partitions.map(|p| (p.partition, p.first, p.next)).collect()
}

/// Verifies a log and expects nothing wrong; returns accepted and rejected records.
pub(crate) async fn verified(store: &Store) -> (u64, u64) {
    let found = found(store).await;
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
