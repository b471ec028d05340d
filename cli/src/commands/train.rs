//! `gugus train`.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use gugus_files::Stores;
use gugus_models::Existing;
use gugus_progress::Progress;
use gugus_scheduler::Configuration;
use gugus_spec::ModelName;
use gugus_train::{Config, prepare};

use crate::exit::{Code, Failure};
use crate::flags::cluster::OnCluster;
use crate::flags::folders::{BatchesFolder, ModelsFolder};
use crate::flags::job_file::JobFile;
use crate::output::Output;
use crate::output::progress::draw;
use crate::output::report::show;
use crate::servers::host_port;
use crate::signals::Stop;

/// Train the models of a job on its batches, one Ballista job per wave of batches
///
/// Every batch without a model gets one. Run the command again to go on after a stop. A model with scope = "all" is
/// fitted to all batches together, one Ballista job per pass, and trained again when there are new batches. A model
/// with scope = "window" has one model for each window of the rows. A window is trained again when it has new rows.
/// Models are folders that Spark's KMeansModel.load reads. Without --scheduler a cluster is started within this
/// process.
///
/// Example: gugus train --job jobs/crime.toml --batches data/batch --models data/models
///
/// Next: `gugus models list` shows the models, `gugus serve` answers predictions.
#[derive(Debug, Args)]
pub(crate) struct Train {
    #[command(flatten)]
    job: JobFile,
    #[command(flatten)]
    batches: BatchesFolder,
    #[command(flatten)]
    models: ModelsFolder,
    #[command(flatten)]
    cluster: OnCluster,
    /// Train only this model of the job file; may be given several times
    #[arg(long, value_name = "NAME")]
    model: Vec<ModelName>,
    /// Also train models that exist, and replace them
    #[arg(long)]
    retrain: bool,
    /// Say what would be trained, and train nothing
    #[arg(long)]
    dry_run: bool,
    /// Show the pages of the cluster in this process there while it trains; port 0 chooses a free one
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port, conflicts_with = "scheduler")]
    ui: Option<SocketAddr>,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

impl Train {
    pub(crate) async fn run(self, stop: Stop, settings: Configuration) -> Result<Code, Failure> {
        let mut cluster = self.cluster.load()?;
        if let Some(address) = self.ui {
            cluster.shown_at(address, settings);
        }
        let progress = Progress::default();
        let bar = draw(&progress, "models");
        let stores = Stores::from_env();
        let config = Config {
            job: self.job.read()?,
            batches: self.batches.open(&stores)?,
            models: self.models.open(&stores)?,
            only: self.model,
            existing: if self.retrain {
                Existing::Replace
            } else {
                Existing::Keep
            },
            progress,
            observer: Arc::new(()),
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
        // The cluster in this process has to outlive its work.
        let (cluster, embedded) = cluster.connect(&stores).await?;
        if let (Some(_), Some(embedded)) = (self.ui, &embedded) {
            let access = embedded.access();
            let (scheme, place) = (access.security.scheme(), access.url.authority());
            bar.suspend(|| eprintln!("pages at {scheme}://{place}/ until the training ends"));
        }
        let trained = prepared.train(&cluster, stop.token).await;
        drop(bar);
        if let Err(gugus_train::Error::Interrupted { report }) = &trained {
            show(report, self.output)?;
        }
        show(&trained?, self.output)
    }
}
