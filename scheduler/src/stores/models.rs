//! One store of models.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gugus_files::Store;
use gugus_models::{Extent, ListedModel, ModelError, ModelStore, SavedModel, UnusableFolder};
use moka::future::Cache;

use super::fresh::Fresh;
use crate::problem::Problem;

/// Bytes of models that are kept, by a rough count.
const KEPT: u64 = 64 << 20;

/// How long a model is taken to be the same before its stamp is looked at again.
const STAMP: Duration = Duration::from_secs(5);

/// One store of models, with what was read of it.
pub(crate) struct ModelsView {
    store: ModelStore,
    listing: Arc<Fresh<Listing>>,
    read: Cache<(String, Extent), Read>,
}

/// The models of a store, as a listing tells them.
pub(crate) struct Listing {
    /// By name.
    pub(crate) models: Vec<ListedModel>,
    /// Every model that is ready, by name and data.
    pub(crate) all: Vec<(Arc<str>, Extent)>,
    /// Folders that cannot be read.
    pub(crate) unusable: Vec<UnusableFolder>,
}

impl Listing {
    /// Whether there is such a model.
    pub(crate) fn has(&self, model: &str, extent: &Extent) -> bool {
        self.named(model).is_some_and(|listed| listed.has(extent))
    }

    /// The models of one name.
    pub(crate) fn named(&self, model: &str) -> Option<&ListedModel> {
        self.models.iter().find(|listed| listed.model == model)
    }
}

/// A model that was read, or the reason why it cannot be.
#[derive(Clone)]
struct Read {
    model: Result<Arc<SavedModel>, String>,
    at: Instant,
}

impl ModelsView {
    pub(super) fn new(store: Store) -> Self {
        let read = Cache::builder()
            .max_capacity(KEPT)
            .weigher(|_, read: &Read| weight(read));
        Self {
            store: ModelStore::new(store),
            listing: Arc::default(),
            read: read.build(),
        }
    }

    /// Where a model's folder is, as a user names it.
    pub(crate) fn display(&self, folder: &str) -> String {
        self.store.store().display(folder)
    }

    /// The models that are there.
    pub(crate) async fn listing(&self) -> Result<Arc<Listing>, Problem> {
        let store = self.store.clone();
        let look = async move {
            let survey = store
                .survey()
                .await
                .map_err(|error| Problem::from(&error))?;
            let mut all = Vec::new();
            for listed in &survey.models {
                let name: Arc<str> = listed.model.as_str().into();
                let batches = listed.batches.iter().copied().map(Extent::Batch);
                let whole = listed.all.then_some(Extent::All);
                let windows = listed.windows.iter().cloned().map(Extent::Window);
                let extents = batches.chain(whole).chain(windows);
                all.extend(extents.map(|extent| (Arc::clone(&name), extent)));
            }
            Ok(Listing {
                models: survey.models,
                all,
                unusable: survey.unusable,
            })
        };
        self.listing.get(look).await
    }

    /// A model; the error says in words why it cannot be used. None if there is none.
    pub(crate) async fn read(
        &self,
        model: &str,
        extent: &Extent,
    ) -> Result<Option<Result<Arc<SavedModel>, String>>, Problem> {
        let key = (model.to_owned(), extent.clone());
        let kept = self.read.get(&key).await;
        if let Some(kept) = &kept
            && kept.at.elapsed() < STAMP
        {
            return Ok(Some(kept.model.clone()));
        }
        let now = |model| Read {
            model,
            at: Instant::now(),
        };
        if let Some(Read {
            model: Ok(saved), ..
        }) = kept
        {
            let stamp = self.store.stamp(model, extent.clone()).await;
            let stamp = stamp.map_err(|error| Problem::from(&error))?;
            if stamp.as_ref() == Some(&saved.stamp) {
                self.read.insert(key, now(Ok(Arc::clone(&saved)))).await;
                return Ok(Some(Ok(saved)));
            }
        }
        let found = match self.store.read(model, extent.clone()).await {
            Ok(saved) => Ok(Arc::new(saved)),
            Err(ModelError::NotFound { .. }) => return Ok(None),
            Err(error @ (ModelError::Torn { .. } | ModelError::Format { .. })) => {
                Err(gugus_error::chain(&error))
            }
            Err(error) => return Err(Problem::from(&error)),
        };
        self.read.insert(key, now(found.clone())).await;
        Ok(Some(found))
    }
}

fn weight(read: &Read) -> u32 {
    let Ok(saved) = &read.model else { return 512 };
    let numbers = saved.fitted.clusters() * (saved.fitted.dimensions() + 2);
    let about = saved.about.as_ref().map_or(0, |about| {
        about
            .features
            .iter()
            .map(|feature| feature.name.len() + feature.sql.len() + 48)
            .sum::<usize>()
            + about.columns.len() * 64
            + about.offsets.len() * 24
    });
    u32::try_from(1024 + about + numbers * 8).unwrap_or(u32::MAX)
}
