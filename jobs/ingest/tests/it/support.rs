//! What the tests share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use gugus_batches::{Appended, BatchLog, TopicDraft, Verification};
use gugus_files::Store;
use gugus_ingest::{Error, Kind, Start, import, ingest, produce};
use gugus_progress::Progress;
use gugus_spec::{Job, OffsetRange};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use tokio_util::sync::CancellationToken;

/// A job over the sample's columns, with further lines for `[batches]`.
pub(crate) fn crime(topic: &str, batches: &str) -> Job {
    let columns = r#"
        "DR_NO" = { type = "utf8", required = true }
        "TIME OCC" = { type = "int32" }
        "Vict Age" = { type = "int32" }
        "LAT" = { type = "float64", required = true }
        "LON" = { type = "float64", required = true }"#;
    job("crime", topic, columns, batches)
}

/// A job over two numbers. The job requires the first one.
pub(crate) fn points(topic: &str, batches: &str) -> Job {
    let columns = "x = { type = \"float64\", required = true }\ny = { type = \"float64\" }";
    job("points", topic, columns, batches)
}

pub(crate) fn job(name: &str, topic: &str, columns: &str, batches: &str) -> Job {
    let text = format!(
        "name = \"{name}\"\n[source]\ntopic = \"{topic}\"\n[source.columns]\n{columns}\n[batches]\n{batches}\n"
    );
    Job::parse(&text, "job.toml").unwrap()
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

    /// Verifies the batches: how many there are, their records and their rejects.
    pub(crate) async fn counts(&self) -> (u64, u64, u64) {
        let verified = self.verify().await;
        (verified.batches, verified.records, verified.rejected)
    }

    /// Writes a file, and imports it.
    pub(crate) async fn import(
        &self,
        job: &Job,
        name: &str,
        bytes: impl AsRef<[u8]>,
    ) -> import::Summary {
        let file = self.write(name, bytes);
        self.import_all(job, &[&file]).await
    }

    pub(crate) async fn import_all(&self, job: &Job, files: &[&Path]) -> import::Summary {
        run_import(import(self, job, files)).await.unwrap()
    }

    /// The error of an import, which must fail.
    pub(crate) async fn import_error(&self, job: &Job, files: &[&Path]) -> Error {
        run_import(import(self, job, files)).await.unwrap_err()
    }

    /// Ingests up to the end of the topic.
    pub(crate) async fn ingest(&self, broker: &Broker, job: &Job) -> ingest::Summary {
        run_ingest(ingest(self, broker, job)).await.unwrap()
    }

    /// The error of an ingest, which must fail.
    pub(crate) async fn ingest_error(&self, broker: &Broker, job: &Job) -> Error {
        run_ingest(ingest(self, broker, job)).await.unwrap_err()
    }

    /// Appends a batch of `rows` as another process would, with these offsets of partition 0.
    pub(crate) async fn append(&self, job: &Job, rows: RecordBatch, offsets: std::ops::Range<i64>) {
        let topic = &job.source.topic;
        let mut log = BatchLog::open(self.store(), &job.name, topic)
            .await
            .unwrap();
        let range = OffsetRange {
            partition: 0,
            first: offsets.start,
            next: offsets.end,
        };
        let appended = log.append(&TopicDraft::new(rows, vec![range])).await;
        assert!(matches!(appended.unwrap(), Appended::Committed(_)));
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

/// The rows that an import of points makes; y is twice x.
pub(crate) async fn point_rows(xs: std::ops::Range<i64>) -> RecordBatch {
    let other = Folder::new();
    let csv: String = xs.map(|x| format!("{x},{}\n", x * 2)).collect();
    let job = points("t", "rows = 1000");
    other.import(&job, "a.csv", format!("x,y\n{csv}")).await;
    other.rows().await.remove(0)
}

/// A column of all batches, by what reads one array.
fn values<T>(rows: &[RecordBatch], column: &str, read: impl Fn(&dyn Array) -> Vec<T>) -> Vec<T> {
    let column = |rows: &RecordBatch| read(rows.column_by_name(column).unwrap());
    rows.iter().flat_map(column).collect()
}

/// A column of all batches as text.
pub(crate) fn texts(rows: &[RecordBatch], column: &str) -> Vec<Option<String>> {
    let cell = |cell: Option<&str>| cell.map(str::to_owned);
    values(rows, column, |array| {
        array.as_string::<i32>().iter().map(cell).collect()
    })
}

/// A column of all batches as numbers.
pub(crate) fn floats(rows: &[RecordBatch], column: &str) -> Vec<Option<f64>> {
    values(rows, column, |array| {
        array.as_primitive::<Float64Type>().iter().collect()
    })
}

pub(crate) fn offsets(rows: &[RecordBatch]) -> Vec<i64> {
    values(rows, "_offset", |array| {
        array.as_primitive::<Int64Type>().values().to_vec()
    })
}

/// The numbers of column x in all batches, sorted.
pub(crate) fn sorted_xs(rows: &[RecordBatch]) -> Vec<f64> {
    let mut xs: Vec<_> = floats(rows, "x").into_iter().flatten().collect();
    xs.sort_by(f64::total_cmp);
    xs
}

/// Whole numbers as floats.
pub(crate) fn numbers(range: std::ops::Range<i64>) -> Vec<f64> {
    range.map(|number| number as f64).collect()
}

/// Checks the kind of an error, and that its text has all these words.
#[track_caller]
pub(crate) fn says(error: &Error, kind: Kind, words: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
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
        progress: Progress::default(),
    }
}

pub(crate) async fn run_produce(config: produce::Config) -> Result<produce::Summary, Error> {
    produce::run(config, CancellationToken::new()).await
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

    /// From now on the broker answers each request after this time.
    pub(crate) fn answer_after(&self, time: Duration) {
        self.cluster.broker_round_trip_time(1, time).unwrap();
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
        source: gugus_spec::Source {
            topic: topic.to_owned(),
            ..Default::default()
        },
        brokers: broker.address(),
        input: input.to_owned(),
        from_line: None,
        on_bad_row: produce::OnBadRow::Stop,
        pace: produce::Pace::Full,
        limit: None,
        client: Vec::new(),
        progress: Progress::default(),
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
        progress: Progress::default(),
        metrics: None,
        connection: Default::default(),
    }
}

/// The mock cluster waits for members that do not answer until a second before their session ends.
pub(crate) fn quick() -> Vec<(String, String)> {
    [
        ("session.timeout.ms", "3000"),
        ("heartbeat.interval.ms", "200"),
    ]
    .map(property)
    .into()
}

pub(crate) fn property((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

/// An ingest that runs until it is stopped, in a group with this assignor.
pub(crate) fn member(
    folder: &Folder,
    broker: &Broker,
    job: &Job,
    assignor: &str,
) -> ingest::Config {
    let mut config = ingest(folder, broker, job);
    config.until = ingest::Until::Forever;
    let assignor = ("partition.assignment.strategy", assignor);
    config.client.push(property(assignor));
    config
}

pub(crate) async fn run_ingest(config: ingest::Config) -> Result<ingest::Summary, Error> {
    // Long enough for any machine, and still an error instead of a test that hangs.
    let run = ingest::run(config, || (), CancellationToken::new());
    let ended = tokio::time::timeout(Duration::from_secs(60), run).await;
    ended.expect("ingest ends within a minute")
}

/// An ingest that runs beside the test.
pub(crate) struct Running {
    pub(crate) progress: Progress,
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
        self.result().await.unwrap_err()
    }

    pub(crate) async fn stop(self) -> ingest::Summary {
        self.stop.cancel();
        self.result().await.unwrap()
    }

    async fn result(self) -> Result<ingest::Summary, Error> {
        let end = tokio::time::timeout(Duration::from_secs(60), self.work).await;
        end.expect("an end in time").unwrap()
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
