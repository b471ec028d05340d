//! Rejected records are taken again after the job file was corrected.

use gugus_ingest::Kind;
use gugus_ingest::replay::{self, Mode};
use gugus_spec::BatchNumber;
use gugus_spec::Job;
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

use crate::support::*;

/// `points`, with x no longer required.
fn corrected(batches: &str) -> Job {
    let text = format!(
        r#"
        name = "points"
        [source]
        topic = "t"
        [source.columns]
        x = {{ type = "float64" }}
        y = {{ type = "float64" }}
        [batches]
        {batches}
        "#
    );
    Job::parse(&text, "points.toml").unwrap()
}

fn config(folder: &Folder, job: Job) -> replay::Config {
    replay::Config {
        job,
        store: folder.store(),
        batch: None,
        mode: Mode::Commit,
        progress: ProgressBar::hidden(),
    }
}

async fn run(config: replay::Config) -> replay::Summary {
    replay::run(config, CancellationToken::new()).await.unwrap()
}

/// Records of two batches of which seven have no x, and two are no JSON.
async fn rejected() -> (Folder, Broker) {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    let job = points("t", "rows = 10");
    for round in 0..2 {
        broker.send_points("t", 2, round * 100..round * 100 + 10);
        let poison: Vec<String> = (0..4 - round)
            .map(|y| format!(r#"{{"y":"{y}"}}"#))
            .collect();
        let mut records: Vec<Sent<'_>> = poison
            .iter()
            .map(|value| (1, None, Some(value.as_bytes())))
            .collect();
        records.push((0, None, Some(b"not json")));
        broker.send("t", &records);
        run_ingest(ingest(&folder, &broker, &job)).await.unwrap();
    }
    let verified = folder.verify().await;
    assert_eq!((verified.records, verified.rejected), (20, 9));
    (folder, broker)
}

#[tokio::test]
async fn what_fits_now_is_taken_once_and_the_rest_stays() {
    let (folder, broker) = rejected().await;
    let batches = folder.verify().await.batches;
    let mut dry = config(&folder, corrected("rows = 4"));
    dry.mode = Mode::DryRun;
    let summary = run(dry).await;
    assert_eq!(
        (summary.replayed, summary.batches, summary.rejected),
        (7, 0, 2)
    );
    assert_eq!(
        folder.verify().await.batches,
        batches,
        "a dry run writes nothing"
    );

    let summary = run(config(&folder, corrected("rows = 4"))).await;
    assert_eq!(
        (summary.replayed, summary.batches, summary.rejected),
        (7, 2, 2)
    );
    let [still] = summary.reasons.as_slice() else {
        panic!("one kind: {:?}", summary.reasons);
    };
    assert_eq!((still.kind.as_str(), still.records), ("not_json", 2));
    let verified = folder.verify().await;
    assert_eq!(
        (verified.records, verified.rejected, verified.replayed),
        (27, 2, 7)
    );
    // They have the places that they came with.
    let rows = folder.rows().await;
    let replayed = &rows[rows.len() - 2..];
    let ys: Vec<f64> = floats(replayed, "y").into_iter().flatten().collect();
    assert_eq!(ys, [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0]);
    assert!(floats(replayed, "x").iter().all(Option::is_none));

    let again = run(config(&folder, corrected(""))).await;
    assert_eq!((again.replayed, again.batches, again.rejected), (0, 0, 2));
    // The topic goes on behind its end.
    broker.send_points("t", 2, 300..305);
    let more = run_ingest(ingest(&folder, &broker, &corrected("rows = 10")))
        .await
        .unwrap();
    assert_eq!(more.records, 5);
    assert_eq!(folder.verify().await.records, 32);
}

#[tokio::test]
async fn one_batch_can_be_named() {
    let (folder, _broker) = rejected().await;
    let log = folder.log().await;
    let rejects = log.rejects().await.unwrap();
    let mut only = config(&folder, corrected(""));
    only.batch = Some(rejects[0].batch);
    let count = rejects[0].file.rows - 1;
    assert_eq!(run(only).await.replayed, count);
    let mut none = config(&folder, corrected(""));
    none.batch = BatchNumber::new(999);
    assert_eq!(run(none).await, replay::Summary::default());
}

/// Each of several replays at a time takes records that no other takes.
#[tokio::test(flavor = "multi_thread")]
async fn replays_at_the_same_time_take_nothing_twice() {
    let (folder, _broker) = rejected().await;
    let runs: Vec<_> = (0..4)
        .map(|_| tokio::spawn(run(config(&folder, corrected("rows = 1")))))
        .collect();
    let mut replayed = 0;
    for run in runs {
        replayed += run.await.unwrap().replayed;
    }
    assert_eq!(replayed, 7);
    let verified = folder.verify().await;
    assert_eq!((verified.rejected, verified.replayed), (2, 7));
}

/// Rows of files say their names in a header that is not theirs.
#[tokio::test]
async fn rows_of_imported_files_are_read_by_their_headers() {
    let folder = Folder::new();
    let csv = folder.write("a.csv", "y,x\n1,2\n\"3\",\n4,z\n");
    let json = folder.write("b.jsonl", "{\"y\":5}\n{\"x\":6}\n{\"y\":7}\n");
    let job = points("t", "");
    let imported = run_import(import(&folder, &job, &[&csv, &json]))
        .await
        .unwrap();
    assert_eq!((imported.records, imported.rejected), (2, 4));
    let summary = run(config(&folder, corrected(""))).await;
    assert_eq!((summary.replayed, summary.rejected), (3, 1));
    let rows = folder.rows().await;
    let replayed = &rows[rows.len() - 1..];
    assert_eq!(floats(replayed, "y"), [Some(3.0), Some(5.0), Some(7.0)]);
    assert_eq!(offsets(replayed), [1, 3, 5]);
    assert_eq!(folder.verify().await.replayed, 3);
    // An import goes on behind it.
    let more = folder.write("c.csv", "x,y\n8,9\n");
    run_import(import(&folder, &job, &[&more])).await.unwrap();
    assert_eq!(folder.verify().await.records, 6);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_not_made() {
    let folder = Folder::new();
    let error = replay::run(config(&folder, corrected("")), CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(!folder.path("batch").exists());
}
