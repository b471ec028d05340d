//! What the tests share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use gugus_batches::{BatchLog, Verification};
use gugus_files::Store;
use gugus_ingest::{Error, Start, import, ingest, produce};
use gugus_spec::Job;
use indicatif::ProgressBar;
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use tokio_util::sync::CancellationToken;

/// A job over the sample's columns, with further lines for `[batches]`.
pub(crate) fn crime(topic: &str, batches: &str) -> Job {
    let text = format!(
        r#"
        name = "crime"
        [source]
        topic = "{topic}"
        [source.columns]
        "DR_NO" = {{ type = "utf8", required = true }}
        "TIME OCC" = {{ type = "int32" }}
        "Vict Age" = {{ type = "int32" }}
        "LAT" = {{ type = "float64", required = true }}
        "LON" = {{ type = "float64", required = true }}
        [batches]
        {batches}
        "#
    );
    Job::parse(&text, "crime.toml").unwrap()
}

/// A job over two numbers, one of them required.
pub(crate) fn points(topic: &str, batches: &str) -> Job {
    let text = format!(
        r#"
        name = "points"
        [source]
        topic = "{topic}"
        [source.columns]
        x = {{ type = "float64", required = true }}
        y = {{ type = "float64" }}
        [batches]
        {batches}
        "#
    );
    Job::parse(&text, "points.toml").unwrap()
}

pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// The batches' folder.
    pub(crate) fn store(&self) -> Store {
        Store::open(self.path("batch").to_str().unwrap()).unwrap()
    }

    pub(crate) fn batch(&self, number: u64) -> PathBuf {
        self.path(&format!("batch/batch_{number:08}.parquet"))
    }

    pub(crate) async fn log(&self) -> BatchLog {
        BatchLog::read(self.store()).await.unwrap()
    }

    /// Verifies the batches, which must be without problems.
    pub(crate) async fn verify(&self) -> Verification {
        let verification = self.log().await.verify(|_| ()).await.unwrap();
        assert_eq!(verification.problems, Vec::<String>::new());
        verification
    }

    /// The rows of all batches, in order.
    pub(crate) async fn rows(&self) -> Vec<RecordBatch> {
        let log = self.log().await;
        let mut rows = Vec::new();
        for number in log.numbers().await.unwrap() {
            rows.push(log.rows(number).await.unwrap());
        }
        rows
    }

    /// All rejects, as (offset, value, reason).
    pub(crate) async fn rejects(&self) -> Vec<(i64, Option<Vec<u8>>, String)> {
        let log = self.log().await;
        let mut all = Vec::new();
        for number in log.numbers().await.unwrap() {
            let rejects = log
                .rejected(&log.footer(number).await.unwrap())
                .await
                .unwrap();
            let column = |name: &str| rejects.column_by_name(name).unwrap().clone();
            let (offsets, values, reasons) = (column("_offset"), column("value"), column("reason"));
            for row in 0..rejects.num_rows() {
                let value = values.as_binary::<i32>();
                all.push((
                    offsets.as_primitive::<Int64Type>().value(row),
                    value.is_valid(row).then(|| value.value(row).to_vec()),
                    reasons.as_string::<i32>().value(row).to_owned(),
                ));
            }
        }
        all
    }
}

/// A column of all batches as text.
pub(crate) fn texts(rows: &[RecordBatch], column: &str) -> Vec<Option<String>> {
    let cells = |rows: &RecordBatch| {
        let array = rows.column_by_name(column).unwrap().clone();
        let cell = |cell: Option<&str>| cell.map(str::to_owned);
        array
            .as_string::<i32>()
            .iter()
            .map(cell)
            .collect::<Vec<_>>()
    };
    rows.iter().flat_map(cells).collect()
}

/// A column of all batches as numbers.
pub(crate) fn floats(rows: &[RecordBatch], column: &str) -> Vec<Option<f64>> {
    let cells = |rows: &RecordBatch| {
        let array = rows.column_by_name(column).unwrap().clone();
        array
            .as_primitive::<Float64Type>()
            .iter()
            .collect::<Vec<_>>()
    };
    rows.iter().flat_map(cells).collect()
}

pub(crate) fn offsets(rows: &[RecordBatch]) -> Vec<i64> {
    let cells = |rows: &RecordBatch| {
        rows.column_by_name("_offset")
            .unwrap()
            .as_primitive::<Int64Type>()
            .values()
            .to_vec()
    };
    rows.iter().flat_map(cells).collect()
}

pub(crate) fn sample(records: u64, seed: u64) -> Vec<u8> {
    let mut csv = Vec::new();
    gugus_generate::write(records, seed, &mut csv).unwrap();
    csv
}

/// The cells of a column of a CSV.
pub(crate) fn cells(csv: &[u8], column: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(csv);
    let at = reader
        .headers()
        .unwrap()
        .iter()
        .position(|name| name == column)
        .unwrap();
    reader
        .records()
        .map(|row| row.unwrap()[at].to_owned())
        .collect()
}

