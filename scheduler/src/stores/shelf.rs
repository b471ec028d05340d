//! All stores that pages may show.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gugus_engine::Access;
use gugus_evaluate::Evaluation;
use gugus_files::Store;
use gugus_models::Extent;
use gugus_plot::Sample;
use moka::future::Cache;

use super::asked_work::WorkState;
use super::key::Key;
use super::log::LogView;
use super::models::ModelsView;
use super::work::{Asked, Works};
use crate::blocking::blocking;
use crate::problem::Problem;
use crate::runs::{Pair, RunId, Runs};

/// Stores of which something is kept, and how long after the last look.
const STORES: u64 = 32;
const IDLE: Duration = Duration::from_secs(3600);

/// Reports of runs whose failed models are kept.
const REPORTS: u64 = 50;

/// A model that the data did not allow.
#[derive(Clone, Debug)]
pub(crate) struct FailedModel {
    pub(crate) model: String,
    pub(crate) extent: Extent,
    pub(crate) reason: String,
    pub(crate) run: RunId,
}

/// All stores that pages may show. Clones are the same.
#[derive(Clone)]
pub(crate) struct Shelf(Arc<Inner>);

struct Inner {
    runs: Runs,
    logs: Cache<String, Arc<LogView>>,
    models: Cache<String, Arc<ModelsView>>,
    failures: Cache<(RunId, String), Arc<Vec<FailedModel>>>,
    works: Works,
}

impl Shelf {
    pub(crate) fn new(runs: Runs, access: Access, state: &Path) -> Self {
        Self(Arc::new(Inner {
            runs,
            logs: Cache::builder()
                .max_capacity(STORES)
                .time_to_idle(IDLE)
                .build(),
            models: Cache::builder()
                .max_capacity(STORES)
                .time_to_idle(IDLE)
                .build(),
            failures: Cache::new(REPORTS),
            works: Works::new(access, state),
        }))
    }

    /// The pairs of stores that runs have used, the newest first.
    pub(crate) fn pairs(&self) -> Vec<Pair> {
        self.0.runs.pairs()
    }

    /// The batches of a place that somebody names.
    pub(crate) async fn log(&self, place: &str) -> Result<Arc<LogView>, Problem> {
        let store = self.open("batches", place).await?;
        let key = spelled(&store);
        let view = async { Arc::new(LogView::new(store)) };
        Ok(self.0.logs.get_with(key, view).await)
    }

    /// The models of a place that somebody names.
    pub(crate) async fn models(&self, place: &str) -> Result<Arc<ModelsView>, Problem> {
        let store = self.open("models", place).await?;
        let key = spelled(&store);
        let view = async { Arc::new(ModelsView::new(store)) };
        Ok(self.0.models.get_with(key, view).await)
    }

    /// A place, checked anew each time: somebody may have made a link since.
    async fn open(&self, what: &'static str, place: &str) -> Result<Store, Problem> {
        let (places, place) = (self.0.runs.places().clone(), place.to_owned());
        blocking(move || {
            places.check(what, &place)?;
            Ok::<_, Problem>(places.open(&place)?)
        })
        .await
    }

    /// A model and the stores that it is read from, for work on all its rows.
    pub(crate) async fn asked(&self, key: Key, batches: &str) -> Result<Asked, Problem> {
        Ok(Asked {
            models: self.open("models", &key.store).await?,
            batches: self.open("batches", batches).await?,
            key,
        })
    }

    pub(crate) fn silhouette(&self, key: &Key) -> Option<WorkState<Evaluation>> {
        self.0.works.silhouette(key)
    }

    pub(crate) fn sample(&self, key: &Key) -> Option<WorkState<Sample>> {
        self.0.works.sample(key)
    }

    pub(crate) fn compute_silhouette(&self, asked: Asked) {
        self.0.works.compute_silhouette(asked);
    }

    /// Draws a sample: in this process if it is small, else on the cluster.
    pub(crate) fn draw_sample(&self, asked: Asked, rows: u64, features: usize) {
        if Self::draws_itself(&asked.key, rows, features) {
            self.0.works.draw_own_sample(asked);
        } else {
            self.0.works.draw_sample(asked);
        }
    }

    /// Whether a sample of such a model is drawn in this process, without being asked for.
    pub(crate) fn draws_itself(key: &Key, rows: u64, features: usize) -> bool {
        super::work::is_small(&key.extent, rows, features)
    }

    /// The newest runs of a store of models that ended without some of their models, and its standing runs.
    pub(super) fn runs_with_failures(&self, models: &str, most: usize) -> Vec<(RunId, String)> {
        self.0.runs.with_failures(models, most)
    }

    pub(super) fn runs(&self) -> &Runs {
        &self.0.runs
    }

    pub(super) fn failures(&self) -> &Cache<(RunId, String), Arc<Vec<FailedModel>>> {
        &self.0.failures
    }
}

/// The one name of a store, however somebody spells its place.
fn spelled(store: &Store) -> String {
    format!("{}{}", store.registry_url(), store.object_path(""))
}
