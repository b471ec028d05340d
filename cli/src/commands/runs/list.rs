//! `gugus runs list`.

use clap::Args;
use gugus_scheduler::{RunList, follows};

use crate::exit::{Code, Failure};
use crate::output::run::far;
use crate::output::{Output, count, table};
use crate::scheduled::Scheduler;

/// List runs, the newest first
///
/// Example: gugus runs list --scheduler df://127.0.0.1:50050
///
/// Next: `gugus runs show RUN` prints one run.
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    scheduler: Scheduler,
}

impl List {
    pub(super) async fn run(self, output: Output) -> Result<Code, Failure> {
        let listed: RunList = self.scheduler.connect().await?.get("").await?;
        output.show(&listed, || text(&listed))?;
        Ok(Code::Done)
    }
}

fn text(listed: &RunList) -> String {
    let mut table = table([
        "run",
        "state",
        "job",
        "progress",
        "trained",
        "failed",
        "skipped",
        "submitted",
    ]);
    for run in &listed.runs {
        table.add_row([
            run.id.to_string(),
            run.state.to_string(),
            run.job.clone(),
            follows(run).unwrap_or_else(|| far(&run.progress)),
            count(run.trained),
            count(run.failed),
            count(run.skipped),
            run.submitted.clone(),
        ]);
    }
    table.to_string()
}
