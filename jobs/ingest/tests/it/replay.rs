//! Rejected records are taken again after the job file was corrected.

use gugus_ingest::Kind;
use gugus_ingest::replay::{self, Mode, Summary};
use gugus_progress::Progress;
use gugus_spec::BatchNumber;
use gugus_spec::Job;
use tokio_util::sync::CancellationToken;

use crate::support::*;

/// [`points`], where the job no longer requires x.
fn corrected(batches: &str) -> Job {
    let columns = "x = { type = \"float64\" }\ny = { type = \"float64\" }";
    job("points", "t", columns, batches)
}

fn config(folder: &Folder, job: Job) -> replay::Config {
    replay::Config {
        job,
        store: folder.store(),
        batch: None,
        mode: Mode::Commit,
        progress: Progress::default(),
    }
}

fn counts(summary: &Summary) -> (u64, u64, u64) {
    (summary.replayed, summary.batches, summary.rejected)
}

async fn run(config: replay::Config) -> replay::Summary {
    replay::run(config, CancellationToken::new()).await.unwrap()
}

/// A folder and its topic, with nine rejects: seven have no x, and two are no JSON.
async fn rejected() -> (Folder, Broker) {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    let job = points("t", "rows = 10");
    for round in 0..2 {
        broker.send_points("t", 2, round * 100..round * 100 + 10);
        let poison = (0..4 - round).map(|y| format!(r#"{{"y":"{y}"}}"#));
        let poison: Vec<String> = poison.collect();
        let records = poison.iter().map(|v| (1, None, Some(v.as_bytes())));
        let mut records: Vec<Sent<'_>> = records.collect();
        records.push((0, None, Some(b"not json")));
        broker.send("t", &records);
        folder.ingest(&broker, &job).await;
    }
    let (_, records, rejected) = folder.counts().await;
    assert_eq!((records, rejected), (20, 9));
    (folder, broker)
}

#[tokio::test]
async fn what_fits_now_is_taken_once_and_the_rest_stays() {
    let (folder, broker) = rejected().await;
    let batches = folder.verify().await.batches;
    let mut dry = config(&folder, corrected("rows = 4"));
    dry.mode = Mode::DryRun;
    assert_eq!(counts(&run(dry).await), (7, 0, 2));
    let after = folder.verify().await.batches;
    assert_eq!(after, batches, "a dry run writes nothing");

    let summary = run(config(&folder, corrected("rows = 4"))).await;
    assert_eq!(counts(&summary), (7, 2, 2));
    let [still] = summary.reasons.as_slice() else {
        panic!("one kind: {:?}", summary.reasons);
    };
    assert_eq!((still.kind.as_str(), still.records), ("not_json", 2));
    let verified = folder.verify().await;
    assert_eq!((verified.records, verified.rejected), (27, 2));
    assert_eq!(verified.replayed, 7);
    // Replayed records keep their places.
    let rows = folder.rows().await;
    let replayed = &rows[rows.len() - 2..];
    let ys: Vec<f64> = floats(replayed, "y").into_iter().flatten().collect();
    assert_eq!(ys, [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0]);
    assert!(floats(replayed, "x").iter().all(Option::is_none));

    let again = run(config(&folder, corrected(""))).await;
    assert_eq!(counts(&again), (0, 0, 2));
    // The topic goes on behind its end.
    broker.send_points("t", 2, 300..305);
    let more = folder.ingest(&broker, &corrected("rows = 10")).await;
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
    let named = run(only).await;
    // How the rejects are spread over batches is a matter of the broker's answers. Each of the two rounds has at least one.
    let rows = rejects[0].file.rows;
    assert!(rows < 9);
    assert_eq!(named.replayed + named.rejected, rows);
    let mut none = config(&folder, corrected(""));
    none.batch = BatchNumber::new(999);
    assert_eq!(run(none).await, replay::Summary::default());
    let rest = run(config(&folder, corrected(""))).await;
    assert_eq!(named.replayed + rest.replayed, 7);
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

/// Rejected rows of CSV are read by the header of their file.
#[tokio::test]
async fn rows_of_imported_files_are_read_by_their_headers() {
    let folder = Folder::new();
    let csv = folder.write("a.csv", "y,x\n1,2\n\"3\",\n4,z\n");
    let json = folder.write("b.jsonl", "{\"y\":5}\n{\"x\":6}\n{\"y\":7}\n");
    let job = points("t", "");
    let imported = folder.import_all(&job, &[&csv, &json]).await;
    assert_eq!((imported.records, imported.rejected), (2, 4));
    let summary = run(config(&folder, corrected(""))).await;
    assert_eq!((summary.replayed, summary.rejected), (3, 1));
    let rows = folder.rows().await;
    let replayed = &rows[rows.len() - 1..];
    assert_eq!(floats(replayed, "y"), [Some(3.0), Some(5.0), Some(7.0)]);
    assert_eq!(offsets(replayed), [1, 3, 5]);
    assert_eq!(folder.verify().await.replayed, 3);
    // An import goes on behind it.
    folder.import(&job, "c.csv", "x,y\n8,9\n").await;
    assert_eq!(folder.verify().await.records, 6);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_not_made() {
    let folder = Folder::new();
    let config = config(&folder, corrected(""));
    let error = replay::run(config, CancellationToken::new()).await;
    assert_eq!(error.unwrap_err().kind(), Kind::Usage);
    assert!(!folder.path("batch").exists());
}
