//! The silhouette and the sample of a model: work that takes a look at all rows.

use std::path::Path;
use std::sync::Arc;

use gugus_engine::{Access, Cluster};
use gugus_evaluate::{Evaluation, Subject, Which};
use gugus_files::Store;
use gugus_models::Extent;
use gugus_plot::Sample;
use gugus_progress::Progress;
use gugus_submit::{InProcess, Submit};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::asked_work::{AskedWork, WorkState};
use super::kept_silhouettes;
use super::key::Key;

/// Silhouettes that are remembered, and samples. A sample is a few megabytes.
const SILHOUETTES: usize = 1_000;
const SAMPLES: usize = 16;

/// Numbers, rows times features, of which the scheduler draws a sample by itself: a fraction of a second. Of more, the
/// cluster does.
const OWN_NUMBERS: u64 = 2_000_000;

/// Pieces of work at the same time, on the cluster and in this process: training comes first.
const ON_CLUSTER: usize = 2;
const IN_PROCESS: usize = 1;

/// A model and the stores that it is read from.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) key: Key,
    pub(crate) models: Store,
    pub(crate) batches: Store,
}

/// The work that viewers have asked for.
pub(super) struct Works {
    access: Access,
    silhouettes: Arc<AskedWork<Key, Evaluation>>,
    samples: Arc<AskedWork<Key, Sample>>,
    on_cluster: Arc<Semaphore>,
    in_process: Arc<Semaphore>,
    /// Cancelled when nobody can look any more.
    stop: CancellationToken,
}

impl Drop for Works {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Works {
    /// Silhouettes are kept in the folder `state`.
    pub(super) fn new(access: Access, state: &Path) -> Self {
        let file = state.join(kept_silhouettes::FILE);
        let earlier = kept_silhouettes::read(&file);
        let keep = move |done: &[_]| kept_silhouettes::write(&file, done);
        Self {
            access,
            silhouettes: Arc::new(AskedWork::new(SILHOUETTES, earlier, keep)),
            samples: Arc::new(AskedWork::new(SAMPLES, Vec::new(), |_| ())),
            on_cluster: Arc::new(Semaphore::new(ON_CLUSTER)),
            in_process: Arc::new(Semaphore::new(IN_PROCESS)),
            stop: CancellationToken::new(),
        }
    }

    pub(super) fn silhouette(&self, key: &Key) -> Option<WorkState<Evaluation>> {
        self.silhouettes.standing(key)
    }

    pub(super) fn sample(&self, key: &Key) -> Option<WorkState<Sample>> {
        self.samples.standing(key)
    }

    /// Computes the silhouette on the cluster.
    pub(super) fn compute_silhouette(&self, asked: Asked) {
        let (access, stop, turns) = self.parts();
        self.silhouettes
            .begin(asked.key.clone(), |progress| async move {
                let _turn = turns.acquire_owned().await.map_err(text)?;
                blocking(async move {
                    let subject = subject(asked).await?;
                    let cluster = connect(access, &progress).await?;
                    let done = subject.evaluate(&cluster, None, &progress, &stop).await;
                    done.map_err(|error| gugus_error::chain(&error))
                })
                .await
            });
    }

    /// Draws a sample on the cluster.
    pub(super) fn draw_sample(&self, asked: Asked) {
        let (access, stop, turns) = self.parts();
        self.samples
            .begin(asked.key.clone(), |progress| async move {
                let _turn = turns.acquire_owned().await.map_err(text)?;
                blocking(async move {
                    let subject = subject(asked).await?;
                    let cluster = connect(access, &progress).await?;
                    progress.say("rows are being drawn");
                    let drawn = subject.sample(&cluster, &stop).await;
                    drawn.map_err(|error| gugus_error::chain(&error))
                })
                .await
            });
    }

    /// Draws a sample of a few rows in this process.
    pub(super) fn draw_own_sample(&self, asked: Asked) {
        let (stop, turns) = (self.stop.clone(), Arc::clone(&self.in_process));
        self.samples.begin(asked.key.clone(), |_| async move {
            let _turn = turns.acquire_owned().await.map_err(text)?;
            blocking(async move {
                let url = Url::parse(asked.batches.registry_url()).map_err(text)?;
                let cluster = InProcess::new(1).with_store(&url, asked.batches.object_store());
                let drawn = subject(asked).await?.sample(&cluster, &stop).await;
                drawn.map_err(|error| gugus_error::chain(&error))
            })
            .await
        });
    }

    fn parts(&self) -> (Access, CancellationToken, Arc<Semaphore>) {
        (
            self.access.clone(),
            self.stop.clone(),
            Arc::clone(&self.on_cluster),
        )
    }
}

/// Whether the scheduler draws the sample of such a model by itself.
pub(super) fn is_small(extent: &Extent, rows: u64, features: usize) -> bool {
    extent.batch().is_some() && rows.saturating_mul(features as u64) <= OWN_NUMBERS
}

/// A cluster that has an executor: work without one would wait for ever.
async fn connect(access: Access, progress: &Progress) -> Result<Cluster, String> {
    progress.say("the cluster is being asked");
    let cluster = Cluster::connect(access).await;
    let cluster = cluster.map_err(|error| gugus_error::chain(&error))?;
    if cluster.task_slots().await == Some(0) {
        return Err(
            "no executor is registered; start one with `gugus executor`, then try again".to_owned(),
        );
    }
    Ok(cluster)
}

async fn subject(asked: Asked) -> Result<Subject, String> {
    let which = match asked.key.extent {
        Extent::Batch(batch) => Which::Batch(batch),
        Extent::All => Which::All,
        Extent::Window(key) => Which::Window(key),
    };
    let on = gugus_evaluate::On::Trained;
    let found = Subject::find(asked.models, asked.batches, &asked.key.model, which, on).await;
    found.map_err(|error| gugus_error::chain(&error))
}

/// Plans are compiled and rows decoded on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl Future<Output = Result<T, String>> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(move || Handle::current().block_on(work)).await;
    done.map_err(text)?
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
