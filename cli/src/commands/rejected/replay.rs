//! `gugus rejected replay`.

use clap::Args;
use gugus_files::Stores;
use gugus_ingest::replay::{self, Config, Mode, Summary};
use gugus_progress::Progress;
use gugus_spec::BatchNumber;

use crate::exit::{Code, Failure, unless_stopped};
use crate::flags::folders::BatchesFolder;
use crate::flags::job_file::JobFile;
use crate::output::progress::draw;
use crate::output::{Output, count};
use crate::signals::Stop;

/// Take rejected records again, after the job file was corrected: records that parse now become batches of their own
///
/// A record is replayed once. Reject files never change: the footer of the new batch names what was replayed.
///
/// Example: gugus rejected replay --job jobs/crime.toml --batches data/batch --dry-run
///
/// Next: run the command without --dry-run, then `gugus train` for models of the new batches.
#[derive(Debug, Args)]
pub(super) struct Replay {
    #[command(flatten)]
    job: JobFile,
    #[command(flatten)]
    batches: BatchesFolder,
    /// Only the rejected records of this batch
    #[arg(long, value_name = "NUMBER")]
    batch: Option<BatchNumber>,
    /// Say how many records would parse now, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Replay {
    pub(super) async fn run(self, stop: Stop, output: Output) -> Result<Code, Failure> {
        let progress = Progress::default();
        let bar = draw(&progress, "records");
        let mode = if self.dry_run {
            Mode::DryRun
        } else {
            Mode::Commit
        };
        let config = Config {
            job: self.job.read()?,
            store: self.batches.open(&Stores::from_env())?,
            batch: self.batch,
            mode,
            progress,
        };
        let result = replay::run(config, stop.token.clone()).await;
        drop(bar);
        let summary = result?;
        output.show(&summary, || text(&summary, mode))?;
        unless_stopped(
            &stop,
            "stopped before the end; run the same command again to take the rest",
        )?;
        Ok(Code::Done)
    }
}

fn text(summary: &Summary, mode: Mode) -> String {
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
    text
}
