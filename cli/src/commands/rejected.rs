//! `gugus rejected`.

use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use gugus_batches::{BatchLog, RejectedRecord, Rejects};
use gugus_ingest::replay::{self, Mode};
use gugus_spec::BatchNumber;
use serde::Serialize;

use crate::commands::{BatchesFolder, JobFile};
use crate::exit::{Code, Failure};
use crate::output::{Output, count, print, print_json, progress, table};
use crate::signals::Stop;

/// How much of a value a table shows, in characters.
const SHOWN: usize = 60;

/// List, show and replay records that were rejected
#[derive(Debug, Args)]
pub(crate) struct Rejected {
    #[command(subcommand)]
    what: What,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the batches that rejected records, and how many are rejected still
    List {
        #[command(flatten)]
        batches: BatchesFolder,
    },
    /// Print rejected records as they came, each with its reason, partition and offset
    Show {
        /// Only those of this batch
        number: Option<u64>,
        #[command(flatten)]
        batches: BatchesFolder,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
    /// Take rejected records again, after the job file was corrected: those that fit now become batches of their own
    Replay {
        #[command(flatten)]
        job: JobFile,
        #[command(flatten)]
        batches: BatchesFolder,
        /// Only those of this batch
        #[arg(long, value_name = "NUMBER")]
        batch: Option<u64>,
        /// Say how many would fit now, and write nothing
        #[arg(long)]
        dry_run: bool,
    },
}

impl Rejected {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        match self.what {
            What::List { batches } => list(&batches, self.output).await,
            What::Show {
                number,
                batches,
                limit,
            } => show(&batches, of_batch(number)?, limit, self.output).await,
            What::Replay {
                job,
                batches,
                batch,
                dry_run,
            } => {
                let bar = progress(None, "records");
                let config = replay::Config {
                    job: job.read()?,
                    store: batches.open()?,
                    batch: of_batch(batch)?,
                    mode: if dry_run { Mode::DryRun } else { Mode::Commit },
                    progress: bar.clone(),
                };
                let mode = config.mode;
                let result = replay::run(config, stop.token.clone()).await;
                bar.finish_and_clear();
                let summary = result?;
                say_replayed(&summary, mode, self.output)?;
                stop.unless_stopped(
                    "stopped before the end; run the same command again to take the rest",
                )?;
                Ok(Code::Done)
            }
        }
    }
}

fn of_batch(number: Option<u64>) -> Result<Option<BatchNumber>, Failure> {
    number
        .map(|number| {
            BatchNumber::new(number).ok_or_else(|| Failure::usage("batch numbers begin at 1"))
        })
        .transpose()
}

async fn rejects(folder: &BatchesFolder) -> Result<(BatchLog, Vec<Rejects>), Failure> {
    let log = BatchLog::read(folder.open()?)
        .await
        .map_err(Failure::usage)?;
    let rejects = log.rejects().await.map_err(Failure::failed)?;
    Ok((log, rejects))
}

/// A line of `rejected list`.
#[derive(Serialize)]
struct Listed {
    batch: u64,
    rejected: u64,
    replayed: u64,
    file: String,
}

async fn list(folder: &BatchesFolder, output: Output) -> Result<Code, Failure> {
    let (_, rejects) = rejects(folder).await?;
    let listed: Vec<Listed> = rejects
        .iter()
        .map(|rejects| Listed {
            batch: rejects.batch.get(),
            rejected: rejects.left(),
            replayed: rejects.replayed.len() as u64,
            file: rejects.file.file.clone(),
        })
        .collect();
    match output {
        Output::Json => print_json(&serde_json::json!({ "rejected": listed }))?,
        Output::Text => {
            let mut table = table(["batch", "rejected", "replayed", "file"]);
            for line in &listed {
                table.add_row([
                    line.batch.to_string(),
                    count(line.rejected),
                    count(line.replayed),
                    line.file.clone(),
                ]);
            }
            let left = listed.iter().map(|line| line.rejected).sum();
            print(&format!("{table}\n{} records are rejected", count(left)))?;
        }
    }
    Ok(Code::Done)
}

/// A record of `rejected show`.
#[derive(Serialize)]
struct Shown {
    batch: u64,
    partition: i32,
    offset: i64,
    timestamp: Option<String>,
    reason: String,
    key: Option<Bytes>,
    value: Option<Bytes>,
    replayed: bool,
}

/// Bytes that are text, most likely.
#[derive(Serialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Hex { hex: String },
}

impl Bytes {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Hex {
                hex: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            },
        }
    }

    /// One line of limited width, in which nothing moves a terminal's cursor.
    fn line(&self) -> String {
        let text = match self {
            Self::Text(text) => text.escape_debug().to_string(),
            Self::Hex { hex } => format!("0x{hex}"),
        };
        match text.char_indices().nth(SHOWN) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        }
    }
}

async fn show(
    folder: &BatchesFolder,
    only: Option<BatchNumber>,
    limit: usize,
    output: Output,
) -> Result<Code, Failure> {
    let (log, rejects) = rejects(folder).await?;
    let mut shown: Vec<Shown> = Vec::new();
    let wanted = rejects
        .iter()
        .filter(|rejects| only.is_none_or(|number| number == rejects.batch));
    for rejects in wanted {
        if shown.len() >= limit {
            break;
        }
        let records = log
            .rejected_records(rejects)
            .await
            .map_err(Failure::failed)?;
        let room = limit - shown.len();
        shown.extend(records.into_iter().take(room).map(|r| as_shown(rejects, r)));
    }
    match output {
        Output::Json => print_json(&serde_json::json!({ "records": shown }))?,
        Output::Text => {
            let mut table = table(["batch", "partition", "offset", "reason", "value"]);
            for record in &shown {
                let reason = if record.replayed {
                    format!("{} (replayed since)", record.reason)
                } else {
                    record.reason.clone()
                };
                table.add_row([
                    record.batch.to_string(),
                    record.partition.to_string(),
                    record.offset.to_string(),
                    reason,
                    record.value.as_ref().map_or_else(String::new, Bytes::line),
                ]);
            }
            print(&table.to_string())?;
        }
    }
    Ok(Code::Done)
}

fn as_shown(rejects: &Rejects, record: RejectedRecord) -> Shown {
    let time = record
        .timestamp
        .and_then(DateTime::<Utc>::from_timestamp_millis);
    Shown {
        batch: rejects.batch.get(),
        partition: record.partition,
        offset: record.offset,
        timestamp: time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true)),
        key: record.key.as_deref().map(Bytes::of),
        value: record.value.as_deref().map(Bytes::of),
        replayed: rejects
            .replayed
            .contains(&(record.partition, record.offset)),
        reason: record.reason,
    }
}

fn say_replayed(summary: &replay::Summary, mode: Mode, output: Output) -> Result<(), Failure> {
    if output == Output::Json {
        return print_json(summary);
    }
    let mut text = match mode {
        Mode::Commit => format!(
            "{} records replayed in {} batches, {} rejected still",
            count(summary.replayed),
            count(summary.batches),
            count(summary.rejected)
        ),
        Mode::DryRun => format!(
            "{} records would be replayed, {} would be rejected still",
            count(summary.replayed),
            count(summary.rejected)
        ),
    };
    for still in &summary.reasons {
        text.push_str(&format!(
            "\n  {} {}, such as: {}",
            count(still.records),
            still.kind,
            still.example
        ));
    }
    print(&text)
}
