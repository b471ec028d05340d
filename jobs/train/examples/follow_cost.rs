//! What one more batch costs a run that follows its batches, beside so many batches that are there: see `bench/follow`.
//!
//! `cargo run --example follow_cost -- FOLDER BATCHES NEW`

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, TimestampMillisecondArray,
};
use gugus_batches::{Appended, BatchLog, TopicDraft};
use gugus_files::Store;
use gugus_models::Existing;
use gugus_progress::Progress;
use gugus_spec::{Job, OffsetRange};
use gugus_submit::InProcess;
use gugus_train::{Config, Follow, ModelReport, Observer, Outcome, follow};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

const ROWS: i64 = 10;

const JOB: &str = "name = \"cost\"\n[source]\ntopic = \"cost\"\n[source.columns]\n\"x\" = { type = \"float64\" }\n\
    [batches]\nrows = 10\n[[models]]\nname = \"m\"\nfeatures = [\"x\"]\nk = 2\nseed = 1\n";

#[derive(Debug, Default)]
struct Written {
    ready: Notify,
    model: Notify,
}

impl Observer for Written {
    fn model(&self, line: &ModelReport) {
        if line.status == Outcome::Trained {
            self.model.notify_one();
        }
    }

    fn caught_up(&self) {
        self.ready.notify_one();
    }
}

#[tokio::main]
async fn main() -> Result {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("name a folder")?;
    let mut number =
        || -> Result<i64> { Ok(arguments.next().ok_or("a number is missing")?.parse()?) };
    let (there, new) = (number()?, number()?);
    let job = Job::parse(JOB, "job")?;
    let batches = Store::open(&format!("{folder}/batch"))?;
    let mut log = BatchLog::open(batches.clone(), &job.name, &job.source.topic).await?;
    let next = log.end_of(0).unwrap_or(0) / ROWS;
    for batch in next..there {
        append(&mut log, batch).await?;
    }
    let written = Arc::new(Written::default());
    let config = Config {
        job,
        batches,
        models: Store::open(&format!("{folder}/models"))?,
        only: Vec::new(),
        existing: Existing::Keep,
        progress: Progress::default(),
        observer: written.clone(),
        run: None,
    };
    let (cluster, stop) = (InProcess::new(2), CancellationToken::new());
    let began = Instant::now();
    let followed = follow(config, Follow::default(), &cluster, stop.clone());
    let measured = async {
        written.ready.notified().await;
        println!(
            "{there} batches: looked at and trained in {:.1} s",
            began.elapsed().as_secs_f64()
        );
        let mut times = Vec::new();
        let (calls, processor) = (calls(), processor());
        for batch in there.max(next)..there.max(next) + new {
            let began = Instant::now();
            append(&mut log, batch).await?;
            let appended = began.elapsed();
            written.model.notified().await;
            times.push((appended, began.elapsed() - appended));
            // The debounce of the next one begins anew.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let reads = (self::calls() - calls) as f64 / new as f64;
        let busy = (self::processor() - processor) as f64 * 10.0 / new as f64;
        times.sort_by_key(|(_, model)| *model);
        let at = |share: usize| times[times.len() * share / 100].1.as_secs_f64() * 1e3;
        println!(
            "one more batch, from its commit to its model: {:.1} ms median, {:.1} ms p99; {busy:.1} ms of processor, {reads:.0} read and write calls",
            at(50),
            at(99)
        );
        stop.cancel();
        Ok::<(), Box<dyn Error>>(())
    };
    let (report, measured) = tokio::join!(followed, measured);
    measured?;
    report?;
    Ok(())
}

/// Read and write calls of this process so far.
fn calls() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let of = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
    };
    of("syscr:").unwrap_or(0) + of("syscw:").unwrap_or(0)
}

/// Hundredths of a second of processor time so far.
fn processor() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum()
}

async fn append(log: &mut BatchLog, batch: i64) -> Result {
    let (first, next) = (batch * ROWS, (batch + 1) * ROWS);
    let offsets = || first..next;
    let time = TimestampMillisecondArray::from(vec![None; ROWS as usize]).with_timezone("UTC");
    let columns: [(&str, ArrayRef, bool); 4] = [
        (
            "x",
            Arc::new(Float64Array::from_iter_values(
                offsets().map(|o| (o % 7) as f64),
            )),
            true,
        ),
        (
            "_partition",
            Arc::new(Int32Array::from(vec![0; ROWS as usize])),
            false,
        ),
        (
            "_offset",
            Arc::new(Int64Array::from_iter_values(offsets())),
            false,
        ),
        ("_timestamp", Arc::new(time), true),
    ];
    let range = OffsetRange {
        partition: 0,
        first,
        next,
    };
    let draft = TopicDraft::new(
        RecordBatch::try_from_iter_with_nullable(columns)?,
        vec![range],
    );
    match log.append(&draft).await? {
        Appended::Committed(_) => Ok(()),
        Appended::Lost { .. } => Err("somebody else writes to this folder".into()),
    }
}
