//! A topic that no longer holds the next record. `ingest` notices this, and goes on only as the user chose.

use gugus_batches::JumpReason;
use gugus_ingest::Kind;
use gugus_ingest::ingest::OnReset;

use crate::support::*;

/// A folder with the twenty records of a topic, and another topic of the same name with other records.
async fn made_anew(records: i64) -> (Folder, Broker, gugus_spec::Job) {
    let folder = Folder::new();
    let job = points("t", "");
    let before = Broker::with_topic("t", 1);
    before.send_points("t", 1, 0..20);
    folder.ingest(&before, &job).await;
    let anew = Broker::with_topic("t", 1);
    anew.send_points("t", 1, 1_000..1_000 + records);
    (folder, anew, job)
}

#[tokio::test]
async fn a_topic_that_was_refilled_past_the_end_is_noticed() {
    for records in [20, 21, 50] {
        let (folder, anew, job) = made_anew(records).await;
        let error = folder.ingest_error(&anew, &job).await;
        let words = ["offset 19", "recreated", "--on-reset earliest"];
        says(&error, Kind::Failed, &words);
        assert_eq!(folder.verify().await.records, 20);
    }
}

#[tokio::test]
async fn the_same_topic_is_known_again() {
    let folder = Folder::new();
    let job = points("t", "");
    let broker = Broker::with_topic("t", 2);
    broker.send_points("t", 2, 0..20);
    folder.ingest(&broker, &job).await;
    let ends = folder.log().await.head().unwrap().ends.clone();
    assert_eq!(ends.len(), 2);
    for end in ends {
        assert_eq!(end.last.unwrap().offset, end.next - 1);
    }
    broker.send_points("t", 2, 20..30);
    assert_eq!(folder.ingest(&broker, &job).await.records, 10);
    assert_eq!(folder.verify().await.jumps, []);
}

#[tokio::test]
async fn earliest_goes_on_with_all_that_a_new_topic_holds_and_writes_it_down() {
    for records in [5, 50] {
        let (folder, anew, job) = made_anew(records).await;
        let mut config = ingest(&folder, &anew, &job);
        config.on_reset = OnReset::Earliest;
        let summary = run_ingest(config.clone()).await.unwrap();
        assert_eq!(summary.records, records as u64);
        let verified = folder.verify().await;
        assert_eq!(verified.records, 20 + records as u64);
        let [jump] = verified.jumps.as_slice() else {
            panic!("one jump: {:?}", verified.jumps);
        };
        assert_eq!(
            (jump.partition, jump.from, jump.to, jump.reason),
            (0, 20, 0, JumpReason::Recreated)
        );
        // The choice takes effect once.
        let again = run_ingest(config).await.unwrap();
        assert_eq!(again.records, 0);
        assert_eq!(folder.verify().await.jumps.len(), 1);
        // A run without that choice goes on, too, because the batches know the new topic now.
        anew.send_points("t", 1, 2_000..2_003);
        assert_eq!(folder.ingest(&anew, &job).await.records, 3);
        assert_eq!(folder.verify().await.records, 23 + records as u64);
    }
}

#[tokio::test]
async fn latest_goes_on_with_what_comes() {
    let (folder, anew, job) = made_anew(7).await;
    let mut config = ingest(&folder, &anew, &job);
    config.on_reset = OnReset::Latest;
    config.until = gugus_ingest::ingest::Until::Forever;
    let running = Running::start(config).await;
    until("the partition is assigned", async || {
        running.progress.now().message.ends_with("1 partitions")
    })
    .await;
    anew.send_points("t", 1, 3_000..3_002);
    until("the last records are in hand", async || {
        running.progress.now().message.contains("2 in hand")
    })
    .await;
    running.stop().await;
    let verified = folder.verify().await;
    assert_eq!(verified.records, 22);
    let jumps = verified.jumps.iter().map(|jump| (jump.from, jump.to));
    assert_eq!(jumps.collect::<Vec<_>>(), [(20, 7)]);
}
