//! The demo's steps, in order.

use std::fs::Permissions;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use gugus_batches::BatchLog;
use gugus_ingest::ingest::Until;
use gugus_progress::Progress;
use gugus_scheduler::{Configuration, EmbeddedConfig, RunRequest, RunsConfig};
use gugus_spec::Job;
use gugus_train::{Outcome, Report};
use gugus_up::{Addresses, Cluster};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::milestone::Milestone;
use crate::portions::{self, PARTITIONS};
use crate::predict::{Prediction, predict};
use crate::watched::Watched;
use crate::work::{GENERATED, SEED, Work, generate, keep_sending, open};

/// The job that describes generated records.
const CRIME: &str = include_str!("../../jobs/crime.toml");

/// The settings of the demo.
#[derive(Clone, Debug)]
pub struct Config {
    /// The job and the text of its file; the LAPD's when absent.
    pub job: Option<(Job, String)>,
    /// The CSV file; generated records when absent.
    pub input: Option<PathBuf>,
    /// How many more generated records come each second; none when absent, or when there is a CSV file.
    pub rate: Option<f64>,
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
    /// Where the scheduler's pages are.
    pub http: String,
    /// Where the scheduler's gRPC is.
    pub grpc: String,
    /// Where the broker is.
    pub broker: String,
    /// The temporary folder with batches and models.
    pub folder: PathBuf,
}

/// Everything that is up.
pub struct Demo {
    summary: Summary,
    running: JoinHandle<Result<(), gugus_up::Error>>,
    /// Records that keep coming.
    sending: Option<JoinHandle<Result<(), Error>>>,
    _broker: MockCluster<'static, DefaultProducerContext>,
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
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(Error::Temporary)?;
        // Links in the path of the temporary folder are followed, because the pages name what lies below it.
        let root = folder.path().canonicalize().map_err(Error::Temporary)?;
        let cluster = Cluster::start(EmbeddedConfig {
            listen: config.scheduler_listen,
            configuration: config.configuration,
            runs: Some(RunsConfig {
                state: root.join("runs"),
                data_root: root.clone(),
                keep: 100,
                at_once: 1,
            }),
            ..EmbeddedConfig::default()
        });
        let cluster = cluster.await?;
        say(Milestone::Cluster(cluster.access().url.to_string()));

        let (job, job_file) = match config.job {
            Some(job) => job,
            None => {
                let job = Job::parse(CRIME, "jobs/crime.toml").map_err(Error::BuiltIn)?;
                (job, CRIME.to_owned())
            }
        };
        let rate = config.rate.filter(|_| config.input.is_none());
        let input = match config.input {
            Some(input) => input,
            None => {
                say(Milestone::Generating(GENERATED));
                generate(folder.path(), SEED)?
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
            job,
            brokers: brokers.clone(),
            batches: open(folder.path(), "batch")?,
            models: open(folder.path(), "models")?,
            stop,
        };
        say(Milestone::Ingesting(portions.records));
        let sent = work.ingest(&portions, progress).await?;
        let log = BatchLog::read(work.batches.clone()).await?;
        let counted = log.verify(|_| {}).await?;

        let place = |name: &str| root.join(name).to_string_lossy().into_owned();
        let request = RunRequest {
            job_file,
            batches: place("batch"),
            models: place("models"),
            only: Vec::new(),
            retrain: false,
            follow: true,
            dry_run: false,
        };
        say(Milestone::Training);
        progress.set_done(0);
        let (begun, watched) = (Instant::now(), Arc::new(Watched::default()));
        let (ready, up) = oneshot::channel();
        let config = gugus_up::Config {
            ingest: work.ingest_config(Until::Forever),
            serve: gugus_serve::Config::new(work.models.clone()),
            rest,
            cluster,
            request,
            models: progress.clone(),
            observer: Arc::clone(&watched) as _,
        };
        let tell = |at: Addresses| {
            // Nobody waits any more only when this function has ended.
            let _ = ready.send(at);
        };
        let mut running = tokio::spawn(gugus_up::run(config, tell, work.stop.clone()));
        let trained = async {
            watched.caught_up().await;
            (
                watched.report(&work.job, begun.elapsed().as_secs_f64()),
                up.await,
            )
        };
        let (report, at) = tokio::select! {
            (report, Ok(at)) = trained => (report, at),
            ended = &mut running => {
                ended??;
                return Err(Error::Stopped);
            }
        };
        say(Milestone::Serving(at.rest.clone()));
        let model = report
            .models
            .iter()
            .find(|m| m.status == Outcome::Trained)
            .map(|m| m.model.clone());
        let model =
            model.ok_or_else(|| Error::Prediction("no model could be trained".to_owned()))?;
        let prediction = predict(&at.rest, &model, &portions.first).await?;

        let summary = Summary {
            records_in: portions.records,
            sent,
            accepted: counted.records,
            rejected: counted.rejected,
            report,
            prediction,
            rest: at.rest,
            http: at.http,
            grpc: at.grpc,
            broker: brokers,
            folder: folder.path().to_owned(),
        };
        let stop = work.stop.clone();
        let sending = rate.map(|rate| tokio::spawn(keep_sending(work, root, rate)));
        Ok(Self {
            summary,
            running,
            sending,
            _broker: broker,
            stop,
            _folder: folder,
        })
    }

    /// The result, and the addresses of all services.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Stays up until it is stopped, then ends the services and removes the files.
    ///
    /// # Errors
    /// The error of a part that failed.
    pub async fn stay(self) -> Result<(), Error> {
        let (running, sending) = (self.running, self.sending);
        // A part that ends takes the other with it.
        let running = async {
            let _stop = self.stop.clone().drop_guard();
            running.await
        };
        let sending = async {
            match sending {
                None => Ok(()),
                Some(sending) => {
                    let _stop = self.stop.clone().drop_guard();
                    sending.await?
                }
            }
        };
        let (ran, sent) = tokio::join!(running, sending);
        ran??;
        sent
    }

    /// Ends the services and removes the files.
    ///
    /// # Errors
    /// The error of a part that failed.
    pub async fn stop(self) -> Result<(), Error> {
        self.stop.cancel();
        self.stay().await
    }
}
