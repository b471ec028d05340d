//! The models that can be asked: those in the store, and those of them in memory.
//!
//! Invariant: a name from a request reaches the store only if the listing contains it, or, before there is a listing, if a
//! folder of the store has that name. No request looks through the store: the [keeper](crate::keeper) keeps the listing as
//! the store is. A model in use is compared with its folder once in [`Config::poll`], and answers meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gugus_models::{ListedModel, ModelError};

use crate::asked::Wanted;
use crate::compared::Due;
use crate::config::{Config, PREDICT_CLUSTER_MODELS};
use crate::listing::{Key, Listing, StoreState};
use crate::loaded::Loaded;
use crate::memory::{Held, NotLoaded, Refreshed};
use crate::problem::{Code, LoadError, Problem};
use crate::stock::Stock;

/// How many batches `latest` tries before it gives up.
const MOST_TRIED: usize = 100;

/// The models that can be asked.
pub(crate) struct Catalogue {
    pub(crate) stock: Arc<Stock>,
    predict_cluster: Option<Arc<str>>,
    poll: Duration,
}

impl Catalogue {
    /// Models that are asked as `config` says.
    pub(crate) fn new(stock: Arc<Stock>, config: &Config) -> Self {
        Self {
            stock,
            predict_cluster: config.predict_cluster.as_deref().map(Arc::from),
            poll: config.poll,
        }
    }

    /// The current listing.
    pub(crate) async fn listing(&self) -> Arc<Listing> {
        self.stock.listed().await;
        Arc::clone(&self.stock.current())
    }

    /// What `read` finds in the listing of one model. Before the store was looked through, the names of the model's own
    /// folders are its listing, if there are such.
    pub(crate) async fn of_model<T>(
        &self,
        model: &str,
        read: impl FnOnce(&ListedModel) -> T,
    ) -> Result<T, Problem> {
        if !self.stock.is_listed() {
            let Stock { early, models, .. } = &*self.stock;
            let listed = early.model(models.store(), model).await;
            // Spark's folders have names that do not say what they hold.
            if let Some(listed) = listed.filter(|listed| !listed.is_empty()) {
                return Ok(read(&listed));
            }
        }
        let listing = self.listing().await;
        Ok(read(listing.model(model)?.1))
    }

    /// The models in memory.
    pub(crate) fn in_memory(&self) -> Vec<Arc<Loaded>> {
        self.stock.memory.all()
    }

    /// Drops the models of a name from memory. They are read again when they are asked.
    pub(crate) async fn forget(&self, model: &str) {
        for key in self.stock.memory.keys() {
            if *key.0 == *model {
                self.stock.memory.forget(&key).await;
            }
        }
    }

    /// The models in memory, as numbers.
    pub(crate) fn held(&self) -> Held {
        self.stock.memory.held()
    }

    /// The model that a path names, ready to be asked. `latest` is the newest model that can be served.
    pub(crate) async fn model(&self, model: &str, wanted: &Wanted) -> Result<Arc<Loaded>, Problem> {
        if !self.stock.is_listed() {
            if let Some(loaded) = self.early(model, wanted).await {
                return Ok(loaded);
            }
            self.stock.listed().await;
        }
        let is_latest = *wanted == Wanted::Latest;
        let (mut before, mut last_good, mut newest) = (None, None, None);
        for _ in 0..MOST_TRIED {
            let found = self.stock.current().find(model, wanted, before);
            let key = match found {
                Ok(key) => key,
                // Nobody knows what is in a store that cannot be listed.
                Err(_) if self.stock.current().store == StoreState::Failing => {
                    newest.get_or_insert(Problem::models_unavailable());
                    break;
                }
                Err(problem) => {
                    newest.get_or_insert(problem);
                    break;
                }
            };
            match self.load(&key).await {
                Ok(loaded) if is_latest && loaded.compared.is_replaced() => {
                    last_good.get_or_insert(loaded);
                }
                Ok(loaded) => return Ok(loaded),
                Err(problem) if is_latest && problem.allows_older() => {
                    newest.get_or_insert(problem);
                }
                Err(problem) => return Err(problem),
            }
            before = key.1.batch();
        }
        last_good.ok_or_else(|| newest.unwrap_or_else(|| Problem::unknown_model(model)))
    }

    /// The model that a path names, before the store was looked through; none if it cannot be read.
    async fn early(&self, model: &str, wanted: &Wanted) -> Option<Arc<Loaded>> {
        let Stock { early, models, .. } = &*self.stock;
        let key = early.find(models, model, wanted).await?;
        if let Some(loaded) = self.stock.memory.get(&key).await {
            return Some(loaded);
        }
        let loaded = self.stock.memory.load(&key).await.ok()?;
        // Its folder may have been replaced after it was read and before it was in memory, as in `load`.
        self.refresh(&key);
        Some(loaded)
    }

