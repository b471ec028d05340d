//! `gugus train`.

mod follow;
mod pages;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use gugus_files::Stores;
use gugus_models::Existing;
use gugus_progress::Progress;
use gugus_scheduler::{Configuration, RunRequest};
use gugus_spec::ModelName;
use gugus_train::{Config, Observer, Prepared, Report, prepare};
use tokio_util::sync::CancellationToken;

use self::pages::Shown;
use crate::exit::{Code, Failure};
use crate::flags::cluster::{ChosenCluster, OnCluster};
use crate::flags::folders::{BatchesFolder, ModelsFolder};
use crate::flags::job_file::JobFile;
use crate::flags::poll::poll;
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
/// process. With --follow the command goes on until it is stopped, and trains each batch as it comes.
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
    /// Go on until Ctrl-C or SIGTERM, and train each new batch as it comes; wait if there are no batches yet
    #[arg(long, conflicts_with_all = ["retrain", "dry_run", "ui"])]
    follow: bool,
    /// How often --follow looks for new batches where the system does not report them, as in a bucket
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = poll)]
    poll: Duration,
    /// Show the pages of the cluster in this process there while it trains; port 0 chooses a free one
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port, conflicts_with = "scheduler")]
    ui: Option<SocketAddr>,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

impl Train {
    pub(crate) async fn run(self, stop: Stop, settings: Configuration) -> Result<Code, Failure> {
        if self.follow {
            return self.follow(stop).await;
        }
        let cluster = self.cluster.load()?;
        let stores = Stores::from_env();
        let (job, job_file) = self.job.with_text()?;
        let progress = Progress::default();
        let cluster = match self.ui.filter(|_| !self.dry_run) {
            None => On::Chosen(cluster),
            Some(address) => {
                let request = RunRequest {
                    job_file,
                    batches: self.batches.absolute()?,
                    models: self.models.absolute()?,
                    only: self.model.iter().map(ToString::to_string).collect(),
                    retrain: self.retrain,
                    follow: false,
                    dry_run: false,
                };
                let pages = (address, settings);
                let run = (&request, &job.name, progress.clone());
                let shown = Shown::start(cluster, pages, run, &stores, &stop.token);
                On::Shown(shown.await?.into())
            }
        };
        let bar = draw(&progress, "models");
        let config = Config {
            job,
            batches: self.batches.open(&stores)?,
            models: self.models.open(&stores)?,
            only: self.model,
            existing: if self.retrain {
                Existing::Replace
            } else {
                Existing::Keep
            },
            progress,
            observer: cluster.observer(),
            run: cluster.run(),
        };
        let prepared = prepare(config).await?;
        if self.dry_run {
            return show(&prepared.dry_run(), self.output);
        }
        // A cluster that nobody needs is neither started nor asked.
        if prepared.is_idle() {
            return show(&prepared.nothing_to_do(), self.output);
        }
        let trained = cluster.train(prepared, &stores, stop.token).await?;
        drop(bar);
        if let Err(gugus_train::Error::Interrupted { report }) = &trained {
            show(report, self.output)?;
        }
        show(&trained?, self.output)
    }
}

/// Where to train.
enum On {
    Chosen(ChosenCluster),
    /// A cluster in this process, whose pages show the run.
    Shown(Box<Shown>),
}

impl On {
    fn observer(&self) -> Arc<dyn Observer> {
        match self {
            Self::Chosen(_) => Arc::new(()),
            Self::Shown(shown) => shown.run.observer(),
        }
    }

    fn run(&self) -> Option<String> {
        match self {
            Self::Chosen(_) => None,
            Self::Shown(shown) => Some(shown.run.id().to_string()),
        }
    }

    async fn train(
        self,
        prepared: Prepared,
        stores: &Stores,
        stop: CancellationToken,
    ) -> Result<Result<Report, gugus_train::Error>, Failure> {
        match self {
            Self::Chosen(cluster) => {
                let connected = cluster.connect(stores, &stop).await?;
                let training = prepared.train(&connected.cluster, stop);
                connected.outlive(training).await
            }
            Self::Shown(shown) => {
                let Shown { connected, run, .. } = *shown;
                let train = |stop| prepared.train(&connected.cluster, stop);
                connected.outlive(run.drive(train)).await
            }
        }
    }
}
