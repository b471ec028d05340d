//! `gugus runs resume`.

use clap::Args;
use gugus_scheduler::Run;
use serde_json::json;

use crate::exit::{Code, Failure};
use crate::output::{Output, run};
use crate::scheduled::{OneRun, code, heard};
use crate::signals::Stop;

/// Go on with a run that failed, was cancelled or paused, or was interrupted by the scheduler's end
///
/// The scheduler trains only models that are missing, unless the run was submitted with --retrain.
///
/// Example: gugus runs resume mabc12de3 --wait --scheduler df://127.0.0.1:50050
///
/// Next: `gugus runs logs RUN --follow` prints what the run logs.
#[derive(Debug, Args)]
pub(super) struct Resume {
    #[command(flatten)]
    run: OneRun,
    /// Wait until the run has ended, and end with the exit code that `gugus train` would have
    #[arg(long)]
    wait: bool,
}

impl Resume {
    pub(super) async fn run(self, stop: Stop, output: Output) -> Result<Code, Failure> {
        let scheduler = heard(&stop, self.run.scheduler.connect()).await?;
        let path = format!("/{}/resume", self.run.id);
        let resumed: Run = scheduler.post(&path, &json!({})).await?;
        if !self.wait {
            run::tell(&resumed, output)?;
            return Ok(Code::Done);
        }
        let ended = scheduler.ended(&self.run.id, &stop).await?;
        run::show(&ended, output)?;
        code(&ended.run)
    }
}
