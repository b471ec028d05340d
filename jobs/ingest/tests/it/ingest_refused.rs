//! What ingest refuses to begin, or stops for. The broker is librdkafka's mock cluster, a stand-in for Kafka.

use std::time::Instant;

use gugus_batches::{Appended, BatchLog, TopicDraft};
use gugus_ingest::{Error, Kind, Start};
use gugus_spec::OffsetRange;
use tokio_util::sync::CancellationToken;

use crate::support::*;

/// Nothing listens on port 1.
const NOBODY: &str = "127.0.0.1:1";

#[tokio::test]
async fn a_broker_that_is_down_is_named_in_bounded_time() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let mut ingest = ingest(&folder, &broker, &points("t", ""));
    ingest.brokers = NOBODY.to_owned();
    let file = folder.write("a.csv", "x\n1\n");
    let mut produce = produce(&broker, "t", &file);
    produce.brokers = NOBODY.to_owned();
    let begun = Instant::now();
    let (ingested, produced) = tokio::join!(run_ingest(ingest), run_produce(produce));
    for error in [ingested.unwrap_err(), produced.unwrap_err()] {
        says(&error, Kind::Failed, &[NOBODY, "refused"]);
    }
    assert!(begun.elapsed().as_secs() < 16, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_named() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let error = folder.ingest_error(&broker, &points("elsewhere", "")).await;
    assert!(matches!(error, Error::NoTopic { .. }), "{error:?}");
    says(&error, Kind::Failed, &["elsewhere", &broker.address()]);
}

#[tokio::test]
async fn folders_of_imports_and_of_other_topics_are_refused() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let job = points("t", "");
    folder.import(&job, "a.csv", "x\n1\n").await;
    let error = folder.ingest_error(&broker, &job).await;
    says(&error, Kind::Usage, &["imports"]);

    let folder = Folder::new();
    broker.send_points("t", 1, 0..3);
    folder.ingest(&broker, &job).await;
    let error = folder.ingest_error(&broker, &points("other", "")).await;
    says(&error, Kind::Usage, &["other"]);
}

#[tokio::test]
async fn properties_are_checked_and_secrets_stay_secret() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    for (key, value) in [
        ("no.such.thing", "s3cr3t"),
        ("auto.offset.reset", "earliest"),
        ("enable.auto.commit", "true"),
        ("sasl.oauthbearer.method", "s3cr3t"),
        ("sasl.jaas.config", "s3cr3t"),
        ("session.timeout.ms", "abc"),
    ] {
        let mut config = ingest(&folder, &broker, &points("t", ""));
        config.client = vec![property((key, value))];
        let error = run_ingest(config).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{error}");
        let all = format!("{error} {error:?}");
        assert!(all.contains(key) && !all.contains("s3cr3t"), "{all}");
        assert!(!folder.path("batch").exists());
    }
}

#[tokio::test]
async fn starts_that_the_topic_has_not_are_refused() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    broker.send_points("t", 2, 0..10);
    for (offsets, word) in [([(7, 0)], "partition 7"), ([(1, 6)], "offset 6")] {
        let mut config = ingest(&folder, &broker, &points("t", ""));
        config.start = Start::Offsets(offsets.into());
        let error = run_ingest(config).await.unwrap_err();
        says(&error, Kind::Usage, &[word]);
    }
}

/// A topic that was created again holds fewer records than the batches. No record is skipped or read twice.
#[tokio::test]
async fn a_topic_behind_its_batches_stops_it() {
    let folder = Folder::new();
    let job = points("t", "");
    let before = Broker::with_topic("t", 1);
    before.send_points("t", 1, 0..20);
    folder.ingest(&before, &job).await;
    let anew = Broker::with_topic("t", 1);
    anew.send_points("t", 1, 0..5);
    let error = folder.ingest_error(&anew, &job).await;
    says(&error, Kind::Failed, &["offset 20", "recreated"]);
    assert_eq!(folder.verify().await.records, 20);
}

/// `ingest` does not go on reading when the folder takes no batch.
#[tokio::test]
async fn a_folder_that_cannot_be_written_ends_it() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    folder.write("batch", "a file where the folder should be");
    let error = folder.ingest_error(&broker, &points("t", "")).await;
    says(&error, Kind::Usage, &["batch"]);
}

/// The log itself refuses a range that does not begin at its end.
#[tokio::test]
async fn the_log_refuses_a_range_that_does_not_continue_it() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let job = points("t", "");
    broker.send_points("t", 1, 0..3);
    folder.ingest(&broker, &job).await;
    let log = BatchLog::open(folder.store(), &job.name, "t").await;
    let mut log = log.unwrap();
    let rows = log.rows(gugus_spec::BatchNumber::FIRST).await.unwrap();
    let ranges = vec![OffsetRange {
        partition: 0,
        first: 0,
        next: 3,
    }];
    let appended = log.append(&TopicDraft::new(rows, ranges)).await;
    assert!(!matches!(appended, Ok(Appended::Committed(_))));
}

/// The folder is read again when partitions are assigned. If that fails, the consumer closes and the run ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_breaks_before_the_assignment_ends_it() {
    tokio::join!(broken_folder("range"), broken_folder("cooperative-sticky"));
}

async fn broken_folder(assignor: &str) {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    let config = member(&folder, &broker, &points("t", ""), assignor);
    // The mock cluster takes three seconds to assign.
    let running = Running::start(config).await;
    folder.write("batch/batch_00000001.parquet", "no batch");
    let error = running.fail().await;
    says(&error, Kind::Failed, &["batch_00000001"]);
}

/// A run that is stopped while no broker answers ends at once and without an error.
#[tokio::test]
async fn a_stop_is_heard_while_waiting_for_a_broker() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let mut config = ingest(&folder, &broker, &points("t", ""));
    config.brokers = NOBODY.to_owned();
    let stop = CancellationToken::new();
    let run = gugus_ingest::ingest::run(config, || panic!("not ready"), stop.clone());
    let running = tokio::spawn(run);
    until("it waits", async || folder.path("batch").exists()).await;
    let begun = Instant::now();
    stop.cancel();
    assert_eq!(running.await.unwrap().unwrap().batches, 0);
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}
