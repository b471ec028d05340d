//! A saved model and the rows to evaluate it on. Both are found before any work begins.

use std::fmt;

use gugus_files::Store;
use gugus_kmeans::DistanceMeasure;
use gugus_models::{Extent, ModelJson, ModelStore, SavedWindow, WindowKey};
use gugus_spec::{BatchNumber, Model, NameError, OffsetRange, OtherColumns, Scope};
use gugus_submit::{Jobs, Submit};
use gugus_train::{Batches, ModelWork};
use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// Which model folder to evaluate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The folder of the newest batch. Without one, the folder for all batches, or that of the only window.
    #[default]
    Latest,
    /// The folder of this batch.
    Batch(BatchNumber),
    /// The folder of the model over all batches.
    All,
    /// The folder of this window.
    Window(WindowKey),
}

/// On which rows a model is evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum On {
    /// The rows that it was trained on.
    #[default]
    Trained,
    /// The rows of the newest batch.
    Newest,
    /// The rows of these batches.
    Batches {
        /// The first batch.
        first: BatchNumber,
        /// The last batch.
        last: BatchNumber,
    },
    /// The rows of all batches in the folder.
    All,
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trained => f.write_str("trained"),
            Self::Newest => f.write_str("newest"),
            Self::Batches { first, last } => write!(f, "{first}..{last}"),
            Self::All => f.write_str("all"),
        }
    }
}

/// A saved model and the rows that it is evaluated on.
#[derive(Debug)]
pub struct Subject {
    pub(crate) about: ModelJson,
    pub(crate) measure: DistanceMeasure,
    pub(crate) centers: Vec<Vec<f64>>,
    pub(crate) work: ModelWork,
    pub(crate) batches: Batches,
}

impl Subject {
    /// Finds the model and the batches, and checks that they belong together.
    ///
    /// # Errors
    /// [`Error`] of kind [`gugus_error::Kind::Usage`]: nothing was begun.
    pub async fn find(
        models: Store,
        batches: Store,
        model: &str,
        which: Which,
        on: On,
    ) -> Result<Self, Error> {
        let models = ModelStore::new(models);
        let which = match which {
            Which::Batch(batch) => Extent::Batch(batch),
            Which::All => Extent::All,
            Which::Window(key) => Extent::Window(key),
            Which::Latest => latest(&models, model).await?,
        };
        let saved = models
            .read(model, which)
            .await
            .map_err(gugus_train::Error::Models)?;
        let Some(about) = saved.about else {
            return Err(Error::NoModelJson {
                model: model.to_owned(),
                folder: saved.folder,
            });
        };
        let Some(centers) = saved.fitted.centers() else {
            return Err(Error::NoCenters {
                model: model.to_owned(),
                algorithm: about.algorithm.name(),
            });
        };
        let work = work(&about)?;
        Ok(Self {
            measure: saved.fitted.distance_measure(),
            centers: centers.to_vec(),
            work,
            batches: match on {
                On::Trained => trained_on(&about, &batches).await?,
                other => these(&about, &batches, other).await?,
            },
            about,
        })
    }

    /// The key of the window that the model was trained on.
    pub(crate) fn window(&self) -> Option<String> {
        let window = self.about.window.as_ref();
        window.map(|saved| saved.key.to_string())
    }

    /// The names of the model's features.
    #[must_use]
    pub fn features(&self) -> Vec<String> {
        let features = self.work.model.features.iter();
        features.map(|feature| feature.name.clone()).collect()
    }

    /// Makes the `Jobs` that run the plans of one evaluation.
    pub(crate) async fn jobs<'a>(
        &self,
        cluster: &'a dyn Submit,
        stop: &CancellationToken,
    ) -> Jobs<'a> {
        let run = uuid::Uuid::new_v4().simple().to_string();
        let label = format!("{} evaluation {}", self.about.job, &run[..8]);
        Jobs::on(cluster, label, stop.clone()).await
    }

    pub(crate) fn rows_do_not_allow(&self, reason: String) -> Error {
        Error::Rows {
            model: self.work.model.name.to_string(),
            reason,
        }
    }
}

/// The newest folder of the model: that of its newest batch, else that for all batches, else that of its only window.
async fn latest(models: &ModelStore, model: &str) -> Result<Extent, Error> {
    let listed = models.list().await.map_err(gugus_train::Error::Models)?;
    let Some(found) = listed.into_iter().find(|listed| listed.model == model) else {
        return Ok(Extent::All);
    };
    match (found.batches.last(), found.all, found.windows.as_slice()) {
        (Some(batch), _, _) => Ok(Extent::Batch(*batch)),
        (None, false, [only]) => Ok(Extent::Window(only.clone())),
        (None, false, [_, ..]) => Err(Error::WhichWindow {
            model: model.to_owned(),
            windows: found.windows.len(),
        }),
        (None, _, _) => Ok(Extent::All),
    }
}

