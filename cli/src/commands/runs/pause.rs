//! `gugus runs pause`.

use clap::Args;
use gugus_scheduler::Run;
use serde_json::json;

use crate::exit::{Code, Failure};
use crate::output::{Output, run};
use crate::scheduled::{OneRun, heard};
use crate::signals::Stop;

/// Pause a standing run; new batches get no models until it is resumed
///
/// A paused run stays paused when the scheduler is restarted.
///
/// Example: gugus runs pause mabc12de3 --scheduler df://127.0.0.1:50050
///
/// Next: `gugus runs resume RUN` trains what came meanwhile, and follows again. `gugus runs cancel RUN` ends the run.
#[derive(Debug, Args)]
pub(super) struct Pause {
    #[command(flatten)]
    run: OneRun,
}

impl Pause {
    pub(super) async fn run(self, stop: Stop, output: Output) -> Result<Code, Failure> {
        let scheduler = heard(&stop, self.run.scheduler.connect()).await?;
        let path = format!("/{}/pause", self.run.id);
        let _: Run = scheduler.post(&path, &json!({})).await?;
        // What is under way is broken off first, which takes a moment.
        let paused = scheduler.rested(&self.run.id, &stop).await?;
        run::tell(&paused.run, output)?;
        Ok(Code::Done)
    }
}
