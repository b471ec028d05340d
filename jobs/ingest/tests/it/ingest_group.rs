//! Several writers of one folder. The broker is librdkafka's mock cluster, a stand-in for Kafka.

use std::collections::BTreeMap;

use gugus_batches::Footer;
use gugus_progress::Progress;

use crate::support::*;

/// Waits until batches hold this many records.
async fn until_in_batches(folder: &Folder, records: i64) {
    until("the records are in batches", async || {
        let log = folder.log().await;
        let held = |head: &Footer| head.ends.iter().map(|e| e.next).sum::<i64>();
        log.head().is_some_and(|head| held(head) == records)
    })
    .await;
}

async fn until_message(progress: &Progress, text: &str) {
    until(text, async || progress.now().message.contains(text)).await;
}

async fn two_members(assignor: &str) {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 4);
    let job = points("t", "rows = 10\nidle = \"300ms\"");
    let mut config = member(&folder, &broker, &job, assignor);
    broker.send_points("t", 4, 0..50);
    let one = Running::start(config.clone()).await;
    until("the first has read all", async || folder.batch(5).exists()).await;
    config.progress = Progress::default();
    let two = Running::start(config).await;
    for progress in [&one.progress, &two.progress] {
        until_message(progress, " 2 partitions").await;
    }
    broker.send_points("t", 4, 50..150);
    until_in_batches(&folder, 150).await;
    let second = two.stop().await;
    assert!(second.records > 0, "the second had its share");
    broker.send_points("t", 4, 150..170);
    until_in_batches(&folder, 170).await;
    let first = one.stop().await;
    assert_eq!(first.records + second.records, 170);
    folder.verify().await;
    assert_eq!(sorted_xs(&folder.rows().await), numbers(0..170));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_members_share_the_partitions_eagerly() {
    two_members("range").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_members_share_the_partitions_cooperatively() {
    two_members("cooperative-sticky").await;
}

/// Two that end at the end wait for each other's last batch, and nothing is missing when both have ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_members_end_at_the_end_together() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 4);
    broker.send_points("t", 4, 0..103);
    let config = ingest(&folder, &broker, &points("t", "rows = 10"));
    let (one, two) = tokio::join!(run_ingest(config.clone()), run_ingest(config));
    assert_eq!(one.unwrap().records + two.unwrap().records, 103);
    folder.verify().await;
    assert_eq!(sorted_xs(&folder.rows().await), numbers(0..103));
}

/// Records that another process committed meanwhile are dropped, and the records behind them are read again. Other
/// partitions are not touched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_race_drops_what_moved_and_keeps_the_rest() {
    tokio::join!(lost_race("range"), lost_race("cooperative-sticky"));
}

async fn lost_race(assignor: &str) {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    let job = points("t", "rows = 40");
    let running = Running::start(member(&folder, &broker, &job, assignor)).await;
    // x = offset in partition 0, 1000 + offset in partition 1.
    broker.send_points("t", 1, 0..15);
    let others: Vec<String> = (1_000..1_012).map(|x| format!(r#"{{"x":{x}}}"#)).collect();
    let others = others.iter().map(|v| (1, None, Some(v.as_bytes())));
    broker.send("t", &others.collect::<Vec<Sent<'_>>>());
    until_message(&running.progress, " 27 in hand").await;
    folder.append(&job, point_rows(0..10).await, 0..10).await;
    // These records fill the batch, and its commit meets the other one.
    broker.send_points("t", 1, 15..28);
    until("partition 1 is committed", async || {
        folder.batch(2).exists()
    })
    .await;
    let head = folder.log().await.head().cloned().unwrap();
    let ranges = head.ranges.iter().map(|r| (r.partition, r.first, r.next));
    assert_eq!(ranges.collect::<Vec<_>>(), [(1, 0, 12)], "the rest moved");
    until_message(&running.progress, " 18 in hand").await;
    let summary = running.stop().await;
    assert_eq!(summary.records, 12 + 18);
    assert_eq!(
        ends(&folder.verify().await),
        BTreeMap::from([(0, (0, 28)), (1, (0, 12))])
    );
    let expected = [numbers(0..28), numbers(1_000..1_012)].concat();
    assert_eq!(sorted_xs(&folder.rows().await), expected, "{assignor}");
}

/// A member that gives partitions back first commits the records that it holds of them. No record is read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_hand_is_committed_before_a_revocation() {
    tokio::join!(
        flush_on_revoke("range"),
        flush_on_revoke("cooperative-sticky")
    );
}

async fn flush_on_revoke(assignor: &str) {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 4);
    // Neither full nor old: only a revocation closes this batch.
    let mut config = member(&folder, &broker, &points("t", "rows = 1000"), assignor);
    broker.send_points("t", 4, 0..30);
    let one = Running::start(config.clone()).await;
    until_message(&one.progress, " 30 in hand").await;
    config.progress = Progress::default();
    let two = Running::start(config).await;
    until("the batch is there", async || folder.batch(1).exists()).await;
    until_message(&two.progress, " 2 partitions").await;
    let (one, two) = (one.stop().await, two.stop().await);
    assert_eq!((one.records, two.records), (30, 0), "{assignor}");
    assert_eq!(folder.verify().await.batches, 1);
    assert_eq!(sorted_xs(&folder.rows().await), numbers(0..30));
}
