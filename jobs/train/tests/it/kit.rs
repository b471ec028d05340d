//! Batches and models in memory, and a cluster in this process.

use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use gugus_batches::{Appended, BatchLog, Keep, Prune, TopicDraft};
use gugus_files::Store;
use gugus_models::{Existing, Extent, ModelJson, ModelStore};
use gugus_progress::Progress;
use gugus_spec::{Job, OffsetRange};
use gugus_submit::InProcess;
use gugus_train::{Config, Error, ModelReport, Observer, Outcome, Prepared, Report, prepare};
use tokio_util::sync::CancellationToken;

/// One record: x, y and area, as text; empty text is null.
pub(crate) type Row<'a> = [&'a str; 3];

/// A folder of batches and one of models.
pub(crate) struct Work {
    pub(crate) batches: Store,
    pub(crate) models: Store,
    pub(crate) cluster: InProcess,
}

/// A job of the columns x, y (float64) and area (utf8), `rows` records a batch, and these `[[models]]`.
pub(crate) fn job(rows: usize, models: &str) -> Job {
    let text = format!(
        "name = \"test\"\n[source]\ntopic = \"test\"\n[source.columns]\n\"x\" = {{ type = \"float64\" }}\n\
         \"y\" = {{ type = \"float64\" }}\n\"area\" = {{ type = \"utf8\" }}\n[batches]\nrows = {rows}\n{models}"
    );
    Job::parse(&text, "test.toml").unwrap()
}

/// Rows without an area.
pub(crate) fn places<'a>(rows: &[[&'a str; 2]]) -> Vec<Row<'a>> {
    rows.iter().map(|[x, y]| [*x, *y, ""]).collect()
}

/// Nine rows for batches of three: three places, one null among them, and one place three times.
pub(crate) fn three_batches() -> Vec<Row<'static>> {
    places(&[
        ["1", "1"],
        ["2", "1"],
        ["9", "9"],
        ["1", ""],
        ["2", "2"],
        ["3", "3"],
        ["4", "4"],
        ["4", "4"],
        ["4", "4"],
    ])
}

/// Three places that lie apart, in turn; every tenth point is far from all.
pub(crate) fn scattered(rows: std::ops::Range<u64>) -> Vec<[String; 3]> {
    let point = |i: u64| {
        let noise = |salt: u64| ((i * 7_919 + salt) % 1_009) as f64 / 1_009.0;
        let far = if i % 10 == 9 {
            100.0 + i as f64 * 50.0
        } else {
            0.0
        };
        let x = noise(1) + 10.0 * (i % 3) as f64 + far;
        [x.to_string(), noise(2).to_string(), String::new()]
    };
    rows.map(point).collect()
}

/// Rows as text that [`Work::append`] takes.
pub(crate) fn borrowed(rows: &[[String; 3]]) -> Vec<Row<'_>> {
    rows.iter()
        .map(|[x, y, area]| [x.as_str(), y.as_str(), area.as_str()])
        .collect()
}

impl Work {
    /// With a cluster of two slots.
    pub(crate) fn new() -> Self {
        let batches = Store::in_memory();
        let url = batches.registry_url().parse().unwrap();
        Self {
            cluster: InProcess::new(2).with_store(&url, batches.object_store()),
            models: Store::in_memory(),
            batches,
        }
    }

