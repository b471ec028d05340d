//! `gugus batches`.

use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use clap::{Args, Subcommand};
use gugus_batches::{BatchLog, Footer, JumpReason, Keep, LogError, Prune};
use gugus_ingest::import::{self, Cut, Repeat};
use gugus_spec::BatchNumber;

use crate::commands::{BatchesFolder, JobFile};
use crate::exit::{Code, Failure};
use crate::output::{Output, count, print, print_json, progress, table};
use crate::signals::Stop;

/// Footers read at a time for a listing.
const FOOTERS_AT_ONCE: usize = 1_000;

/// Import files as batches; list, show, verify and prune batches
#[derive(Debug, Args)]
pub(crate) struct Batches {
    #[command(subcommand)]
    what: What,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum What {
    Import(Import),
    /// List batches: number, rows, offsets, commit
    List {
        #[command(flatten)]
        batches: BatchesFolder,
    },
    /// Print one batch: what its footer says
    Show {
        /// The batch's number
        number: u64,
        #[command(flatten)]
        batches: BatchesFolder,
    },
    /// Prove from the files that every offset is in exactly one place; exit code 1 when there are problems
    Verify {
        #[command(flatten)]
        batches: BatchesFolder,
    },
    Prune(PruneOld),
}

/// Remove old batches and their reject files; the newest always stays, so numbers and offsets go on
///
/// Models that were trained on them stay. Others may ingest meanwhile; a training that is running fails on batches that
/// it has not read yet.
#[derive(Debug, Args)]
#[command(name = "prune")]
#[group(id = "what_stays", required = true, multiple = false, args = ["keep", "older_than"])]
struct PruneOld {
    #[command(flatten)]
    batches: BatchesFolder,
    /// Keep so many of the newest batches
    #[arg(long, value_name = "N")]
    keep: Option<NonZeroU64>,
    /// Remove batches that were written longer ago, for example 30days or 12h
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    older_than: Option<Duration>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

/// Cut CSV, JSON lines or Parquet files into batches
///
/// A file that was imported completely is refused (--again takes it once more); one that broke off half way is gone on
/// with where it stopped.
#[derive(Debug, Args)]
struct Import {
    /// The files: .csv, .jsonl, .ndjson, .json (each also .gz) or .parquet
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    job: JobFile,
    #[command(flatten)]
    batches: BatchesFolder,
    /// One batch a file, whatever the job file says
    #[arg(long)]
    one_batch_per_file: bool,
    /// Import also what was imported before
    #[arg(long)]
    again: bool,
}

impl Batches {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        match self.what {
            What::Import(import) => import.run(stop, self.output).await,
            What::List { batches } => list(&batches, self.output).await,
            What::Show { number, batches } => show(&batches, number, self.output).await,
            What::Verify { batches } => verify(&batches, self.output).await,
            What::Prune(prune) => prune.run(stop, self.output).await,
        }
    }
}

impl Import {
    async fn run(self, stop: Stop, output: Output) -> Result<Code, Failure> {
        let bar = progress(None, "records");
        let config = import::Config {
            job: self.job.read()?,
            store: self.batches.open()?,
            files: self.files,
            cut: if self.one_batch_per_file {
                Cut::PerFile
            } else {
                Cut::ByRows
            },
            repeat: if self.again {
                Repeat::Again
            } else {
                Repeat::Refuse
            },
            progress: bar.clone(),
        };
        let result = import::run(config, stop.token.clone()).await;
        bar.finish_and_clear();
        let summary = result?;
        match output {
            Output::Json => print_json(&summary)?,
            Output::Text => print(&format!(
                "{} records of {} files in {} batches, {} rejected",
                count(summary.records),
                count(summary.files),
                count(summary.batches),
                count(summary.rejected)
            ))?,
        }
        stop.unless_stopped(
            "stopped before the end; run the same command again to go on where it stopped",
        )?;
        Ok(Code::Done)
    }
}

impl PruneOld {
    async fn run(self, stop: Stop, output: Output) -> Result<Code, Failure> {
        let keep = match (self.keep, self.older_than) {
            (Some(count), _) => Keep::Newest(count),
            (None, Some(age)) => {
                let since = SystemTime::now().checked_sub(age);
                Keep::Since(since.unwrap_or(SystemTime::UNIX_EPOCH))
            }
            (None, None) => return Err(Failure::usage("name --keep or --older-than")),
        };
        let mode = if self.dry_run {
            Prune::DryRun
        } else {
            Prune::Delete
        };
        let log = read(&self.batches).await?;
        let bar = progress(None, "batches");
        let told = |done| {
            bar.set_position(done);
            if stop.token.is_cancelled() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let result = log.prune(keep, mode, told).await;
        bar.finish_and_clear();
        let pruned = result.map_err(Failure::failed)?;
        match output {
            Output::Json => print_json(&pruned)?,
            Output::Text => {
                let verb = if self.dry_run {
                    "would remove"
                } else {
                    "removed"
                };
                let which = match (pruned.first, pruned.last) {
                    (Some(first), Some(last)) => format!(" ({} to {})", first.get(), last.get()),
                    _ => String::new(),
                };
                print(&format!(
                    "{verb} {} batches{which}, {} reject files of theirs and {} that no batch names: {}",
                    count(pruned.batches),
                    count(pruned.rejects),
                    count(pruned.unreferenced),
                    ByteSize::b(pruned.bytes)
                ))?;
            }
        }
        stop.unless_stopped(
            "stopped before the end; run the same command again to remove the rest",
        )?;
        Ok(Code::Done)
    }
}

async fn read(folder: &BatchesFolder) -> Result<BatchLog, Failure> {
    BatchLog::read(folder.open()?).await.map_err(Failure::usage)
}

async fn list(folder: &BatchesFolder, output: Output) -> Result<Code, Failure> {
    let log = read(folder).await?;
    let numbers = log.numbers().await.map_err(Failure::failed)?;
    let mut footers: Vec<Footer> = Vec::new();
    for numbers in numbers.chunks(FOOTERS_AT_ONCE) {
        let read = log.footers(numbers).await.map_err(Failure::failed)?;
        // A listing does not show columns; with a million batches they would be most of the memory.
        footers.extend(read.into_iter().map(|footer| Footer {
            schema: Vec::new(),
            ..footer
        }));
    }
    match output {
        Output::Json => {
            let batches: Vec<_> = footers
                .iter()
                .map(|f| {
                    serde_json::json!({
                        "number": f.number.get(), "rows": f.rows, "rejected": f.rejected_rows(),
                        "ranges": f.ranges, "commit_id": f.commit_id,
                    })
                })
                .collect();
            print_json(&serde_json::json!({ "batches": batches }))?;
        }
        Output::Text => {
            let mut table = table(["batch", "rows", "rejected", "offsets", "commit"]);
            for footer in &footers {
                table.add_row([
                    footer.number.get().to_string(),
                    count(footer.rows),
                    count(footer.rejected_rows()),
                    offsets(footer),
                    footer.commit_id.to_string(),
                ]);
            }
            print(&table.to_string())?;
        }
    }
    Ok(Code::Done)
}

fn offsets(footer: &Footer) -> String {
    let range = |r: &gugus_spec::OffsetRange| format!("{}: {}..{}", r.partition, r.first, r.next);
    footer
        .ranges
        .iter()
        .map(range)
        .collect::<Vec<_>>()
        .join(", ")
}

async fn show(folder: &BatchesFolder, number: u64, output: Output) -> Result<Code, Failure> {
    let log = read(folder).await?;
    let number =
        BatchNumber::new(number).ok_or_else(|| Failure::usage("batch numbers begin at 1"))?;
    let footer = log.footer(number).await.map_err(Failure::usage)?;
    match output {
        Output::Json => print_json(&footer)?,
        Output::Text => {
            let mut text = format!(
                "batch {} of job {}, topic {}\nrows {}, rejected {}\noffsets {}\ncommit {}",
                number.get(),
                footer.job,
                footer.topic,
                count(footer.rows),
                count(footer.rejected_rows()),
                offsets(&footer),
                footer.commit_id,
            );
            for part in &footer.imported {
                text.push_str(&format!(
                    "\nimported records {}..{} of file {}",
                    part.first, part.next, part.sha256
                ));
            }
            let mut table = table(["column", "type"]);
            for field in &footer.schema {
                table.add_row([&field.name, &field.data_type]);
            }
            print(&format!("{text}\n{table}"))?;
        }
    }
    Ok(Code::Done)
}

async fn verify(folder: &BatchesFolder, output: Output) -> Result<Code, Failure> {
    let store = folder.open()?;
    let bar = progress(None, "batches");
    let verified = gugus_batches::verify(&store, |done| bar.set_position(done))
        .await
        .map_err(|error| match error {
            LogError::NoFolder { .. } | LogError::Store(_) => Failure::usage(error),
            other => Failure::failed(other),
        })?;
    bar.finish_and_clear();
    match output {
        Output::Json => print_json(&verified)?,
        Output::Text => {
            let mut text = format!(
                "{} batches, {} records, {} rejected",
                count(verified.batches),
                count(verified.records),
                count(verified.rejected)
            );
            if verified.replayed > 0 {
                let line = format!(
                    "\nof the records {} were rejected first and replayed",
                    count(verified.replayed)
                );
                text.push_str(&line);
            }
            for part in &verified.partitions {
                let line = format!(
                    "\n{} partition {}: offsets {}..{}",
                    part.topic, part.partition, part.first, part.next
                );
                text.push_str(&line);
            }
            for jump in &verified.jumps {
                let line = format!(
                    "\nbatch {} went on in partition {} at offset {} instead of {}, as it was told to: the topic {}",
                    jump.batch.get(),
                    jump.partition,
                    jump.to,
                    jump.from,
                    match jump.reason {
                        JumpReason::Deleted => "had deleted the records between",
                        JumpReason::Recreated => "was another than before",
                    }
                );
                text.push_str(&line);
            }
            for problem in &verified.problems {
                text.push_str(&format!("\nproblem: {problem}"));
            }
            if verified.problems.is_empty() {
                text.push_str("\nevery offset is in exactly one place");
            }
            print(&text)?;
        }
    }
    Ok(if verified.problems.is_empty() {
        Code::Done
    } else {
        Code::Problems
    })
}