/// The model entry as the job file had it during training.
fn work(about: &ModelJson) -> Result<ModelWork, Error> {
    let name = about.model.parse();
    let name = name.map_err(|error: NameError| Error::ModelJson {
        model: about.model.clone(),
        reason: error.to_string(),
    })?;
    let model = Model {
        name,
        condition: condition(about),
        features: about.features.clone(),
        algorithm: about.algorithm.clone(),
        scope: match about.batch {
            Some(_) => Scope::Batch,
            None => Scope::All,
        },
        retrain: None,
        warm_start: false,
        weight_col: about.weight_col.clone(),
        handle_invalid: about.handle_invalid,
        promote: None,
    };
    // The saved columns include all columns that the expressions read, also other columns of the stream.
    let work = ModelWork::compile(model, &about.columns, OtherColumns::Drop);
    Ok(work?)
}

/// The rows that the model was trained on: the rows that pass `where`, and for a window those with its key.
fn condition(about: &ModelJson) -> Option<String> {
    let of_window = about.window.as_ref();
    let of_window = of_window.and_then(|SavedWindow { key, window }| {
        let key = key.as_str().replace('\'', "''");
        Some(format!(
            "CAST(({}) AS VARCHAR) = '{key}'",
            window.key_sql()?
        ))
    });
    match (&about.r#where, of_window) {
        (Some(condition), Some(of_window)) => Some(format!("({condition}) AND {of_window}")),
        (condition, of_window) => condition.clone().or(of_window),
    }
}

/// The batches that the model was trained on.
async fn trained_on(about: &ModelJson, store: &Store) -> Result<Batches, Error> {
    match about.batch.and_then(BatchNumber::new) {
        Some(number) => one(about, store, number).await,
        None => all(about, store).await,
    }
}

/// The batch of a model that was trained on one batch.
async fn one(about: &ModelJson, store: &Store, batch: BatchNumber) -> Result<Batches, Error> {
    let (model, place) = (about.model.clone(), store.to_string());
    let Some(batches) = Batches::one(store, &about.job, batch).await? else {
        return Err(Error::BatchGone {
            model,
            batch,
            place,
        });
    };
    let found = batches.get(batch).map(|facts| facts.commit_id.to_string());
    match (&about.commit_id, found) {
        (Some(trained), Some(found)) if *trained != found => Err(Error::OtherCommit {
            model,
            batch,
            place,
            found,
            trained: trained.clone(),
        }),
        _ => Ok(batches),
    }
}

/// The batches of a model over all batches or over a window. They go from the first batch with offsets of the model to
/// the batch that was the newest in the training.
async fn all(about: &ModelJson, store: &Store) -> Result<Batches, Error> {
    let (model, place) = (about.model.clone(), store.to_string());
    let mut batches = Batches::freeze(store, &about.job).await?;
    if let Some(trained) = &about.commit_id {
        let newest = batches
            .iter()
            .find(|(_, facts)| facts.commit_id.as_str() == trained);
        let Some((newest, _)) = newest else {
            return Err(Error::NoSuchCommit {
                model,
                place,
                trained: trained.clone(),
            });
        };
        batches.retain(|number| number <= newest);
    }
    let is_of_model = |range: &OffsetRange| {
        about.offsets.iter().any(|of| {
            of.partition == range.partition && of.first <= range.first && range.next <= of.next
        })
    };
    let first = batches
        .iter()
        .find(|(_, facts)| facts.ranges.iter().any(is_of_model))
        .map(|(number, _)| number);
    batches.retain(|number| first.is_some_and(|first| first <= number));
    if batches.origin(..).offsets != about.offsets {
        return Err(Error::BatchesGone { model, place });
    }
    Ok(batches)
}

/// The batches that were asked for.
async fn these(about: &ModelJson, store: &Store, on: On) -> Result<Batches, Error> {
    let mut batches = Batches::freeze(store, &about.job).await?;
    let ends = batches.iter().next().zip(batches.iter().next_back());
    let Some(((oldest, _), (newest, _))) = ends else {
        return Ok(batches);
    };
    match on {
        On::Trained | On::All => {}
        On::Newest => batches.retain(|number| number == newest),
        On::Batches { first, last } => {
            batches.retain(|number| (first..=last).contains(&number));
        }
    }
    if batches.iter().next().is_none() {
        return Err(Error::NoSuchBatches {
            place: store.to_string(),
            asked: on.to_string(),
            first: oldest,
            last: newest,
        });
    }
    Ok(batches)
}
