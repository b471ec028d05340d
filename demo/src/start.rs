//! The demo's steps, in order.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use gugus_batches::BatchLog;
use gugus_engine::{ClusterUrl, TaskSlots};
use gugus_progress::Progress;
use gugus_scheduler::{Configuration, Embedded, EmbeddedConfig, RunRequest, RunsConfig};
use gugus_spec::Job;
use gugus_train::{Outcome, Report};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::milestone::Milestone;
use crate::portions::{self, PARTITIONS};
use crate::predict::{Prediction, predict};
use crate::work::{GENERATED, Serving, Work, generate, open};

/// The job that describes generated records.
const CRIME: &str = include_str!("../../jobs/crime.toml");

/// The settings of the demo.
#[derive(Clone, Debug)]
pub struct Config {
    /// The job and the text of its file; the LAPD's when absent.
    pub job: Option<(Job, String)>,
    /// The CSV file; generated records when absent.
    pub input: Option<PathBuf>,
    /// Where REST listens.
    pub listen: SocketAddr,
    /// Where the scheduler listens.
    pub scheduler_listen: SocketAddr,
    /// What the demo runs with, for the scheduler's pages.
    pub configuration: Configuration,
}

/// The result of the demo.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Records in the input file.
    pub records_in: u64,
    /// Records that the broker confirmed.
    pub sent: u64,
    /// Records in batches, counted from the files.
    pub accepted: u64,
    /// Records kept as rejects, counted from the files.
    pub rejected: u64,
    /// The report of the training.
    pub report: Report,
    /// One prediction.
    pub prediction: Prediction,
    /// Where REST is.
    pub rest: String,
    /// Where the scheduler is.
    pub scheduler: ClusterUrl,
    /// Where the broker is.
    pub broker: String,
    /// The temporary folder with batches and models.
    pub folder: PathBuf,
}

/// Everything that is up.
pub struct Demo {
    summary: Summary,
    _cluster: Embedded,
    _broker: MockCluster<'static, DefaultProducerContext>,
    serving: Serving,
    stop: CancellationToken,
    _folder: TempDir,
}

impl Demo {
    /// Runs every step and leaves the services up. `say` hears of each step; `progress` counts within it.
    ///
    /// # Errors
    /// [`Error`] of the step that failed; [`Error::Stopped`] when `stop` came first.
    pub async fn start(
        config: Config,
        say: impl Fn(Milestone),
        progress: &Progress,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        // Ports are taken first: a taken one should not show after minutes of work.
        let rest = TcpListener::bind(config.listen).map_err(|source| Error::Listen {
            address: config.listen,
            source,
        })?;
        let folder = tempfile::Builder::new()
            .prefix("gugus-demo-")
            .tempdir()
            .map_err(Error::Temporary)?;
        // Links in the path of the temporary folder are followed, because the pages name what lies below it.
        let root = folder.path().canonicalize().map_err(Error::Temporary)?;
        let cluster_config = EmbeddedConfig {
            task_slots: TaskSlots::Cores,
            listen: config.scheduler_listen,
            configuration: config.configuration,
            runs: Some(RunsConfig {
                state: root.join("runs"),
                data_root: root.clone(),
                keep: 100,
                at_once: 1,
            }),
            ..EmbeddedConfig::default()
        };
        let cluster =
            tokio::task::spawn_blocking(move || Embedded::start(cluster_config)).await??;
        say(Milestone::Cluster(cluster.url().clone()));

        let (job, job_file) = match config.job {
            Some(job) => job,
            None => {
                let job = Job::parse(CRIME, "jobs/crime.toml").map_err(Error::BuiltIn)?;
                (job, CRIME.to_owned())
            }
        };
        let input = match config.input {
            Some(input) => input,
            None => {
                say(Milestone::Generating(GENERATED));
                generate(folder.path())?
            }
        };
        let (to, from) = (folder.path().to_owned(), input.clone());
        let portions = tokio::task::spawn_blocking(move || portions::cut(&from, &to)).await??;

        let broker = MockCluster::new(1).map_err(Error::Broker)?;
        broker
            .create_topic(&job.source.topic, PARTITIONS, 1)
            .map_err(Error::Broker)?;
        let brokers = broker.bootstrap_servers();
        say(Milestone::Broker(brokers.clone()));

        let work = Work {
            batches: open(folder.path(), "batch")?,
            models: open(folder.path(), "models")?,
            job,
            progress: progress.clone(),
            stop,
        };
        say(Milestone::Ingesting(portions.records));
        let sent = work.ingest(&brokers, &portions).await?;
        let log = BatchLog::read(work.batches.clone()).await?;
        let counted = log.verify(|_| {}).await?;

        let place = |name: &str| root.join(name).to_string_lossy().into_owned();
        let request = RunRequest {
            job_file,
            batches: place("batch"),
            models: place("models"),
            only: Vec::new(),
            retrain: false,
            follow: false,
            dry_run: false,
        };
        work.progress.set_done(0);
        let run = cluster.follow(&request, &work.job.name, progress.clone(), &work.stop)?;
        let prepared = work.prepare(&run).await?;
        say(Milestone::Training(prepared.pending()));
        let report = work.train(prepared, run, cluster.url()).await?;

        let (rest, serving) = work.serve(rest).await?;
        say(Milestone::Serving(rest.clone()));
        let model = report
            .models
            .iter()
            .find(|m| m.status == Outcome::Trained)
            .map(|m| m.model.clone());
        let model =
            model.ok_or_else(|| Error::Prediction("no model could be trained".to_owned()))?;
        let prediction = predict(&rest, &model, &portions.first).await?;

        let summary = Summary {
            records_in: portions.records,
            sent,
            accepted: counted.records,
            rejected: counted.rejected,
            report,
            prediction,
            rest,
            scheduler: cluster.url().clone(),
            broker: brokers,
            folder: folder.path().to_owned(),
        };
        Ok(Self {
            summary,
            _cluster: cluster,
            _broker: broker,
            serving,
            stop: work.stop,
            _folder: folder,
        })
    }

    /// The result, and the addresses of all services.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Ends the services and removes the files.
    ///
    /// # Errors
    /// When the REST service had failed meanwhile.
    pub async fn stop(self) -> Result<(), Error> {
        self.stop.cancel();
        Ok(self.serving.await??)
    }
}
