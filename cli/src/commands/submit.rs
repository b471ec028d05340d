//! `gugus submit`.

use clap::Args;
use gugus_scheduler::{DryRun, Run, RunRequest};
use gugus_spec::ModelName;

use crate::exit::{Code, Failure};
use crate::flags::folders::{BatchesFolder, ModelsFolder};
use crate::flags::job_file::JobFile;
use crate::output::{Output, ready, report, run};
use crate::scheduled::{Scheduled, Scheduler, code, heard, left};
use crate::signals::Stop;

/// Hand a job file to a scheduler, which trains its models by itself
///
/// The command does what `gugus train` does, but the scheduler drives the run, even after this command has ended. The
/// folders are folders on the machine of the scheduler, below its --data-root. A relative folder is completed by the
/// current folder of this command.
///
/// Example: gugus submit --job jobs/crime.toml --scheduler df://127.0.0.1:50050 --wait
///
/// With --follow, the scheduler goes on with each new batch until somebody ends the run, also after a restart. The
/// command then waits until it is stopped itself; the run goes on.
///
/// Next: `gugus runs` shows runs, pauses and cancels them, and resumes them after the scheduler was stopped.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    #[command(flatten)]
    job: JobFile,
    #[command(flatten)]
    batches: BatchesFolder,
    #[command(flatten)]
    models: ModelsFolder,
    #[command(flatten)]
    scheduler: Scheduler,
    /// Train only this model of the job file; may be given several times
    #[arg(long, value_name = "NAME")]
    model: Vec<ModelName>,
    /// Also train models that exist, and replace them. If such a run is resumed, it begins anew
    #[arg(long)]
    retrain: bool,
    /// Go on with each new batch until `gugus runs cancel` ends the run. Prints `ready` once what is there was looked at
    #[arg(long, conflicts_with_all = ["retrain", "dry_run", "wait"])]
    follow: bool,
    /// With --follow: do not wait; end as soon as the scheduler has the run
    #[arg(long, requires = "follow")]
    detach: bool,
    /// Say what would be trained, and train nothing
    #[arg(long)]
    dry_run: bool,
    /// Wait until the run has ended, and end with the exit code that `gugus train` would have
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

impl Submit {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        let request = RunRequest {
            job_file: self.job.with_text()?.1,
            batches: self.batches.absolute()?,
            models: self.models.absolute()?,
            only: self.model.iter().map(ToString::to_string).collect(),
            retrain: self.retrain,
            follow: self.follow,
            dry_run: self.dry_run,
        };
        let scheduler = heard(&stop, self.scheduler.connect()).await?;
        if self.dry_run {
            let DryRun { report } = heard(&stop, scheduler.post("", &request)).await?;
            return report::show(&report, self.output);
        }
        let submitted: Run = heard(&stop, scheduler.post("", &request)).await?;
        if self.follow && !self.detach {
            return self.stay(&scheduler, &submitted, &stop).await;
        }
        if !self.wait {
            self.output.show(&submitted, || {
                format!(
                    "run {id} is {}; `gugus runs show {id}` tells how far it is",
                    submitted.state,
                    id = submitted.id
                )
            })?;
            return Ok(Code::Done);
        }
        tracing::info!(run = %submitted.id, "the scheduler has the run");
        if stop.token.is_cancelled() {
            return Err(left(&submitted.id));
        }
        let ended = scheduler.ended(&submitted.id, &stop).await?;
        run::show(&ended, self.output)?;
        code(&ended.run)
    }

    /// Waits until the run has ended or this command is told to stop. A standing run outlives both this command and a
    /// scheduler, so the end of neither is a failure.
    async fn stay(&self, scheduler: &Scheduled, run: &Run, stop: &Stop) -> Result<Code, Failure> {
        let page = scheduler.page(&run.id);
        match scheduler
            .followed(&run.id, stop, || ready(&[("http", page)]))
            .await?
        {
            Some(ended) => {
                run::show(&ended, self.output)?;
                code(&ended.run)
            }
            None => {
                let id = &run.id;
                tracing::info!(
                    "run {id} goes on at the scheduler; `gugus runs pause {id}` pauses it, `gugus runs cancel {id}` ends it"
                );
                Ok(Code::Done)
            }
        }
    }
}
