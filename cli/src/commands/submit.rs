//! `gugus submit`.

use clap::Args;
use gugus_scheduler::{DryRun, Run, RunRequest};
use gugus_spec::ModelName;

use crate::commands::scheduled::{Asked, code, left};
use crate::commands::{BatchesFolder, JobFile, ModelsFolder, runs, train};
use crate::exit::{Code, Failure};
use crate::output::{Output, print, print_json};
use crate::signals::Stop;

/// Hand a job file to a scheduler, which trains its models by itself
///
/// It is `gugus train` without anybody waiting: the scheduler drives the run, whatever becomes of this command. `gugus runs`
/// tells how far it is, cancels it, and resumes it after the scheduler was stopped. Folders are those of the scheduler's
/// machine and must lie below its --data-root; a relative one is completed by the folder that this command stands in.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    #[command(flatten)]
    job: JobFile,
    #[command(flatten)]
    batches: BatchesFolder,
    #[command(flatten)]
    models: ModelsFolder,
    #[command(flatten)]
    asked: Asked,
    /// Train only this model of the job file; may be given several times
    #[arg(long, value_name = "NAME")]
    model: Vec<ModelName>,
    /// Train again what has a model, and replace it. Resumed, such a run begins anew
    #[arg(long)]
    retrain: bool,
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
            job_file: self.job.text()?,
            batches: self.batches.anywhere()?,
            models: self.models.anywhere()?,
            only: self.model.iter().map(ToString::to_string).collect(),
            retrain: self.retrain,
            dry_run: self.dry_run,
        };
        let scheduler = self.asked.connect().await?;
        if self.dry_run {
            let DryRun { report } = scheduler.post("", &request).await?;
            return train::show(&report, self.output);
        }
        let run: Run = scheduler.post("", &request).await?;
        if !self.wait {
            match self.output {
                Output::Json => print_json(&run)?,
                Output::Text => print(&format!(
                    "run {id} is {}; `gugus runs show {id}` tells how far it is",
                    run.state,
                    id = run.id
                ))?,
            }
            return Ok(Code::Done);
        }
        tracing::info!(run = %run.id, "the scheduler has the run");
        if stop.token.is_cancelled() {
            return Err(left(&run.id));
        }
        let ended = scheduler.ended(&run.id, &stop).await?;
        runs::show(&ended, self.output)?;
        code(&ended.run)
    }
}
