//! A topic that no longer holds what comes next: it is noticed, and gone on with only as the user chose.

use gugus_batches::JumpReason;
use gugus_ingest::Kind;
use gugus_ingest::ingest::OnReset;

use crate::support::*;

/// A topic with twenty records of which all are in batches, and another of the same name with other records.
async fn made_anew(records: i64) -> (Folder, Broker, gugus_spec::Job) {
    let folder = Folder::new();
    let job = points("t", "");
    let before = Broker::with_topic("t", 1);
    before.send_points("t", 1, 0..20);
    run_ingest(ingest(&folder, &before, &job)).await.unwrap();
    let anew = Broker::with_topic("t", 1);
    anew.send_points("t", 1, 1_000..1_000 + records);
    (folder, anew, job)
}

#[tokio::test]
async fn a_topic_that_was_refilled_past_the_end_is_noticed() {
    for records in [20, 21, 50] {
        let (folder, anew, job) = made_anew(records).await;
        let error = run_ingest(ingest(&folder, &anew, &job)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Failed);
        let text = error.to_string();
        assert!(
            text.contains("offset 19")
                && text.contains("recreated")
                && text.contains("--on-reset earliest"),
            "{text}"
        );
        assert_eq!(folder.verify().await.records, 20);
    }
}

#[tokio::test]
async fn the_same_topic_is_known_again() {
    let folder = Folder::new();
    let job = points("t", "");
    let broker = Broker::with_topic("t", 2);
    broker.send_points("t", 2, 0..20);
    run_ingest(ingest(&folder, &broker, &job)).await.unwrap();
    let ends = folder.log().await.head().unwrap().ends.clone();
    assert_eq!(ends.len(), 2);
    for end in ends {
        assert_eq!(end.last.unwrap().offset, end.next - 1);
    }
    broker.send_points("t", 2, 20..30);
    let summary = run_ingest(ingest(&folder, &broker, &job)).await.unwrap();
    assert_eq!(summary.records, 10);
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
        // What was chosen once is done once.
        let again = run_ingest(config).await.unwrap();
        assert_eq!(again.records, 0);
        assert_eq!(folder.verify().await.jumps.len(), 1);
        // And who did not choose goes on, too: the batches know the new topic now.
        anew.send_points("t", 1, 2_000..2_003);
        let more = run_ingest(ingest(&folder, &anew, &job)).await.unwrap();
        assert_eq!(more.records, 3);
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
        running.progress.message().ends_with("1 partitions")
    })
    .await;
    anew.send_points("t", 1, 3_000..3_002);
    until("the last records are in hand", async || {
        running.progress.message().contains("2 in hand")
    })
    .await;
    running.stop().await;
    let verified = folder.verify().await;
    assert_eq!(verified.records, 22);
    assert_eq!(
        verified
            .jumps
            .iter()
            .map(|jump| (jump.from, jump.to))
            .collect::<Vec<_>>(),
        [(20, 7)]
    );
}
