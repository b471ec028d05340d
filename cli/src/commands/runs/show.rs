//! `gugus runs show`.

use clap::Args;

use crate::exit::{Code, Failure};
use crate::output::{Output, run};
use crate::scheduled::OneRun;

/// Print one run: its state, its progress, and its models
///
/// Example: gugus runs show mabc12de3 --scheduler df://127.0.0.1:50050
///
/// Next: `gugus runs resume RUN` goes on with a run that was stopped.
#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    run: OneRun,
}

impl Show {
    pub(super) async fn run(self, output: Output) -> Result<Code, Failure> {
        let scheduler = self.run.scheduler.connect().await?;
        run::show(&scheduler.run(&self.run.id).await?, output)?;
        Ok(Code::Done)
    }
}
