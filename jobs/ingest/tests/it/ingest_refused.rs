//! What ingest refuses to begin, or stops for. The broker is librdkafka's mock cluster, a stand-in for Kafka.

use std::time::Instant;

use gugus_batches::{Appended, BatchLog, TopicDraft};
use gugus_ingest::{Error, Kind, Start, produce};
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
    let (ingested, produced) = tokio::join!(
        run_ingest(ingest),
        produce::run(produce, CancellationToken::new())
    );
    for error in [ingested.unwrap_err(), produced.unwrap_err()] {
        assert_eq!(error.kind(), Kind::Failed);
        assert!(
            error.to_string().contains(NOBODY) && error.to_string().contains("refused"),
            "{error}"
        );
    }
    assert!(begun.elapsed().as_secs() < 16, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_named() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let error = run_ingest(ingest(&folder, &broker, &points("elsewhere", "")))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NoTopic { .. }), "{error:?}");
    assert_eq!(error.kind(), Kind::Failed);
    assert!(
        error.to_string().contains("elsewhere") && error.to_string().contains(&broker.address()),
        "{error}"
    );
}

#[tokio::test]
async fn folders_of_imports_and_of_other_topics_are_refused() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let job = points("t", "");
    let file = folder.write("a.csv", "x\n1\n");
    run_import(import(&folder, &job, &[&file])).await.unwrap();
    let error = run_ingest(ingest(&folder, &broker, &job))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains("imports"), "{error}");

    let folder = Folder::new();
    broker.send_points("t", 1, 0..3);
    run_ingest(ingest(&folder, &broker, &job)).await.unwrap();
    let error = run_ingest(ingest(&folder, &broker, &points("other", "")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains("other"), "{error}");
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
        config.client = vec![(key.to_owned(), value.to_owned())];
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
        assert_eq!(error.kind(), Kind::Usage, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

/// A topic that was made anew holds less than the batches have: nothing is skipped, nothing read twice.
#[tokio::test]
async fn a_topic_behind_its_batches_stops_it() {
    let folder = Folder::new();
    let job = points("t", "");
    let before = Broker::with_topic("t", 1);
    before.send_points("t", 1, 0..20);
    run_ingest(ingest(&folder, &before, &job)).await.unwrap();
    let anew = Broker::with_topic("t", 1);
    anew.send_points("t", 1, 0..5);
    let error = run_ingest(ingest(&folder, &anew, &job)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    let text = error.to_string();
    assert!(
        text.contains("offset 20") && text.contains("recreated"),
        "{text}"
    );
    assert_eq!(folder.verify().await.records, 20);
}

/// A folder that takes no batch is no reason to go on reading.
#[tokio::test]
async fn a_folder_that_cannot_be_written_ends_it() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    folder.write("batch", "a file where the folder should be");
    let error = run_ingest(ingest(&folder, &broker, &points("t", "")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains("batch"), "{error}");
}

/// The log's own check stands behind ours: a range that does not continue it is refused.
#[tokio::test]
async fn the_log_refuses_a_range_that_does_not_continue_it() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let job = points("t", "");
    broker.send_points("t", 1, 0..3);
    run_ingest(ingest(&folder, &broker, &job)).await.unwrap();
    let mut log = BatchLog::open(folder.store(), &job.name, "t")
        .await
        .unwrap();
    let rows = log.rows(gugus_spec::BatchNumber::FIRST).await.unwrap();
    let ranges = vec![OffsetRange {
        partition: 0,
        first: 0,
        next: 3,
    }];
    let appended = log.append(&TopicDraft::new(rows, ranges)).await;
    assert!(!matches!(appended, Ok(Appended::Committed(_))));
}

/// The folder is read again when partitions are assigned; when that fails, the consumer still closes and the run ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_breaks_before_the_assignment_ends_it() {
    tokio::join!(broken_folder("range"), broken_folder("cooperative-sticky"));
}

async fn broken_folder(assignor: &str) {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    let mut config = ingest(&folder, &broker, &points("t", ""));
    config.until = gugus_ingest::ingest::Until::Forever;
    config.client.push((
        "partition.assignment.strategy".to_owned(),
        assignor.to_owned(),
    ));
    // The mock cluster takes three seconds to assign.
    let running = Running::start(config).await;
    folder.write("batch/batch_00000001.parquet", "no batch");
    let error = running.fail().await;
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.to_string().contains("batch_00000001"), "{error}");
}

/// Told to stop while no broker answers, it ends at once and without an error.
#[tokio::test]
async fn a_stop_is_heard_while_waiting_for_a_broker() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let mut config = ingest(&folder, &broker, &points("t", ""));
    config.brokers = NOBODY.to_owned();
    let stop = CancellationToken::new();
    let running = tokio::spawn(gugus_ingest::ingest::run(
        config,
        || panic!("not ready"),
        stop.clone(),
    ));
    until("it waits", async || folder.path("batch").exists()).await;
    let begun = Instant::now();
    stop.cancel();
    assert_eq!(running.await.unwrap().unwrap().batches, 0);
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}
