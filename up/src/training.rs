//! Training that ends after ingest, and outlives a cluster elsewhere.

use std::sync::Arc;
use std::time::Duration;

use gugus_engine::{Access, Cluster, ClusterError};
use gugus_models::Existing;
use gugus_scheduler::Followed;
use gugus_submit::SubmitError;
use gugus_train::{Config, Error, Follow, Observer, Report, follow};
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::error;
use crate::observers::{All, UntilCaughtUp};

/// How long the models of the last batches may take after ingest has ended. A batch takes less than a second; a backlog of
/// hours is left to the next start.
pub const LAST_MODELS: Duration = Duration::from_secs(5);

/// The time between two attempts to work with a cluster that is away.
const PAUSE: Duration = Duration::from_secs(2);

/// Training that has not begun.
pub(crate) struct Training {
    work: Work,
    /// Shows the training on the pages of this process, if there are some.
    run: Option<Followed>,
}

impl Training {
    pub(crate) fn new(config: &config::Config) -> Result<Self, error::Error> {
        let (job, progress) = (&config.ingest.job, &config.models);
        let embedded = config.cluster.embedded.as_ref();
        let run = embedded.map(|cluster| {
            let never = CancellationToken::new();
            cluster.follow(&config.request, &job.name, progress.clone(), &never)
        });
        let run = run.transpose()?;
        let shown = run.as_ref().map(Followed::observer);
        let observers = std::iter::once(Arc::clone(&config.observer)).chain(shown);
        let train = Config {
            job: job.clone(),
            batches: config.ingest.store.clone(),
            models: config.serve.models.clone(),
            only: Vec::new(),
            existing: Existing::Keep,
            progress: progress.clone(),
            observer: Arc::new(All(observers.collect())),
            run: run.as_ref().map(|run| run.id().to_string()),
        };
        let access = config.cluster.access.clone();
        // Batches lie where models do, so they are looked at as often.
        let settings = Follow {
            poll: config.serve.poll,
        };
        let work = Work {
            config: train,
            settings,
            access,
        };
        Ok(Self { work, run })
    }

    /// Trains until a while after ingest has ended.
    pub(crate) async fn until(self, ingested: CancellationToken) -> Result<(), error::Error> {
        let (work, stop) = (self.work, CancellationToken::new());
        match self.run {
            Some(run) => {
                let stopped = run.drive(|stop| work.attempt(stop, &ingested)).await;
                unless_interrupted(stopped)?;
            }
            None => work.until_back(&stop, &ingested).await?,
        }
        if !ingested.is_cancelled() {
            tracing::warn!(
                "the training was paused or ended on its page; ingest and predictions go on, and the next start trains the rest"
            );
            ingested.cancelled().await;
        }
        Ok(())
    }
}

/// What is trained, and where.
struct Work {
    config: Config,
    settings: Follow,
    access: Access,
}

impl Work {
    /// Trains until a while after ingest has ended, and waits for the cluster whenever it is away.
    async fn until_back(
        &self,
        stop: &CancellationToken,
        ingested: &CancellationToken,
    ) -> Result<(), Error> {
        loop {
            let error = match self.attempt(stop.clone(), ingested).await {
                Err(Error::Cluster(error)) if is_away(&error) => error,
                ended => return unless_interrupted(ended),
            };
            let reason = gugus_error::chain(&error);
            tracing::warn!(
                reason,
                "training waits for the cluster; ingest and predictions go on"
            );
            let pause = tokio::time::sleep(PAUSE);
            if ingested.run_until_cancelled(pause).await.is_none() {
                return Ok(());
            }
        }
    }

    /// Trains until `stop`, or until ingest has ended and the last batches have their models.
    async fn attempt(
        &self,
        stop: CancellationToken,
        ingested: &CancellationToken,
    ) -> Result<Report, Error> {
        let cluster = Cluster::connect(self.access.clone()).await;
        let cluster = cluster.map_err(SubmitError::from)?;
        let (config, until) = (self.config.clone(), stop.child_token());
        let following = follow(config.clone(), self.settings, &cluster, until.clone());
        let ended = cancel_after(ingested.cancelled(), &until, following).await?;
        if stop.is_cancelled() {
            return Ok(ended);
        }
        let until = stop.child_token();
        let last: Arc<dyn Observer> = Arc::new(UntilCaughtUp(until.clone()));
        let config = Config {
            observer: Arc::new(All(vec![Arc::clone(&config.observer), last])),
            ..config
        };
        let following = follow(config, self.settings, &cluster, until.clone());
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

fn unless_interrupted(ended: Result<Report, Error>) -> Result<(), Error> {
    match ended {
        Ok(_) | Err(Error::Interrupted { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether the cluster, or a part of it, only has to come back.
fn is_away(error: &SubmitError) -> bool {
    match error {
        SubmitError::Cluster(source) => matches!(
            source.downcast_ref(),
            Some(ClusterError::Connect { .. } | ClusterError::Lost { .. })
        ),
        error => error.passes(),
    }
}
