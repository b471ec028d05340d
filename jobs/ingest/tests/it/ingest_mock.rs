//! A topic of librdkafka's mock cluster, a stand-in for Kafka, becomes batches.

use std::collections::BTreeSet;
use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, TimestampMillisecondType};
use gugus_ingest::ingest::{Summary, Until};
use gugus_ingest::{Kind, Start};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::*;

fn counts(summary: &Summary) -> (u64, u64, u64) {
    (summary.batches, summary.records, summary.rejected)
}

#[tokio::test]
async fn what_was_produced_is_in_batches_once() {
    let folder = Folder::new();
    let broker = Broker::with_topic("crime-topic", 3);
    let csv = sample(1_000, 1);
    let file = folder.write("sample.csv", &csv);
    let sent = run_produce(produce(&broker, "crime-topic", &file)).await;
    assert_eq!(sent.unwrap().records, 1_000);

    let job = crime("crime-topic", "rows = 100");
    let summary = folder.ingest(&broker, &job).await;
    assert_eq!(counts(&summary), (10, 1_000, 0));
    let taken = summary.partitions.iter();
    let taken = taken.map(|r| (r.partition, (r.first, r.next)));
    let expected = [(0, (0, 334)), (1, (0, 333)), (2, (0, 333))];
    assert_eq!(taken.collect::<Vec<_>>(), expected);
    assert_eq!(ends(&folder.verify().await), expected.into());

    let rows = folder.rows().await;
    assert!(rows.iter().all(|rows| rows.num_rows() == 100));
    let numbers: BTreeSet<_> = texts(&rows, "DR_NO").into_iter().flatten().collect();
    assert_eq!(numbers, cells(&csv, "DR_NO").into_iter().collect());
    // The record at (partition, offset) is the row that was sent there.
    let lats = cells(&csv, "LAT");
    for rows in &rows {
        let partitions = rows["_partition"].as_primitive::<Int32Type>();
        let times = rows["_timestamp"].as_primitive::<TimestampMillisecondType>();
        let lat = floats(std::slice::from_ref(rows), "LAT");
        for (row, offset) in offsets(std::slice::from_ref(rows)).into_iter().enumerate() {
            let line = offset as usize * 3 + partitions.value(row) as usize;
            assert_eq!(lat[row], Some(lats[line].parse().unwrap()));
            assert!(times.value(row) > 1_600_000_000_000, "kafka's own time");
        }
    }
}

#[tokio::test]
async fn a_restart_goes_on_where_the_batches_end() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    let job = points("t", "rows = 10");
    let mut config = ingest(&folder, &broker, &job);
    broker.send_points("t", 2, 0..45);
    config.max_batches = Some(2);
    let first = run_ingest(config.clone()).await.unwrap();
    assert_eq!((first.batches, first.records), (2, 20));
    config.max_batches = None;
    let second = run_ingest(config.clone()).await.unwrap();
    assert_eq!((second.batches, second.records), (3, 25));
    let nothing = run_ingest(config.clone()).await.unwrap();
    assert_eq!((nothing.batches, nothing.records), (0, 0));
    broker.send_points("t", 2, 45..50);
    // A start counts only where there are no batches.
    config.start = Start::Latest;
    assert_eq!(run_ingest(config).await.unwrap().records, 5);
    assert_eq!(folder.verify().await.batches, 6);
    assert_eq!(sorted_xs(&folder.rows().await), numbers(0..50));
}