pub(crate) fn import(folder: &Folder, job: &Job, files: &[&Path]) -> import::Config {
    import::Config {
        job: job.clone(),
        store: folder.store(),
        files: files.iter().map(|path| path.to_path_buf()).collect(),
        cut: import::Cut::ByRows,
        repeat: import::Repeat::Refuse,
        progress: ProgressBar::hidden(),
    }
}

pub(crate) async fn run_import(config: import::Config) -> Result<import::Summary, Error> {
    import::run(config, CancellationToken::new()).await
}

/// librdkafka's mock cluster: a stand-in for Kafka in this process. It keeps little and checks little, so what these
/// tests show of brokers is shown again with Apache Kafka elsewhere.
pub(crate) struct Broker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

/// (partition, key, value)
pub(crate) type Sent<'a> = (i32, Option<&'a [u8]>, Option<&'a [u8]>);

impl Broker {
    pub(crate) fn with_topic(topic: &str, partitions: i32) -> Self {
        let broker = Self {
            cluster: MockCluster::new(1).unwrap(),
        };
        broker.cluster.create_topic(topic, partitions, 1).unwrap();
        broker
    }

    pub(crate) fn address(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Sends records and waits for their delivery.
    pub(crate) fn send(&self, topic: &str, records: &[Sent<'_>]) {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", self.address())
            .create()
            .unwrap();
        for (partition, key, value) in records {
            let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(*partition);
            record.key = *key;
            record.payload = *value;
            producer.send(record).map_err(|(e, _)| e).unwrap();
        }
        producer.flush(Duration::from_secs(20)).unwrap();
    }

    /// Sends points whose x run from `first` on, to the partitions in turn.
    pub(crate) fn send_points(&self, topic: &str, partitions: i32, xs: std::ops::Range<i64>) {
        let values: Vec<String> = xs
            .map(|x| format!(r#"{{"x":"{x}","y":"{}"}}"#, x * 2))
            .collect();
        let records: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(at, value)| (at as i32 % partitions, None, Some(value.as_bytes())))
            .collect();
        self.send(topic, &records);
    }
}

pub(crate) fn produce(broker: &Broker, topic: &str, input: &Path) -> produce::Config {
    produce::Config {
        topic: topic.to_owned(),
        form: produce::Form::Json,
        brokers: broker.address(),
        input: input.to_owned(),
        pace: produce::Pace::Full,
        limit: None,
        client: Vec::new(),
        progress: ProgressBar::hidden(),
    }
}

pub(crate) fn ingest(folder: &Folder, broker: &Broker, job: &Job) -> ingest::Config {
    ingest::Config {
        job: job.clone(),
        brokers: broker.address(),
        store: folder.store(),
        until: ingest::Until::End,
        max_batches: None,
        start: Start::Earliest,
        on_reset: ingest::OnReset::Stop,
        client: quick(),
        progress: ProgressBar::hidden(),
        metrics: None,
    }
}

/// The mock cluster waits for members that do not answer until a second before their session ends.
pub(crate) fn quick() -> Vec<(String, String)> {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    vec![
        pair("session.timeout.ms", "3000"),
        pair("heartbeat.interval.ms", "200"),
    ]
}

pub(crate) async fn run_ingest(config: ingest::Config) -> Result<ingest::Summary, Error> {
    // Long enough for any machine, and still an error instead of a test that hangs.
    let run = ingest::run(config, || (), CancellationToken::new());
    tokio::time::timeout(Duration::from_secs(60), run)
        .await
        .expect("ingest ends within a minute")
}

/// An ingest that runs beside the test.
pub(crate) struct Running {
    pub(crate) progress: ProgressBar,
    stop: CancellationToken,
    work: tokio::task::JoinHandle<Result<ingest::Summary, Error>>,
}

impl Running {
    /// Starts it, and waits until it says that it is ready.
    pub(crate) async fn start(config: ingest::Config) -> Self {
        let (stop, progress) = (CancellationToken::new(), config.progress.clone());
        let (tell, ready) = tokio::sync::oneshot::channel();
        let run = ingest::run(config, move || tell.send(()).unwrap(), stop.clone());
        let work = tokio::spawn(run);
        tokio::time::timeout(Duration::from_secs(30), ready)
            .await
            .expect("ready in time")
            .unwrap();
        Self {
            progress,
            stop,
            work,
        }
    }

    pub(crate) async fn fail(self) -> Error {
        let end = tokio::time::timeout(Duration::from_secs(60), self.work).await;
        end.expect("an end in time").unwrap().unwrap_err()
    }

    pub(crate) async fn stop(self) -> ingest::Summary {
        self.stop.cancel();
        self.end().await
    }

    pub(crate) async fn end(self) -> ingest::Summary {
        tokio::time::timeout(Duration::from_secs(60), self.work)
            .await
            .expect("an end in time")
            .unwrap()
            .unwrap()
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !so().await {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "waited in vain until {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed()
}

/// Partition → (first, next) of a verification.
pub(crate) fn ends(verification: &Verification) -> BTreeMap<i32, (i64, i64)> {
    verification
        .partitions
        .iter()
        .map(|p| (p.partition, (p.first, p.next)))
        .collect()
}
