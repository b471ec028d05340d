//! Training that ends after ingest, and outlives a cluster elsewhere.

use std::sync::Arc;
use std::time::Duration;

use gugus_engine::{Access, Cluster};
use gugus_models::Existing;
use gugus_scheduler::{ShownRun, follow_metrics};
use gugus_train::{Config, Error, Follow, Observer, Report, check_job, follow};
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::error;
use crate::observers::{All, UntilCaughtUp};

/// How long the models of the last batches may take after ingest has ended. A backlog of hours is left to the next
/// start.
pub const LAST_MODELS: Duration = Duration::from_secs(5);

/// Training that has not begun.
pub(crate) struct Training {
    work: Work,
    access: Access,
    /// Shows the training on the pages of this process, if there are some.
    run: Option<ShownRun>,
}

impl Training {
    /// Finds mistakes in the models, and shows the training on the pages and in the metrics.
    pub(crate) fn new(config: &config::Config, registry: &Registry) -> Result<Self, error::Error> {
        let (job, progress) = (&config.ingest.job, &config.models);
        let mut train = Config {
            job: job.clone(),
            batches: config.ingest.store.clone(),
            models: config.serve.models.clone(),
            only: Vec::new(),
            existing: Existing::Keep,
            progress: progress.clone(),
            observer: Arc::clone(&config.observer),
            run: None,
        };
        check_job(&train)?;
        let never = CancellationToken::new();
        let run =
            config.cluster.embedded.as_ref().map(|cluster| {
                cluster.show_run(&config.request, &job.name, progress.clone(), &never)
            });
        let run = run.transpose()?;
        let mut observers = vec![
            Arc::clone(&config.observer),
            follow_metrics(registry, &job.name)?,
        ];
        if let Some(run) = &run {
            observers.push(run.observer());
            train.run = Some(run.id().to_string());
        }
        train.observer = Arc::new(All(observers));
        let work = Work {
            config: train,
            // Batches lie where models do, so they are looked at as often.
            settings: Follow {
                poll: config.serve.poll,
            },
        };
        let access = config.cluster.access.clone();
        Ok(Self { work, access, run })
    }

    /// Trains until a while after ingest has ended.
    pub(crate) async fn until(self, ingested: CancellationToken) -> Result<(), error::Error> {
        let work = self.work;
        let Some(run) = self.run else {
            let pause = work.settings.poll;
            if let Some(cluster) = Cluster::connect_or_wait(self.access, pause, &ingested).await? {
                let never = CancellationToken::new();
                work.train(&cluster, never, &ingested).await?;
            }
            return Ok(());
        };
        let cluster = Cluster::connect(self.access).await?;
        let train = |stop| work.train(&cluster, stop, &ingested);
        run.drive(train).await?;
        if !ingested.is_cancelled() {
            tracing::warn!(
                "the training was paused or ended on its page; ingest and predictions go on, and the next start trains the rest"
            );
            ingested.cancelled().await;
        }
        Ok(())
    }
}

/// What is trained.
struct Work {
    config: Config,
    settings: Follow,
}

impl Work {
    /// Trains until `stop`, or until ingest has ended and the last batches have their models. [`follow`] itself waits for a
    /// cluster that is away meanwhile.
    async fn train(
        &self,
        cluster: &Cluster,
        stop: CancellationToken,
        ingested: &CancellationToken,
    ) -> Result<Report, Error> {
        let until = stop.child_token();
        let following = follow(self.config.clone(), self.settings, cluster, until.clone());
        let ended = cancel_after(ingested.cancelled(), &until, following).await?;
        if stop.is_cancelled() {
            return Ok(ended);
        }
        let until = stop.child_token();
        let last: Arc<dyn Observer> = Arc::new(UntilCaughtUp(until.clone()));
        let config = Config {
            observer: Arc::new(All(vec![Arc::clone(&self.config.observer), last])),
            ..self.config.clone()
        };
        let following = follow(config, self.settings, cluster, until.clone());
        cancel_after(tokio::time::sleep(LAST_MODELS), &until, following).await?;
        Ok(ended)
    }
}

/// Does `work`, and tells it to stop when `time` has come.
async fn cancel_after<T>(
    time: impl Future,
    stop: &CancellationToken,
    work: impl Future<Output = T>,
) -> T {
    let cancel = async {
        time.await;
        stop.cancel();
        std::future::pending().await
    };
    tokio::select! {
        ended = work => ended,
        never = cancel => never,
    }
}
