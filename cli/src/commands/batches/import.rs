//! `gugus batches import`.

use std::path::PathBuf;

use clap::Args;
use gugus_files::Stores;
use gugus_ingest::import::{self, Config, Cut, Repeat, Summary};
use gugus_progress::Progress;

use crate::exit::{Code, Failure, unless_stopped};
use crate::flags::folders::BatchesFolder;
use crate::flags::job_file::JobFile;
use crate::output::progress::draw;
use crate::output::{Output, count};
use crate::signals::Stop;

/// Cut CSV, JSON lines or Parquet files into batches
///
/// Use it for records that are in files and not in a topic. A file that was imported completely is refused (--again
/// takes the file once more). If an import breaks off, run the same command again to go on.
///
/// Example: gugus batches import crimes.csv --job jobs/crime.toml --batches data/batch
///
/// Next: `gugus batches list` shows the batches, `gugus train` makes their models.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The files: .csv, .jsonl, .ndjson, .json (each also .gz) or .parquet; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    job: JobFile,
    #[command(flatten)]
    batches: BatchesFolder,
    /// One batch per file, whatever the job file says
    #[arg(long)]
    one_batch_per_file: bool,
    /// Also import files that were imported before
    #[arg(long)]
    again: bool,
}

impl Import {
    pub(super) async fn run(self, stop: Stop, output: Output) -> Result<Code, Failure> {
        let progress = Progress::default();
        let bar = draw(&progress, "bytes");
        let config = Config {
            job: self.job.read()?,
            store: self.batches.open(&Stores::from_env())?,
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
            progress,
        };
        let result = import::run(config, stop.token.clone()).await;
        drop(bar);
        let summary = result?;
        output.show(&summary, || {
            format!(
                "{} records of {} files in {} batches, {} rejected",
                count(summary.records),
                count(summary.files),
                count(summary.batches),
                count(summary.rejected)
            )
        })?;
        unless_stopped(
            &stop,
            "stopped before the end; run the same command again to go on where it stopped",
        )?;
        Ok(if summary.is_all_rejected() {
            eprintln!("warning: {}", all_rejected(&summary));
            Code::AllRejected
        } else {
            Code::Done
        })
    }
}

fn all_rejected(summary: &Summary) -> String {
    format!(
        "no record was accepted: all {} were rejected, the first because {}; `gugus rejected show` shows them; correct the \
         job file, then `gugus rejected replay` takes them again",
        count(summary.rejected),
        summary
            .first_reason
            .as_deref()
            .unwrap_or("its reason is lost"),
    )
}