#[tokio::test]
async fn poison_is_kept_with_its_reason_and_does_not_loop() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let good = br#"{"x":"1"}"#.as_slice();
    let records: [Sent<'_>; 8] = [
        (0, None, Some(good)),
        (0, Some(b"key"), Some(b"{not json")),
        (0, None, None),
        (0, None, Some(br#"{"x":"north"}"#)),
        (0, None, Some(br#"{"y":"1"}"#)),
        (0, None, Some(br#"[{"x":1}]"#)),
        (0, None, Some(b"\xff\xfe")),
        (0, None, Some(good)),
    ];
    broker.send("t", &records);
    let job = points("t", "rows = 2");
    let summary = folder.ingest(&broker, &job).await;
    assert_eq!(counts(&summary), (1, 2, 6));
    let rejects = folder.rejects().await;
    let places: Vec<_> = rejects.iter().map(|(at, ..)| *at).collect();
    assert_eq!(places, [1, 2, 3, 4, 5, 6]);
    for (offset, value, reason) in &rejects {
        assert_eq!(value.as_deref(), records[*offset as usize].2, "{reason}");
    }
    assert!(
        rejects[2].2.contains("north") && rejects[3].2.contains("\"x\""),
        "{rejects:?}"
    );
    assert_eq!(offsets(&folder.rows().await), [0, 7]);
    folder.verify().await;
    assert_eq!(folder.ingest(&broker, &job).await.batches, 0);
}

#[tokio::test]
async fn an_idle_topic_flushes_within_its_time() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    let job = points("t", "rows = 1000\nidle = \"500ms\"");
    let mut config = ingest(&folder, &broker, &job);
    config.until = Until::Forever;
    let running = Running::start(config).await;
    let hand = running.progress.clone();
    let are_there = async |records: i64| {
        let batches = match folder.batch(1).exists() {
            true => folder.rows().await,
            false => Vec::new(),
        };
        let rows = batches.iter().map(|rows| rows.num_rows() as i64);
        rows.sum::<i64>() == records
    };
    // Where other programs run beside this test, a batch may be late, but not each of five.
    let mut waited = Vec::new();
    for burst in 1..=5 {
        broker.send_points("t", 2, 7 * (burst - 1)..7 * burst);
        until("all are in hand", async || {
            hand.now().message.contains("7 in hand") || are_there(7 * burst).await
        })
        .await;
        let all_there = async || are_there(7 * burst).await;
        waited.push(until("the batch is there", all_there).await);
        if waited.last() < Some(&Duration::from_millis(1_500)) {
            break;
        }
    }
    let quickest = waited.iter().min();
    assert!(quickest < Some(&Duration::from_millis(1_500)), "{waited:?}");
    // A burst after a gap is one batch again.
    let sent = 7 * waited.len() as i64;
    broker.send_points("t", 2, sent..sent + 13);
    until("the next is there", async || are_there(sent + 13).await).await;
    let summary = running.stop().await;
    assert_eq!(summary.records, sent as u64 + 13);
    let bursts = waited.len() as u64 + 1;
    assert!(
        summary.batches <= 2 * bursts,
        "for {bursts} bursts: {summary:?}"
    );
    folder.verify().await;
}

#[tokio::test]
async fn an_open_batch_grows_no_older_than_it_may() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let job = points("t", "rows = 100000\nmax_age = \"400ms\"");
    let mut config = ingest(&folder, &broker, &job);
    config.until = Until::Forever;
    let running = Running::start(config).await;
    // Never idle, and never full.
    let mut sent = 0;
    until("a batch is there", async || {
        broker.send_points("t", 1, sent..sent + 1);
        sent += 1;
        folder.batch(1).exists()
    })
    .await;
    broker.send_points("t", 1, sent..sent + 1);
    assert!(folder.rows().await[0].num_rows() < 100_000);
    let hand = running.progress.clone();
    until("a record is in hand", async || {
        !hand.now().message.contains(" 0 in hand") || folder.batch(2).exists()
    })
    .await;
    let summary = running.stop().await;
    assert!(summary.batches > 1, "the end commits the open batch");
    assert_eq!(folder.verify().await.records, summary.records);
}

#[tokio::test]
async fn bytes_close_a_batch_too() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    broker.send_points("t", 1, 100..200);
    // A record has 20 bytes.
    let job = points("t", "rows = 1000\nbytes = \"200B\"");
    let summary = folder.ingest(&broker, &job).await;
    assert_eq!(counts(&summary), (10, 100, 0));
    folder.verify().await;
}

#[tokio::test]
async fn a_start_is_where_reading_begins() {
    let broker = Broker::with_topic("t", 2);
    broker.send_points("t", 2, 0..20);
    let job = points("t", "rows = 1000");
    let offsets = |offsets: &[(i32, i64)]| Start::Offsets(offsets.iter().copied().collect());
    let starts = [
        (Start::Earliest, vec![(0, (0, 10)), (1, (0, 10))]),
        (offsets(&[(0, 4), (1, 9)]), vec![(0, (4, 10)), (1, (9, 10))]),
        (offsets(&[(1, 10)]), vec![(0, (0, 10))]),
        (Start::Latest, vec![]),
    ];
    // All at once, each in a group of its own.
    let mut running = Vec::new();
    for (group, (start, expected)) in starts.into_iter().enumerate() {
        let folder = Folder::new();
        let mut config = ingest(&folder, &broker, &job);
        config
            .client
            .push(property(("group.id", &group.to_string())));
        config.start = start;
        running.push((folder, tokio::spawn(run_ingest(config)), expected));
    }
    for (folder, run, expected) in running {
        run.await.unwrap().unwrap();
        assert_eq!(ends(&folder.verify().await), expected.into_iter().collect());
    }
}

/// The folder decides, not the group: another group that committed offsets of its own changes nothing.
#[tokio::test]
async fn batches_of_two_groups_in_one_folder_do_not_overlap() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    broker.send_points("t", 1, 0..30);
    let job = points("t", "rows = 10");
    let mut config = ingest(&folder, &broker, &job);
    config.max_batches = Some(1);
    for group in ["a", "b", "a"] {
        config.client = quick();
        config.client.push(property(("group.id", group)));
        assert_eq!(run_ingest(config.clone()).await.unwrap().records, 10);
    }
    assert_eq!(ends(&folder.verify().await), [(0, (0, 30))].into());
}

#[tokio::test]
async fn too_many_rejects_stop_it_behind_what_was_committed() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let both: [Sent<'_>; 2] = [(0, None, Some(b"no")), (0, None, Some(br#"{"x":1}"#))];
    broker.send("t", &both.repeat(750));
    let job = points("t", "rows = 100000\nmax_reject_ratio = 0.4");
    let error = folder.ingest_error(&broker, &job).await;
    says(&error, Kind::Failed, &["500 of the last 1000"]);
    let (_, records, rejected) = folder.counts().await;
    assert_eq!((records, rejected), (500, 500));
}

/// Keys and headers are columns of their own if the job says so, also of rejects that are taken again.
#[tokio::test]
async fn keys_and_headers_are_kept_where_the_job_says_so() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", broker.address())
        .create()
        .unwrap();
    for value in [r#"{"x":1,"_key":"mine"}"#, r#"{"y":2}"#] {
        let header = Header {
            key: "source",
            value: Some("web"),
        };
        let record = BaseRecord::to("t").key(b"k\xff".as_slice()).payload(value);
        let record = record.headers(OwnedHeaders::new().insert(header));
        producer.send(record).map_err(|(e, _)| e).unwrap();
    }
    producer.flush(Duration::from_secs(20)).unwrap();
    broker.send("t", &[(0, None, Some(b"{\"x\":3}"))]);

    let keeping = |x: &str| {
        let text = format!(
            "name = \"points\"\n[source]\ntopic = \"t\"\nkeep = [\"key\", \"headers\"]\n[source.columns]\n{x}\n\
             y = {{ type = \"float64\" }}\n"
        );
        gugus_spec::Job::parse(&text, "job.toml").unwrap()
    };
    let job = keeping("x = { type = \"float64\", required = true }");
    assert_eq!(counts(&folder.ingest(&broker, &job).await), (1, 2, 1));
    let replay = gugus_ingest::replay::Config {
        job: keeping("x = { type = \"float64\" }"),
        store: folder.store(),
        batch: None,
        mode: gugus_ingest::replay::Mode::Commit,
        progress: gugus_progress::Progress::default(),
    };
    let replayed = gugus_ingest::replay::run(replay, Default::default()).await;
    assert_eq!(replayed.unwrap().replayed, 1);
    folder.verify().await;
    let rows = folder.rows().await;
    let kept = |batch: usize, row: usize| {
        let (keys, headers) = (&rows[batch]["_key"], &rows[batch]["_headers"]);
        let key = keys
            .is_valid(row)
            .then(|| keys.as_binary::<i32>().value(row).to_vec());
        let header = headers.is_valid(row);
        (
            key,
            header.then(|| headers.as_string::<i32>().value(row).to_owned()),
        )
    };
    let all = (
        Some(b"k\xff".to_vec()),
        Some(r#"{"source":"web"}"#.to_owned()),
    );
    assert_eq!(kept(0, 0), all);
    assert_eq!(kept(0, 1), (None, None));
    assert_eq!(kept(1, 0), all, "of a reject that was taken again");

    // A file has neither.
    let other = Folder::new();
    other.import(&job, "a.csv", "x,_key\n1,mine\n").await;
    assert_eq!(other.rows().await[0]["_key"].null_count(), 1);
}
