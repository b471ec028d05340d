//! Whether models that are there are the ones that would be trained.
//!
//! A batch never changes, so a model of it that is there and differs was made by another job file: that is for the user to
//! decide. A model over all batches is different: the stream goes on, and a model that lacks the newest batches is not
//! wrong but old. It is trained again and replaced. So is the model of a window, if a newer batch holds rows of it.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use gugus_models::{Existing, Extent, ModelJson, ModelStore};
use gugus_spec::{Feature, Model, ModelName, Scope, Window};

use crate::batches::BatchFacts;
use crate::error::{Error, Result};
use crate::run::Run;

/// How many `model.json` are read at the same time.
const READS: usize = 16;

/// A model that is there and differs: its folder, and in what it differs.
pub(crate) type Difference = (String, String);

/// The models that differ among those that were looked at.
pub(crate) type Differing = Result<Vec<Difference>>;

/// Refuses to go on where models differ.
pub(crate) fn refuse(differing: &[Difference]) -> Result {
    match differing.first() {
        None => Ok(()),
        Some((path, difference)) => Err(Error::Differs {
            count: differing.len(),
            path: path.clone(),
            difference: difference.clone(),
        }),
    }
}

impl Run {
    /// What `model.json` says of these models, as far as they are there and stay.
    pub(crate) async fn there<E>(
        &self,
        model: &ModelName,
        of: impl IntoIterator<Item = E>,
    ) -> Result<BTreeMap<E, ModelJson>>
    where
        E: Clone + Ord + Into<Extent>,
    {
        if self.existing == Existing::Replace {
            return Ok(BTreeMap::new());
        }
        let read = stream::iter(of)
            .map(|extent| async move {
                let about = self.models.about(model, extent.clone()).await;
                about.map(|about| Some((extent, about?)))
            })
            .buffer_unordered(READS);
        let found = read.try_filter_map(async |found| Ok(found));
        found.try_collect().await.map_err(Error::Models)
    }

    /// What tells a model that is there from the one that would be trained, but for the data; `None` when they would be
    /// the same.
    pub(crate) fn difference(
        &self,
        model: &Model,
        of: &Extent,
        there: &ModelJson,
    ) -> Option<Difference> {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        let wanted_window = match &model.scope {
            Scope::Window(window) => Some(window),
            Scope::Batch | Scope::All => None,
        };
        let there_window = there.window.as_ref().map(|saved| &saved.window);
        let compared = [
            ("job", there.job.clone(), self.job.to_string()),
            (
                "features",
                features(&there.features),
                features(&model.features),
            ),
            ("window", window(there_window), window(wanted_window)),
            ("where", or_none(&there.r#where), or_none(&model.condition)),
            (
                "weight_col",
                or_none(&there.weight_col),
                or_none(&model.weight_col),
            ),
            (
                "handle_invalid",
                format!("{:?}", there.handle_invalid),
                format!("{:?}", model.handle_invalid),
            ),
            (
                "parameters",
                there.algorithm.to_string(),
                model.algorithm.to_string(),
            ),
        ];
        let mut compared = compared.into_iter();
        let (what, there, wanted) = compared.find(|(_, there, wanted)| there != wanted)?;
        let difference = format!("{what}: {there} in the folder, {wanted} in this run");
        Some((ModelStore::folder(&model.name, of), difference))
    }

    /// As [`Self::difference`], and whether the batch was replaced since the model was trained.
    pub(crate) fn difference_of_batch(
        &self,
        model: &Model,
        of: &Extent,
        there: &ModelJson,
        facts: &BatchFacts,
    ) -> Option<Difference> {
        let other = || {
            let commit = there.commit_id.as_deref().unwrap_or("none");
            let wanted = facts.commit_id.as_str();
            let folder = ModelStore::folder(&model.name, of);
            (!has_seen(there, facts)).then(|| {
                let text =
                    format!("commit_id of the batch: {commit} in the folder, {wanted} in this run");
                (folder, text)
            })
        };
        self.difference(model, of, there).or_else(other)
    }
}

/// Whether this batch is the newest one that the model was trained on.
pub(crate) fn has_seen(there: &ModelJson, facts: &BatchFacts) -> bool {
    there.commit_id.as_deref() == Some(facts.commit_id.as_str())
}

fn features(features: &[Feature]) -> String {
    let one = |f: &Feature| format!("{} = {}", f.name, f.sql);
    features.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn window(window: Option<&Window>) -> String {
    match window {
        None => "none".to_owned(),
        Some(window) => Scope::Window(window.clone()).to_string(),
    }
}
