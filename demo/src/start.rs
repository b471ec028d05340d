//! The demo's steps, in order.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use gugus_batches::BatchLog;
use gugus_engine::{Cluster, ClusterUrl, TaskSlots};
use gugus_files::Store;
use gugus_ingest::Start;
use gugus_ingest::ingest::{self, OnReset, Until};
use gugus_ingest::produce::{self, Form, Pace};
use gugus_models::Existing;
use gugus_progress::Progress;
use gugus_scheduler::{Embedded, EmbeddedConfig};
use gugus_spec::Job;
use gugus_submit::SubmitError;
use gugus_train::{Outcome, Report};
use indicatif::ProgressBar;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::portions::{self, PARTITIONS, Portions};
use crate::predict::{Prediction, predict};

/// How many records are generated where no file is named: ten batches.
const GENERATED: u64 = 1_000;

/// The seed of generated records, so that everybody sees the same demo.
const SEED: u64 = 1;

/// The job that describes generated records.
const CRIME: &str = include_str!("../../jobs/crime.toml");

/// The settings of the demo.
#[derive(Clone, Debug)]
pub struct Config {
    /// The job file; the LAPD's when absent.
    pub job: Option<Job>,
    /// The CSV file; generated records when absent.
    pub input: Option<PathBuf>,
    /// Where REST listens.
    pub listen: SocketAddr,
    /// Where the scheduler listens.
    pub scheduler_listen: SocketAddr,
}

/// A step, as it begins.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sample records are written.
    Generating(u64),
    /// The broker is up.
    Broker(String),
    /// Records are sent and ingested.
    Ingesting(u64),
    /// The cluster is up.
    Cluster(ClusterUrl),
    /// Models are trained.
    Training(u64),
    /// REST is up.
    Serving(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generating(records) => {
                write!(f, "generating {records} records in the shape of the LAPD's")
            }
            Self::Broker(brokers) => {
                write!(
                    f,
                    "broker at {brokers}: a stand-in (librdkafka's mock cluster) that keeps nothing"
                )
            }
            Self::Ingesting(records) => {
                write!(f, "sending {records} records and cutting them into batches")
            }
            Self::Cluster(url) => write!(f, "embedded Ballista cluster at {url}"),
            Self::Training(models) => write!(f, "training {models} models"),
            Self::Serving(rest) => write!(f, "REST at {rest}"),
        }
    }
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
    serving: JoinHandle<Result<(), gugus_serve::Error>>,
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
        say: impl Fn(Step),
        progress: &Progress,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        // Ports are taken first: a taken one should not show after minutes of work.
        let rest = TcpListener::bind(config.listen).map_err(|source| Error::Listen {
            address: config.listen,
            source,
        })?;
        let cluster_config = EmbeddedConfig {
            task_slots: TaskSlots::Cores,
            listen: config.scheduler_listen,
            ..EmbeddedConfig::default()
        };
        let cluster =
            tokio::task::spawn_blocking(move || Embedded::start(cluster_config)).await??;
        say(Step::Cluster(cluster.url().clone()));

        let folder = tempfile::Builder::new()
            .prefix("gugus-demo-")
            .tempdir()
            .map_err(Error::Temporary)?;
        let job = match config.job {
            Some(job) => job,
            None => Job::parse(CRIME, "jobs/crime.toml").map_err(Error::BuiltIn)?,
        };
        let input = match config.input {
            Some(input) => input,
            None => {
                say(Step::Generating(GENERATED));
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
        say(Step::Broker(brokers.clone()));

        let batches = open(folder.path(), "batch")?;
        let models = open(folder.path(), "models")?;
        say(Step::Ingesting(portions.records));
        let sent = ingest_all(&job, &brokers, &batches, &portions, progress, &stop).await?;
        let log = BatchLog::read(batches.clone()).await?;
        let counted = log.verify(|_| {}).await?;

        let prepared = gugus_train::prepare(gugus_train::Config {
            job: job.clone(),
            batches,
            models: models.clone(),
            only: Vec::new(),
            existing: Existing::Keep,
            progress: progress.clone(),
            run: None,
        })
        .await?;
        say(Step::Training(prepared.pending()));
        progress.set_done(0);
        let connected = Cluster::connect(cluster.url().clone()).await;
        let connected =
            connected.map_err(|error| gugus_train::Error::from(SubmitError::from(error)))?;
        let report = prepared.train(&connected, stop.clone()).await?;

        let (ready, up) = tokio::sync::oneshot::channel();
        let serve = gugus_serve::Config::new(models);
        let tell = move |address: SocketAddr| {
            // Nobody waits any more only when this function has ended.
            let _ = ready.send(address);
        };
        let serving = tokio::spawn(gugus_serve::run(rest, serve, tell, stop.clone()));
        let address = up.await.map_err(|_| Error::Stopped)?;
        let rest = format!("http://{address}");
        say(Step::Serving(rest.clone()));
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
            stop,
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

fn generate(folder: &Path) -> Result<PathBuf, Error> {
    let path = folder.join("generated.csv");
    let mut out = BufWriter::new(File::create(&path).map_err(Error::Temporary)?);
    gugus_generate::write(GENERATED, SEED, &mut out).map_err(Error::Generate)?;
    out.flush().map_err(Error::Temporary)?;
    Ok(path)
}

fn open(folder: &Path, name: &str) -> Result<Store, Error> {
    let path = folder.join(name);
    std::fs::create_dir_all(&path).map_err(Error::Temporary)?;
    Ok(Store::open(&path.to_string_lossy())?)
}

/// Sends portion after portion, each ingested before the next is sent; gives how many records the broker confirmed.
async fn ingest_all(
    job: &Job,
    brokers: &str,
    batches: &Store,
    portions: &Portions,
    progress: &Progress,
    stop: &CancellationToken,
) -> Result<u64, Error> {
    let mut sent = 0;
    progress.set_total(portions.records);
    for portion in &portions.files {
        let summary = produce::run(
            produce::Config {
                topic: job.source.topic.clone(),
                form: Form::of(&job.source),
                brokers: brokers.to_owned(),
                input: portion.clone(),
                pace: Pace::Full,
                limit: None,
                client: Vec::new(),
                progress: ProgressBar::hidden(),
            },
            stop.clone(),
        )
        .await?;
        sent += summary.records;
        ingest::run(
            ingest::Config {
                job: job.clone(),
                brokers: brokers.to_owned(),
                store: batches.clone(),
                until: Until::End,
                max_batches: None,
                start: Start::Earliest,
                on_reset: OnReset::Stop,
                metrics: None,
                client: Vec::new(),
                progress: ProgressBar::hidden(),
            },
            || {},
            stop.clone(),
        )
        .await?;
        progress.set_done(sent);
        if stop.is_cancelled() {
            return Err(Error::Stopped);
        }
    }
    Ok(sent)
}