    /// A batch of the model that `/predict_cluster/` asks.
    pub(crate) async fn predict_cluster(&self, wanted: &Wanted) -> Result<Arc<Loaded>, Problem> {
        let model = self.predict_cluster_model().await?;
        self.model(&model, wanted).await
    }

    async fn predict_cluster_model(&self) -> Result<Arc<str>, Problem> {
        if let Some(model) = &self.predict_cluster {
            return Ok(Arc::clone(model));
        }
        // Which model it is depends on which there are.
        self.stock.listed().await;
        let listing = self.stock.current();
        let mut usual = PREDICT_CLUSTER_MODELS.into_iter();
        if let Some((model, _)) = usual.find_map(|name| listing.models.get_key_value(name)) {
            return Ok(Arc::clone(model));
        }
        let mut names = listing.models.keys();
        match (names.next(), names.next()) {
            (Some(only), None) => Ok(Arc::clone(only)),
            (None, _) => Err(Problem::new(Code::UnknownModel, "there are no models yet")),
            _ => Err(Problem::new(
                Code::UnknownModel,
                format!(
                    "none of the models is named {}, and no other was chosen when the service was started; ask a model by its name",
                    PREDICT_CLUSTER_MODELS.join(" or ")
                ),
            )),
        }
    }

    async fn load(&self, key: &Key) -> Result<Arc<Loaded>, Problem> {
        if let Some(loaded) = self.stock.memory.get(key).await {
            match loaded.compared.due(self.poll) {
                Due::No => return Ok(loaded),
                Due::Soon => {
                    self.refresh(key);
                    return Ok(loaded);
                }
                Due::Now => {
                    // It ends early only when the service does.
                    let _ = self.refresh(key).await;
                    if let Some(loaded) = self.stock.memory.get(key).await {
                        return Ok(loaded);
                    }
                    self.stock
                        .current()
                        .find(&key.0, &Wanted::from(&key.1), None)?;
                }
            }
        }
        match self.stock.memory.load(key).await {
            Ok(loaded) => {
                // Its folder may have been replaced after it was read and before it was in memory.
                self.refresh(key);
                Ok(loaded)
            }
            Err(NotLoaded::Before(problem)) => Err(problem),
            Err(NotLoaded::Now(error)) => {
                // The model was listed. Either it was removed since, or the store cannot be read and looks empty.
                if matches!(&*error, LoadError::Store(ModelError::NotFound { .. })) {
                    look_at(&self.stock, key.clone()).await;
                    if self.stock.current().store == StoreState::Failing {
                        return Err(Problem::models_unavailable());
                    }
                    self.stock
                        .current()
                        .find(&key.0, &Wanted::from(&key.1), None)?;
                }
                Err(self.stock.memory.problem(key, &error).await)
            }
        }
    }

    /// Compares a model in memory with the store, in a task of its own: a client that hangs up does not break it off.
    fn refresh(&self, key: &Key) -> tokio::task::JoinHandle<()> {
        let (stock, key) = (Arc::clone(&self.stock), key.clone());
        tokio::spawn(async move {
            if stock.memory.refresh(&key).await == Refreshed::Gone {
                look_at(&stock, key).await;
            }
        })
    }
}

/// Looks at the folders of a model that does not seem to be there any more.
async fn look_at(stock: &Stock, key: Key) {
    let keys = BTreeSet::from([key]);
    stock.look_at(keys, BTreeSet::new()).await;
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use gugus_files::Store;

    use super::*;

    #[tokio::test]
    async fn a_model_is_found_by_its_name_before_the_store_was_looked_through() {
        let store = Store::in_memory();
        for file in ["m/batch_00000003/_SUCCESS", "spark/metadata/part-0"] {
            store.create(file, "".into()).await.unwrap();
        }
        let config = Config::new(store);
        let stock = Arc::new(Stock::open(&config).await.unwrap());
        let catalogue = Catalogue::new(Arc::clone(&stock), &config);
        let newest = |listed: &ListedModel| listed.newest(None).map(|batch| batch.get());
        let found = catalogue.of_model("m", newest).await;
        assert_eq!(found.ok(), Some(Some(3)));
        // The listing knows others.
        for other in ["spark", "n"] {
            let found = catalogue.of_model(other, newest).now_or_never();
            assert!(found.is_none(), "{other}");
        }
        stock.look_through().await;
        let found = catalogue.of_model("n", newest).now_or_never();
        assert!(matches!(found, Some(Err(_))));
    }
}
