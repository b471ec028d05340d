//! The configuration of the whole.

use std::net::TcpListener;
use std::sync::Arc;

use gugus_engine::Access;
use gugus_ingest::ingest;
use gugus_progress::Progress;
use gugus_scheduler::{Embedded, EmbeddedConfig, RunRequest};
use gugus_train::Observer;

use crate::error::Error;

/// The parts and their settings.
#[derive(Debug)]
pub struct Config {
    /// The topic, the job, and the folder of batches. It must let ingest run without an end. Its metrics are set by
    /// [`run`](crate::run).
    pub ingest: ingest::Config,
    /// The folder of models, and how they are served. Its `/metrics` shows those of ingest and training, too.
    pub serve: gugus_serve::Config,
    /// Where REST listens.
    pub rest: TcpListener,
    /// Where models are trained.
    pub cluster: Cluster,
    /// The training as the pages show it, if the cluster is in this process.
    pub request: RunRequest,
    /// Counts models.
    pub models: Progress,
    /// Is told of models, too; `Arc::new(())` is nobody.
    pub observer: Arc<dyn Observer>,
}

/// Where models are trained.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) access: Access,
    /// Absent when the cluster is elsewhere.
    pub(crate) embedded: Option<Embedded>,
}

impl Cluster {
    /// Starts a cluster in this process, which also serves the pages. `runs` must be set in its settings.
    ///
    /// # Errors
    /// [`Error::Embedded`], for example when its port is taken.
    pub async fn start(config: EmbeddedConfig) -> Result<Self, Error> {
        let embedded = tokio::task::spawn_blocking(move || Embedded::start(config)).await??;
        Ok(Self {
            access: embedded.access().clone(),
            embedded: Some(embedded),
        })
    }

    /// A cluster elsewhere, which has pages of its own. It need not be there yet.
    #[must_use]
    pub fn elsewhere(access: Access) -> Self {
        Self {
            access,
            embedded: None,
        }
    }

    /// Waits until a part of a cluster in this process ends by itself. A cluster elsewhere may come back.
    pub(crate) fn over(&self) -> impl Future<Output = Error> + Send + use<> {
        let over = self.embedded.as_ref().map(Embedded::over);
        async move {
            match over {
                Some(over) => Error::from(over.await),
                None => std::future::pending().await,
            }
        }
    }

    /// Where its scheduler is.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }
}

/// Where the services are, as URLs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// REST.
    pub rest: String,
    /// The scheduler's pages.
    pub http: String,
    /// The scheduler's gRPC.
    pub grpc: String,
}
