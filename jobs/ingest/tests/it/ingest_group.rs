//! Several writers of one folder. The broker is librdkafka's mock cluster, a stand-in for Kafka.

use std::collections::BTreeMap;

use gugus_batches::{Appended, BatchLog, TopicDraft};
use gugus_ingest::ingest::Until;
use gugus_spec::OffsetRange;

use crate::support::*;

fn sorted_xs(rows: &[arrow::array::RecordBatch]) -> Vec<f64> {
    let mut xs: Vec<_> = floats(rows, "x").into_iter().flatten().collect();
    xs.sort_by(f64::total_cmp);
    xs
}

async fn two_members(assignor: &str) {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 4);
    let mut config = ingest(
        &folder,
        &broker,
        &points("t", "rows = 10\nidle = \"300ms\""),
    );
    config.until = Until::Forever;
    config.client.push((
        "partition.assignment.strategy".to_owned(),
        assignor.to_owned(),
    ));
    broker.send_points("t", 4, 0..50);
    let one = Running::start(config.clone()).await;
    let had = one.progress.clone();
    until("the first has read all", async || folder.batch(5).exists()).await;
    config.progress = indicatif::ProgressBar::hidden();
    let two = Running::start(config).await;
    let (left, right) = (had, two.progress.clone());
    until("each has two partitions", async || {
        [&left, &right]
            .iter()
            .all(|progress| progress.message().ends_with("2 partitions"))
    })
    .await;
    broker.send_points("t", 4, 50..150);
    until("all are in batches", async || {
        folder
            .log()
            .await
            .head()
            .is_some_and(|head| head.ends.iter().map(|e| e.next).sum::<i64>() == 150)
    })
    .await;
    let second = two.stop().await;
    assert!(second.records > 0, "the second had its share");
    broker.send_points("t", 4, 150..170);
    until("the first has taken over", async || {
        folder
            .log()
            .await
            .head()
            .is_some_and(|head| head.ends.iter().map(|e| e.next).sum::<i64>() == 170)
    })
    .await;
    let first = one.stop().await;
    assert_eq!(first.records + second.records, 170);
    folder.verify().await;
    assert_eq!(
        sorted_xs(&folder.rows().await),
        (0..170).map(f64::from).collect::<Vec<_>>()
    );
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
    assert_eq!(
        sorted_xs(&folder.rows().await),
        (0..103).map(f64::from).collect::<Vec<_>>()
    );
}

/// Commits points of partition 0 as a process would of which the group thinks that it is gone.
async fn commit_as_zombie(folder: &Folder, job: &gugus_spec::Job, xs: std::ops::Range<i64>) {
    let rows = {
        let other = Folder::new();
        let csv: String = xs.clone().map(|x| format!("{x},{}\n", x * 2)).collect();
        let file = other.write("a.csv", format!("x,y\n{csv}"));
        run_import(import(&other, &points("t", "rows = 1000"), &[&file]))
            .await
            .unwrap();
        other.rows().await.remove(0)
    };
    let mut log = BatchLog::open(folder.store(), &job.name, "t")
        .await
        .unwrap();
    let ranges = vec![OffsetRange {
        partition: 0,
        first: xs.start,
        next: xs.end,
    }];
    let draft = TopicDraft::new(rows, ranges);
    assert!(matches!(
        log.append(&draft).await.unwrap(),
        Appended::Committed(_)
    ));
}

/// What somebody else committed meanwhile is dropped, what is behind it read again, and other partitions are not touched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_race_drops_what_moved_and_keeps_the_rest() {
    tokio::join!(lost_race("range"), lost_race("cooperative-sticky"));
}

async fn lost_race(assignor: &str) {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    let job = points("t", "rows = 40");
    let mut config = ingest(&folder, &broker, &job);
    config.until = Until::Forever;
    config.client.push((
        "partition.assignment.strategy".to_owned(),
        assignor.to_owned(),
    ));
    let running = Running::start(config).await;
    // x = offset in partition 0, 1000 + offset in partition 1.
    broker.send_points("t", 1, 0..15);
    let others: Vec<String> = (1_000..1_012).map(|x| format!(r#"{{"x":{x}}}"#)).collect();
    let others: Vec<Sent<'_>> = others
        .iter()
        .map(|v| (1, None, Some(v.as_bytes())))
        .collect();
    broker.send("t", &others);
    let hand = running.progress.clone();
    until("27 are in hand", async || {
        hand.message().contains(" 27 in hand")
    })
    .await;
    commit_as_zombie(&folder, &job, 0..10).await;
    // Fills the batch; its commit meets the other's.
    broker.send_points("t", 1, 15..28);
    until("partition 1 is committed", async || {
        folder.batch(2).exists()
    })
    .await;
    let head = folder.log().await.head().cloned().unwrap();
    assert_eq!(
        head.ranges,
        [OffsetRange {
            partition: 1,
            first: 0,
            next: 12
        }],
        "only what had not moved"
    );
    until("the rest is in hand again", async || {
        hand.message().contains(" 18 in hand")
    })
    .await;
    let summary = running.stop().await;
    assert_eq!(summary.records, 12 + 18);
    assert_eq!(
        ends(&folder.verify().await),
        BTreeMap::from([(0, (0, 28)), (1, (0, 12))])
    );
    let expected: Vec<f64> = (0..28).chain(1_000..1_012).map(f64::from).collect();
    assert_eq!(sorted_xs(&folder.rows().await), expected, "{assignor}");
}

/// A member that gives partitions back commits what it holds of them first, and nothing of it is read again.
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
    let mut config = ingest(&folder, &broker, &points("t", "rows = 1000"));
    config.until = Until::Forever;
    config.client.push((
        "partition.assignment.strategy".to_owned(),
        assignor.to_owned(),
    ));
    broker.send_points("t", 4, 0..30);
    let one = Running::start(config.clone()).await;
    let hand = one.progress.clone();
    until("30 are in hand", async || {
        hand.message().contains(" 30 in hand")
    })
    .await;
    config.progress = indicatif::ProgressBar::hidden();
    let two = Running::start(config).await;
    until("the batch is there", async || folder.batch(1).exists()).await;
    let right = two.progress.clone();
    until("the second has its share", async || {
        right.message().ends_with("2 partitions")
    })
    .await;
    let (one, two) = (one.stop().await, two.stop().await);
    assert_eq!((one.records, two.records), (30, 0), "{assignor}");
    assert_eq!(folder.verify().await.batches, 1);
    assert_eq!(
        sorted_xs(&folder.rows().await),
        (0..30).map(f64::from).collect::<Vec<_>>()
    );
}
