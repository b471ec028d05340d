//! What a standing run keeps does not grow with the batches that it has seen.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, TimestampMillisecondArray,
};
use gugus_batches::{Appended, BatchLog, TopicDraft};
use gugus_files::Store;
use gugus_models::Existing;
use gugus_progress::Progress;
use gugus_spec::{Job, OffsetRange};
use gugus_submit::InProcess;

use super::*;
use crate::follow::look;
use crate::kinds::kinds;
use crate::prepare::{Config, compile, label};

const ROWS: i64 = 4;

/// One model of each kind that needs no facts of old batches.
const JOB: &str = "name = \"kept\"\n[source]\ntopic = \"kept\"\n[source.columns]\n\"x\" = { type = \"float64\" }\n\
    [batches]\nrows = 4\n\
    [[models]]\nname = \"each\"\nfeatures = [\"x\"]\nk = 2\nseed = 1\npromote = { if = \"rows > 9\", alias = \"production\" }\n\
    [[models]]\nname = \"chain\"\nalgorithm = \"minibatch\"\nfeatures = [\"x\"]\nk = 2\nseed = 1\n\
    [[models]]\nname = \"last\"\nfeatures = [\"x\"]\nk = 2\nseed = 1\nscope = \"window\"\nwindow = { last = 2 }\n";

async fn append(log: &mut BatchLog) {
    let first = log.end_of(0).unwrap_or(0);
    let next = first + ROWS;
    let time = TimestampMillisecondArray::from(vec![None; ROWS as usize]).with_timezone("UTC");
    let values = (0..ROWS).map(|row| row as f64);
    let columns: [(&str, ArrayRef, bool); 4] = [
        ("x", Arc::new(Float64Array::from_iter_values(values)), true),
        (
            "_partition",
            Arc::new(Int32Array::from(vec![0; ROWS as usize])),
            false,
        ),
        (
            "_offset",
            Arc::new(Int64Array::from_iter_values(first..next)),
            false,
        ),
        ("_timestamp", Arc::new(time), true),
    ];
    let range = OffsetRange {
        partition: 0,
        first,
        next,
    };
    let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let appended = log.append(&TopicDraft::new(rows, vec![range])).await;
    assert!(matches!(appended.unwrap(), Appended::Committed(_)));
}

impl Standing<'_> {
    fn newest(&self) -> Option<BatchNumber> {
        let newest = self.run.batches.iter().next_back();
        newest.map(|(number, _)| number)
    }

    /// How many batches are known, and how much text would say all that the lanes know and what waits.
    fn kept(&self) -> (usize, usize) {
        let text = format!("{:?} {:?}", self.lanes, self.behind);
        (self.run.batches.iter().count(), text.len())
    }
}

#[tokio::test]
async fn what_is_kept_does_not_grow_with_the_batches() {
    let batches = Store::in_memory();
    let url = batches.registry_url().parse().unwrap();
    let cluster = InProcess::new(2).with_store(&url, batches.object_store());
    let job = Job::parse(JOB, "kept.toml").unwrap();
    let mut log = BatchLog::open(batches.clone(), &job.name, &job.source.topic)
        .await
        .unwrap();
    append(&mut log).await;
    let config = Config {
        job,
        batches: batches.clone(),
        models: Store::in_memory(),
        only: Vec::new(),
        existing: Existing::Keep,
        progress: Progress::default(),
        observer: Arc::new(()),
        run: None,
    };
    let compiled = compile(&config, &kinds()).unwrap();
    let mut done = Done::nothing(Arc::new(()));
    let (run, lanes) = look(&config, &compiled, &mut done).await.unwrap();
    let (stop, poll) = (CancellationToken::new(), Duration::from_millis(5));
    let cluster = Cluster::new(&cluster, label(&config), &stop, poll);
    let mut standing = Standing::new(run, lanes, cluster, poll);
    let mut watch = batches.watch(poll);
    let mut kept = Vec::new();
    for last in 2..=60 {
        append(&mut log).await;
        let last = BatchNumber::new(last);
        while standing.newest() < last || standing.behind.oldest().is_some() {
            let stepped = standing.step(&mut done, &mut watch, &stop).await;
            assert_eq!(stepped.unwrap(), None);
        }
        kept.push(standing.kept());
    }
    assert_eq!(done.total.trained, 3 * 60);
    assert!(done.total.models.is_empty(), "lines are told, and not kept");
    let (batches, text) = *kept.last().unwrap();
    assert!(batches <= 3, "{batches} batches are known");
    // The number of a batch alone would be a dozen letters for each of 40 batches. Other figures differ by some digits.
    let before = kept[18].1;
    assert!(text <= before + 400, "{before} letters became {text}");
}
