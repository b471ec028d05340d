//! `gugus train`.

use clap::Args;
use gugus_engine::{ClusterUrl, TaskSlots};
use gugus_models::Existing;
use gugus_progress::Progress;
use gugus_scheduler::{Embedded, EmbeddedConfig};
use gugus_spec::ModelName;
use gugus_train::{Config, Outcome, Report, prepare};

use crate::commands::cluster::{ClusterSecurity, connect};
use crate::commands::{BatchesFolder, JobFile, ModelsFolder};
use crate::exit::{Code, Failure};
use crate::output::{Output, count, draw, print, print_json, table};
use crate::signals::Stop;

/// Failed batches named one by one in the summary; the JSON document has all.
const FAILURES_SHOWN: usize = 20;

/// Train the models of a job on its batches, one Ballista job a wave of batches
///
/// Every batch without a model gets one; run it again to go on after a stop. A model with scope = "all" is fitted on
/// all batches together, one Ballista job a pass, and trained again when there are new batches; with scope = "window" there is
/// one for each window of the rows, trained again when there are new rows in it. Models are folders that Spark's
/// KMeansModel.load reads. Without --scheduler a cluster is started within this process.
#[derive(Debug, Args)]
pub(crate) struct Train {
    #[command(flatten)]
    job: JobFile,
    #[command(flatten)]
    batches: BatchesFolder,
    #[command(flatten)]
    models: ModelsFolder,
    /// The cluster to train on; one is started in this process when absent
    #[arg(long, value_name = "df://HOST:PORT")]
    scheduler: Option<ClusterUrl>,
    #[command(flatten)]
    security: ClusterSecurity,
    /// Train only this model of the job file; may be given several times
    #[arg(long, value_name = "NAME")]
    model: Vec<ModelName>,
    /// Train again what has a model, and replace it
    #[arg(long)]
    retrain: bool,
    /// Say what would be trained, and train nothing
    #[arg(long)]
    dry_run: bool,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

impl Train {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        let security = self.security.load()?;
        let progress = Progress::default();
        let bar = draw(&progress, "models");
        let config = Config {
            job: self.job.read()?,
            batches: self.batches.open()?,
            models: self.models.open()?,
            only: self.model,
            existing: if self.retrain {
                Existing::Replace
            } else {
                Existing::Keep
            },
            progress,
            run: None,
        };
        let prepared = prepare(config).await?;
        if self.dry_run {
            return show(&prepared.dry_run(), self.output);
        }
        // A cluster that nobody needs is neither started nor asked.
        if prepared.pending() == 0 {
            return show(&prepared.nothing_to_do(), self.output);
        }
        let (cluster, _embedded) = connect(self.scheduler, security).await?;
        let trained = prepared.train(&cluster, stop.token.clone()).await;
        drop(bar);
        match trained {
            Ok(report) => show(&report, self.output),
            Err(gugus_train::Error::Interrupted { report }) => {
                show(&report, self.output)?;
                Err(gugus_train::Error::Interrupted { report }.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A cluster within this process, with a task a core.
pub(crate) async fn start_embedded() -> Result<Embedded, Failure> {
    let config = EmbeddedConfig {
        task_slots: TaskSlots::Cores,
        ..EmbeddedConfig::default()
    };
    tokio::task::spawn_blocking(move || Embedded::start(config))
        .await
        .map_err(Failure::failed)?
        .map_err(Failure::failed)
}

/// Prints a report, and says what exit code it means.
pub(crate) fn show(report: &Report, output: Output) -> Result<Code, Failure> {
    match output {
        Output::Json => print_json(report)?,
        Output::Text => print(&summary(report))?,
    }
    Ok(if report.failed > 0 {
        Code::SomeModelsFailed
    } else {
        Code::Done
    })
}

/// One line a model, then the batches that failed.
pub(crate) fn summary(report: &Report) -> String {
    let mut table = table([
        "model",
        "trained",
        "failed",
        "skipped",
        "rows",
        "iterations",
        "training cost",
    ]);
    let mut names: Vec<&str> = report.models.iter().map(|m| m.model.as_str()).collect();
    names.dedup();
    for name in names {
        let lines = || report.models.iter().filter(move |m| m.model == name);
        let of = |status: Outcome| count(lines().filter(|m| m.status == status).count() as u64);
        let trained = || lines().filter(|m| m.status == Outcome::Trained);
        let rows: u64 = trained().map(|m| m.rows).sum();
        let iterations: u64 = trained().filter_map(|m| m.iterations).map(u64::from).sum();
        // An empty sum is -0 otherwise.
        let cost: f64 = trained().filter_map(|m| m.training_cost).sum::<f64>() + 0.0;
        table.add_row([
            name.to_owned(),
            of(Outcome::Trained),
            of(Outcome::Failed),
            of(Outcome::Skipped),
            count(rows),
            count(iterations),
            format!("{cost:.6}"),
        ]);
    }
    let mut text = table.to_string();
    if report.planned > 0 {
        text.push_str(&format!(
            "\nwould train {} models, nothing was done",
            count(report.planned)
        ));
    } else {
        let all = (
            count(report.trained),
            count(report.failed),
            count(report.skipped),
        );
        text.push_str(&format!(
            "\n{} trained, {} failed, {} skipped in {:.2} s",
            all.0, all.1, all.2, report.seconds
        ));
    }
    let failed: Vec<_> = report
        .models
        .iter()
        .filter(|m| m.status == Outcome::Failed)
        .collect();
    for model in failed.iter().take(FAILURES_SHOWN) {
        let reason = model.reason.as_deref().unwrap_or("no reason is known");
        text.push_str(&format!(
            "\nfailed: {} {}: {reason}",
            model.model,
            model.data()
        ));
    }
    if failed.len() > FAILURES_SHOWN {
        text.push_str(&format!(
            "\n… and {} more; --output json names all",
            failed.len() - FAILURES_SHOWN
        ));
    }
    text
}