    /// Appends rows as batches of the size that the job names, the last one full or not.
    pub(crate) async fn append(&self, job: &Job, rows: &[Row<'_>]) {
        let size = job.batches.rows.get() as usize;
        let mut log = self.log(job).await;
        for rows in rows.chunks(size) {
            let first = log.end_of(0).unwrap_or(0);
            let next = first + rows.len() as i64;
            let range = OffsetRange {
                partition: 0,
                first,
                next,
            };
            let draft = TopicDraft::new(columns(first, rows), vec![range]);
            append(&mut log, &draft).await;
        }
    }

    /// Appends a commit of no rows, whose records were all rejected.
    pub(crate) async fn append_no_rows(&self, job: &Job) {
        let range = OffsetRange {
            partition: 0,
            first: 0,
            next: 2,
        };
        let draft = TopicDraft::new(columns(0, &[]), vec![range]);
        append(&mut self.log(job).await, &draft).await;
    }

    async fn log(&self, job: &Job) -> BatchLog {
        let topic = &job.source.topic;
        let log = BatchLog::open(self.batches.clone(), &job.name, topic).await;
        log.unwrap()
    }

    /// Prunes all batches but the newest.
    pub(crate) async fn keep_newest(&self, job: &Job) {
        let (keep, go_on) = (Keep::Newest(NonZeroU64::MIN), |_| ControlFlow::Continue(()));
        let log = self.log(job).await;
        log.prune(keep, Prune::Delete, go_on).await.unwrap();
    }

    pub(crate) async fn prepare(&self, job: &Job, existing: Existing) -> Result<Prepared, Error> {
        self.prepare_observed(job, existing, Arc::new(())).await
    }

    pub(crate) async fn prepare_observed(
        &self,
        job: &Job,
        existing: Existing,
        observer: Arc<dyn Observer>,
    ) -> Result<Prepared, Error> {
        prepare(Config {
            job: job.clone(),
            batches: self.batches.clone(),
            models: self.models.clone(),
            only: Vec::new(),
            existing,
            progress: Progress::default(),
            observer,
            run: None,
        })
        .await
    }

    /// Trains what has no model.
    pub(crate) async fn train(&self, job: &Job) -> Report {
        let prepared = self.prepare(job, Existing::Keep).await.unwrap();
        let trained = prepared.train(&self.cluster, CancellationToken::new());
        trained.await.unwrap()
    }

    /// Trains all again.
    pub(crate) async fn retrain(&self, job: &Job) -> Report {
        let prepared = self.prepare(job, Existing::Replace).await.unwrap();
        let trained = prepared.train(&self.cluster, CancellationToken::new());
        trained.await.unwrap()
    }

    /// The words with which a run is refused, before anything is written.
    pub(crate) async fn refused(&self, job: &Job) -> String {
        let before = self.listed().await;
        let refused = match self.prepare(job, Existing::Keep).await {
            Err(error) => error,
            Ok(prepared) => {
                let trained = prepared.train(&self.cluster, CancellationToken::new());
                trained.await.unwrap_err()
            }
        };
        assert_eq!(refused.kind(), gugus_error::Kind::Usage, "{refused}");
        assert_eq!(self.listed().await, before);
        refused.to_string()
    }

    /// The models that are there, by their names.
    async fn listed(&self) -> Vec<String> {
        let listed = ModelStore::new(self.models.clone()).list().await;
        listed.unwrap().into_iter().map(|of| of.model).collect()
    }

    /// What `model.json` says.
    pub(crate) async fn about(&self, model: &str, of: impl Into<Extent>) -> ModelJson {
        let saved = ModelStore::new(self.models.clone()).read(model, of).await;
        saved.unwrap().about.unwrap()
    }

    pub(crate) async fn centers(&self, model: &str, of: impl Into<Extent>) -> Vec<Vec<f64>> {
        let saved = ModelStore::new(self.models.clone()).read(model, of).await;
        saved.unwrap().fitted.centers().unwrap().to_vec()
    }
}

async fn append(log: &mut BatchLog, draft: &TopicDraft) {
    let appended = log.append(draft).await.unwrap();
    assert!(matches!(appended, Appended::Committed(_)), "{appended:?}");
}

fn columns(first: i64, rows: &[Row<'_>]) -> RecordBatch {
    let number = |column: usize| -> ArrayRef {
        let values = rows.iter().map(|row| match row[column] {
            "" => None,
            text => Some(text.parse::<f64>().unwrap()),
        });
        Arc::new(values.collect::<Float64Array>())
    };
    let areas = rows
        .iter()
        .map(|row| Some(row[2]).filter(|a| !a.is_empty()));
    let offsets = first..first + rows.len() as i64;
    let time = TimestampMillisecondArray::from(vec![None; rows.len()]).with_timezone("UTC");
    RecordBatch::try_from_iter_with_nullable([
        ("x", number(0), true),
        ("y", number(1), true),
        ("area", Arc::new(areas.collect::<StringArray>()), true),
        (
            "_partition",
            Arc::new(Int32Array::from(vec![0; rows.len()])),
            false,
        ),
        (
            "_offset",
            Arc::new(Int64Array::from_iter_values(offsets)),
            false,
        ),
        ("_timestamp", Arc::new(time), true),
    ])
    .unwrap()
}

/// The lines of a report about one model.
pub(crate) fn lines<'a>(report: &'a Report, model: &str) -> Vec<&'a ModelReport> {
    let lines = report.models.iter();
    lines.filter(|line| line.model == model).collect()
}

/// Status by batch of one model.
pub(crate) fn by_batch(report: &Report, model: &str) -> Vec<(u64, Outcome)> {
    let lines = lines(report, model).into_iter();
    lines
        .map(|line| (line.batch.unwrap(), line.status))
        .collect()
}

/// Sees that a model failed on some data, in these words.
#[track_caller]
pub(crate) fn assert_failed(line: &ModelReport, words: &str) {
    let reason = line.reason.as_deref().unwrap_or_default();
    assert!(
        line.status == Outcome::Failed && reason.contains(words),
        "{words}: {line:?}"
    );
}
