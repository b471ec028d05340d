//! `gugus batches prune`.

use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use clap::Args;
use gugus_batches::{Keep, Prune, Pruned};

use crate::exit::{Code, Failure, unless_stopped};
use crate::flags::folders::BatchesFolder;
use crate::output::progress::progress;
use crate::output::{Output, count};
use crate::signals::Stop;

/// Remove old batches and their reject files; the newest always stays, so numbers and offsets go on
///
/// Models that were trained on removed batches stay. Other processes may ingest meanwhile. A training that is running fails
/// on batches that it has not read yet.
///
/// Example: gugus batches prune --batches data/batch --keep 1000 --dry-run
///
/// Next: run the command without --dry-run, then `gugus batches verify`.
#[derive(Debug, Args)]
#[command(name = "prune")]
#[group(id = "what_stays", required = true, multiple = false, args = ["keep", "older_than"])]
pub(super) struct PruneOld {
    #[command(flatten)]
    batches: BatchesFolder,
    /// Keep this many of the newest batches
    #[arg(long, value_name = "N")]
    keep: Option<NonZeroU64>,
    /// Remove batches that are older than this, for example 30days or 12h
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    older_than: Option<Duration>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

impl PruneOld {
    pub(super) async fn run(self, stop: Stop, output: Output) -> Result<Code, Failure> {
        let keep = match (self.keep, self.older_than) {
            (Some(count), _) => Keep::Newest(count),
            (None, Some(age)) => {
                let since = SystemTime::now().checked_sub(age);
                Keep::Since(since.unwrap_or(SystemTime::UNIX_EPOCH))
            }
            (None, None) => return Err(Failure::usage("name --keep or --older-than")),
        };
        let (mode, verb) = if self.dry_run {
            (Prune::DryRun, "would remove")
        } else {
            (Prune::Delete, "removed")
        };
        let log = self.batches.log().await?;
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
        output.show(&pruned, || text(verb, &pruned))?;
        unless_stopped(
            &stop,
            "stopped before the end; run the same command again to remove the rest",
        )?;
        Ok(Code::Done)
    }
}

fn text(verb: &str, pruned: &Pruned) -> String {
    let which = match (pruned.first, pruned.last) {
        (Some(first), Some(last)) => format!(" ({} to {})", first.get(), last.get()),
        _ => String::new(),
    };
    format!(
        "{verb} {} batches{which}, {} reject files of theirs and {} that no batch names: {}",
        count(pruned.batches),
        count(pruned.rejects),
        count(pruned.unreferenced),
        ByteSize::b(pruned.bytes)
    )
}
