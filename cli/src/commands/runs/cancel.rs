//! `gugus runs cancel`.

use clap::Args;
use gugus_scheduler::Run;
use serde_json::json;

use crate::exit::{Code, Failure};
use crate::output::{Output, run};
use crate::scheduled::{OneRun, heard};
use crate::signals::Stop;

/// Stop one run, or end a standing run; models that are written stay
///
/// Example: gugus runs cancel mabc12de3 --scheduler df://127.0.0.1:50050
///
/// Next: `gugus runs resume RUN` goes on with the run.
#[derive(Debug, Args)]
pub(super) struct Cancel {
    #[command(flatten)]
    run: OneRun,
}

impl Cancel {
    pub(super) async fn run(self, stop: Stop, output: Output) -> Result<Code, Failure> {
        let scheduler = heard(&stop, self.run.scheduler.connect()).await?;
        let path = format!("/{}/cancel", self.run.id);
        let _: Run = scheduler.post(&path, &json!({})).await?;
        // What is under way is broken off first, which takes a moment.
        let ended = scheduler.ended(&self.run.id, &stop).await?;
        run::tell(&ended.run, output)?;
        Ok(Code::Done)
    }
}
