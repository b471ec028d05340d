//! `gugus up`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use clap::Args;
use gugus_engine::TaskSlots;
use gugus_files::Stores;
use gugus_ingest::ingest::{self, Until};
use gugus_progress::Progress;
use gugus_scheduler::{Configuration, EmbeddedConfig, RunRequest};
use gugus_up::{Addresses, Cluster, Config};

use crate::exit::{Code, Failure};
use crate::flags::answering::Answering;
use crate::flags::cluster::{ChosenCluster, OnCluster};
use crate::flags::folders::{BatchesFolder, ModelsFolder};
use crate::flags::grpc::GrpcPort;
use crate::flags::guards::LimitFlags;
use crate::flags::job_file::JobFile;
use crate::flags::kafka::KafkaClient;
use crate::flags::reading::Reading;
use crate::output::file::private_folder;
use crate::output::progress::draw_status;
use crate::output::ready;
use crate::servers::{host_port, listen};
use crate::signals::Stop;

/// How many runs that ended the pages keep.
const KEPT_RUNS: usize = 100;

/// Run the whole way in this process: from Kafka to batches, to models, to predictions
///
/// The command ingests the job's topic, trains each batch as it comes, serves the models over REST, and shows all of it on
/// the scheduler's pages. Stop it or kill it at any time, and start it again: it goes on from the files. If Kafka or a cluster
/// elsewhere is away for a while, predictions go on.
///
/// The job file says what a record is, when a batch is full (`rows`, `max_age`, `idle`), how many rejected records are too many
/// (`max_reject_ratio`), and which models are trained. The flags below say where: each part has those of its own command.
/// One token (--token-file) and one certificate (--tls-…) count for REST, for gRPC and for the pages.
///
/// Example: gugus up --job jobs/crime.toml --brokers 127.0.0.1:9092
///
/// Next: open the addresses of the line `ready`: `rest=` predicts and has /metrics of all parts, `http=` shows batches, models
/// and runs, `inference=` (with --grpc-listen) speaks the Open Inference Protocol over gRPC.
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    job: JobFile,
    #[command(flatten, next_help_heading = "Records")]
    client: Box<KafkaClient>,
    #[command(flatten)]
    batches: BatchesFolder,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten, next_help_heading = "Training")]
    models: ModelsFolder,
    /// Where the scheduler in this process and its pages listen; port 0 chooses a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050", value_parser = host_port, conflicts_with = "scheduler")]
    scheduler_listen: SocketAddr,
    /// How many executors this process has; they share its cores
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        conflicts_with = "scheduler"
    )]
    executors: NonZeroUsize,
    #[command(flatten)]
    cluster: Box<OnCluster>,
    /// Where REST listens; port 0 chooses a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8000", value_parser = host_port, help_heading = "Predictions")]
    listen: SocketAddr,
    #[command(flatten, next_help_heading = "Predictions")]
    grpc: GrpcPort,
    #[command(flatten)]
    answering: Answering,
    #[command(flatten)]
    limits: Box<LimitFlags>,
}

impl Up {
    pub(crate) async fn run(
        self,
        stop: Stop,
        configuration: Configuration,
    ) -> Result<Code, Failure> {
        let stores = Stores::from_env();
        let (job, job_file) = self.job.with_text()?;
        let request = RunRequest {
            job_file,
            batches: self.batches.absolute()?,
            models: self.models.absolute()?,
            only: Vec::new(),
            retrain: false,
            dry_run: false,
            follow: true,
        };
        let progress = Progress::default();
        let ingest = ingest::Config {
            job,
            client: self.client.properties()?,
            brokers: self.client.brokers,
            store: self.batches.open(&stores)?,
            until: Until::Forever,
            max_batches: None,
            on_reset: self.reading.on_reset(),
            start: self.reading.start,
            progress: progress.clone(),
            metrics: None,
            connection: Default::default(),
        };
        let mut serve = gugus_serve::Config::new(self.models.open(&stores)?);
        self.answering.set(&mut serve);
        self.limits.set(&mut serve);
        // The pages' own records live as long as the process.
        let state = private_folder().map_err(Failure::failed)?;
        let mut cluster = self.cluster.load()?;
        let security = cluster.security();
        serve.guards.token = security.token.clone();
        serve.guards.certificate = security.tls.as_ref().map(|tls| tls.own().clone());
        cluster.shown_at(
            self.scheduler_listen,
            configuration,
            state.path(),
            KEPT_RUNS,
        )?;
        let rest = listen(self.listen)?;
        let grpc = self.grpc.set(&mut serve)?;
        let cluster = match cluster {
            ChosenCluster::Remote(access) => Cluster::elsewhere(*access),
            ChosenCluster::Embedded(config, _) => {
                let config = EmbeddedConfig {
                    executors: self.executors,
                    task_slots: share(self.executors),
                    stores,
                    ..*config
                };
                Cluster::start(config).await?
            }
        };
        let config = Config {
            ingest,
            serve,
            rest,
            cluster,
            request,
            models: Progress::default(),
            observer: Arc::new(()),
        };
        let _bar = draw_status(&progress, "records");
        let tell = |at: Addresses| {
            let own = [("rest", at.rest), ("http", at.http), ("grpc", at.grpc)];
            // `grpc` is the scheduler's.
            let inference = grpc.map(|grpc| ("inference", grpc));
            ready(&own.into_iter().chain(inference).collect::<Vec<_>>());
        };
        gugus_up::run(config, tell, stop.token).await?;
        Ok(Code::Done)
    }
}

/// The task slots of each of so many executors.
fn share(executors: NonZeroUsize) -> TaskSlots {
    let each = NonZeroUsize::new(TaskSlots::Cores.count() / executors.get());
    TaskSlots::Exactly(each.unwrap_or(NonZeroUsize::MIN))
}
