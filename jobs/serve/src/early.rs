//! Answers before the store was looked through for the first time.
//!
//! Looking through a hundred thousand folders takes a while. A prediction needs only the names of its model's own
//! folders, so it does not wait for the listing. A request that gets no answer this way waits, and the listing says what is
//! wrong.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use gugus_files::{Sizes, Store};
use gugus_models::{Extent, ListedModel, ModelStore};
use gugus_spec::ModelName;
use moka::future::Cache;

use crate::asked::Wanted;
use crate::listing::Key;

/// The names of folders, as far as somebody asked for them.
pub(crate) struct Early {
    /// The folders in the store. A name from a request reaches the store only if it is one of them.
    names: RwLock<BTreeSet<String>>,
    /// Requests for the same model wait for the same look at its folder.
    models: Cache<String, Arc<ListedModel>>,
}

impl Early {
    pub(crate) fn new(folders: Vec<String>) -> Self {
        Self {
            names: RwLock::new(folders.into_iter().collect()),
            models: Cache::builder().build(),
        }
    }

    /// Forgets all names: the listing knows better now, and a store may have a hundred thousand.
    pub(crate) fn forget(&self) {
        // The lock is free again before the names are dropped.
        let names =
            std::mem::take(&mut *self.names.write().unwrap_or_else(PoisonError::into_inner));
        drop(names);
        self.models.invalidate_all();
    }

    /// Whether a folder of the store has the model's name, and none is named as Spark's folders of its batches are.
    fn is_ours(&self, model: &str) -> bool {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let sparks = format!("{model}_batch_");
        let from_here = names.range(sparks.clone()..).next();
        names.contains(model) && from_here.is_none_or(|name| !name.starts_with(&sparks))
    }

    /// The model by the names of its folders, whether or not they are complete. `None` if Spark's folders may belong to the
    /// model, too: their names do not say what they hold.
    pub(crate) async fn model(&self, store: &Store, model: &str) -> Option<Arc<ListedModel>> {
        if !self.is_ours(model) {
            return None;
        }
        let listed = self
            .models
            .optionally_get_with_by_ref(model, list(store, model));
        listed.await
    }

    /// The model that a path names, before the store was looked through.
    pub(crate) async fn find(
        &self,
        models: &ModelStore,
        model: &str,
        wanted: &Wanted,
    ) -> Option<Key> {
        let name = model.parse::<ModelName>().ok()?;
        let listed = self.model(models.store(), model).await?;
        let extent = match wanted {
            Wanted::Number(batch) => Extent::Batch(*batch),
            Wanted::Window(key) => Extent::Window(key.clone()),
            Wanted::All => Extent::All,
            Wanted::Latest => Extent::Batch(listed.newest(None)?),
            Wanted::Alias(alias) => {
                let aliases = models.aliases(&name).await.ok()?;
                Extent::Batch(aliases.batch(alias.as_str())?)
            }
        };
        listed.has(&extent).then(|| (Arc::from(model), extent))
    }
}

/// The model by the names of its folders; none if the store fails.
async fn list(store: &Store, model: &str) -> Option<Arc<ListedModel>> {
    let folders = store.list(model, Sizes::Skip).await.ok()??.folders;
    let mut extents: Vec<Extent> = folders
        .iter()
        .filter_map(|folder| Extent::from_folder_name(folder))
        .collect();
    // In this order, each one goes to the end of its list.
    extents.sort_unstable();
    let mut listed = ListedModel {
        model: model.to_owned(),
        ..ListedModel::default()
    };
    extents.iter().for_each(|extent| listed.insert(extent));
    Some(Arc::new(listed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_are_enough_where_spark_has_no_part() {
        let store = Store::in_memory();
        let aliases = r#"{"version": 1, "aliases": {"production": {"batch": 1, "since": ""}}}"#;
        for (file, text) in [
            ("m/batch_00000001/_SUCCESS", ""),
            ("m/batch_00000012/_SUCCESS", ""),
            ("m/aliases.json", aliases),
            ("s/batch_00000001/_SUCCESS", ""),
            ("s_batch_2/metadata/part-0", ""),
        ] {
            store.create(file, text.into()).await.unwrap();
        }
        let names = ["m", "s", "s_batch_2"].map(str::to_owned).to_vec();
        let (early, models) = (Early::new(names), ModelStore::new(store));
        let find = async |model: &str, text: &str| {
            let wanted = Wanted::batch(text).unwrap();
            let found = early.find(&models, model, &wanted).await;
            found.and_then(|(_, extent)| extent.batch().map(|batch| batch.get()))
        };
        for (text, batch) in [
            ("1", Some(1)),
            ("latest", Some(12)),
            ("production", Some(1)),
            ("2", None),
            ("staging", None),
        ] {
            assert_eq!(find("m", text).await, batch, "{text}");
        }
        // Batch 2 may be the latest, but its name alone does not say so.
        assert_eq!(find("s", "latest").await, None);
        // It is not there, or came later.
        assert_eq!(find("other", "1").await, None);
        early.forget();
        assert_eq!(find("m", "1").await, None);
    }
}
