//! A saved model and the rows that it is evaluated on, found out before anything begins.

use std::collections::BTreeMap;
use std::fmt;

use gugus_features::{Expressions, FeaturePlan};
use gugus_kmeans::DistanceMeasure;
use gugus_spec::{Feature, Model, OtherColumns, Scope};
use gugus_store::{
    BatchLog, BatchNumber, Extent, ModelJson, ModelStore, OffsetRange, SavedWindow, Store, Whole,
    WindowKey,
};

use super::error::EvaluationError;
use crate::error::Error;
use crate::existing;
use crate::prepare::{BatchFacts, ModelWork, Pending, freeze};

/// Which of a model's folders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// That of the newest batch; where there is none of a batch, the one over everything, or of the only window.
    #[default]
    Latest,
    /// That of this batch.
    Batch(BatchNumber),
    /// The one over everything.
    All,
    /// That of this window.
    Window(WindowKey),
}

/// On which rows a model is evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum On {
    /// Those that it was trained on.
    #[default]
    Trained,
    /// Those of the newest batch.
    Newest,
    /// Those of these batches.
    Batches {
        /// The first.
        first: BatchNumber,
        /// The last.
        last: BatchNumber,
    },
    /// Those of all batches there are.
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
    pub(super) about: ModelJson,
    pub(super) measure: DistanceMeasure,
    pub(super) centers: Vec<Vec<f64>>,
    pub(super) work: ModelWork,
    pub(super) store: Store,
    pub(super) batches: BTreeMap<BatchNumber, BatchFacts>,
}

impl Subject {
    /// Finds the model and the batches, and sees that they belong together.
    ///
    /// # Errors
    /// [`Error`] of kind [`crate::Kind::Usage`]: nothing was begun.
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
        let saved = models.read(model, which).await.map_err(Error::Models)?;
        let Some(about) = saved.about else {
            return Err(Error::Evaluation(EvaluationError::NoModelJson {
                model: model.to_owned(),
                folder: saved.folder,
            }));
        };
        let Some(centers) = saved.fitted.centers() else {
            return Err(Error::Evaluation(EvaluationError::NoCenters {
                model: model.to_owned(),
                algorithm: about.algorithm.name(),
            }));
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
            store: batches,
        })
    }

    /// The key of its window.
    pub(super) fn window(&self) -> Option<String> {
        let window = self.about.window.as_ref();
        window.map(|saved| saved.key.to_string())
    }

    /// The features of the model.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.work.model.features
    }
}

/// What there is of the model: its newest batch, the one over everything, its only window.
async fn latest(models: &ModelStore, model: &str) -> Result<Extent, Error> {
    let listed = models.list().await.map_err(Error::Models)?;
    let Some(found) = listed.into_iter().find(|listed| listed.model == model) else {
        return Ok(Extent::All);
    };
    match (found.batches.last(), found.whole, found.windows.as_slice()) {
        (Some(batch), _, _) => Ok(Extent::Batch(*batch)),
        (None, Whole::Absent, [only]) => Ok(Extent::Window(only.clone())),
        (None, Whole::Absent, [_, ..]) => Err(Error::Evaluation(EvaluationError::WhichWindow {
            model: model.to_owned(),
            windows: found.windows.len(),
        })),
        (None, _, _) => Ok(Extent::All),
    }
}

/// The model as the job file had it when it was trained.
fn work(about: &ModelJson) -> Result<ModelWork, Error> {
    let name = about.model.parse();
    let name = name.map_err(|error: gugus_spec::NameError| EvaluationError::ModelJson {
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
        weight_col: about.weight_col.clone(),
        handle_invalid: about.handle_invalid,
    };
    // Its columns hold all that the expressions read, other columns included.
    let plan = FeaturePlan::new(
        &about.columns,
        OtherColumns::Drop,
        &Expressions::from(&model),
    );
    Ok(ModelWork {
        plan: plan.map_err(|source| Error::Expression {
            model: model.name.clone(),
            source,
        })?,
        model,
        pending: Pending::Everything(Vec::new()),
    })
}

/// Which rows the model was trained on: those that `where` left, and of a window those with its key.
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
async fn trained_on(
    about: &ModelJson,
    store: &Store,
) -> Result<BTreeMap<BatchNumber, BatchFacts>, Error> {
    match about.batch.and_then(BatchNumber::new) {
        Some(number) => one(about, store, number).await,
        None => everything(about, store).await,
    }
}

/// The one batch of a model of a batch.
async fn one(
    about: &ModelJson,
    store: &Store,
    number: BatchNumber,
) -> Result<BTreeMap<BatchNumber, BatchFacts>, Error> {
    let (model, place) = (about.model.clone(), store.to_string());
    let log = BatchLog::read(store.clone())
        .await
        .map_err(Error::Batches)?;
    let files = log.batches().await.map_err(Error::Batches)?;
    let Some(file) = files.iter().find(|file| file.number == number) else {
        let gone = EvaluationError::BatchGone {
            model,
            batch: number,
            place,
        };
        return Err(gone.into());
    };
    let footer = log.footer(number).await.map_err(Error::Batches)?;
    if footer.job != about.job {
        return Err(Error::OtherJob {
            place,
            found: footer.job,
            job: about.job.clone(),
        });
    }
    let facts = BatchFacts::new(file, footer);
    match &about.commit_id {
        Some(trained) if trained != facts.commit_id.as_str() => {
            Err(Error::Evaluation(EvaluationError::OtherCommit {
                model,
                batch: number,
                place,
                found: facts.commit_id.to_string(),
                trained: trained.clone(),
            }))
        }
        _ => Ok(BTreeMap::from([(number, facts)])),
    }
}

/// The batches of a model over everything or over a window: from the first whose offsets are the model's to the one that was
/// the newest.
async fn everything(
    about: &ModelJson,
    store: &Store,
) -> Result<BTreeMap<BatchNumber, BatchFacts>, Error> {
    let (model, place) = (about.model.clone(), store.to_string());
    let mut batches = freeze(store, &about.job).await?;
    if let Some(trained) = &about.commit_id {
        let newest = batches
            .iter()
            .find(|(_, facts)| facts.commit_id.as_str() == trained)
            .map(|(number, _)| *number);
        let Some(newest) = newest else {
            return Err(Error::Evaluation(EvaluationError::NoSuchCommit {
                model,
                place,
                trained: trained.clone(),
            }));
        };
        batches.retain(|number, _| *number <= newest);
    }
    let is_of_model = |range: &OffsetRange| {
        about.offsets.iter().any(|of| {
            of.partition == range.partition && of.first <= range.first && range.next <= of.next
        })
    };
    let first = batches
        .iter()
        .find(|(_, facts)| facts.ranges.iter().any(is_of_model))
        .map(|(number, _)| *number);
    batches.retain(|number, _| first.is_some_and(|first| first <= *number));
    if existing::offsets(batches.values()) != about.offsets {
        return Err(Error::Evaluation(EvaluationError::BatchesGone {
            model,
            place,
        }));
    }
    Ok(batches)
}

/// The batches that were asked for.
async fn these(
    about: &ModelJson,
    store: &Store,
    on: On,
) -> Result<BTreeMap<BatchNumber, BatchFacts>, Error> {
    let mut batches = freeze(store, &about.job).await?;
    let ends = batches.keys().next().copied();
    let (Some(first), Some(newest)) = (ends, batches.keys().next_back().copied()) else {
        return Ok(batches);
    };
    match on {
        On::Trained | On::All => {}
        On::Newest => batches.retain(|number, _| *number == newest),
        On::Batches { first, last } => {
            batches.retain(|number, _| (first..=last).contains(number));
        }
    }
    if batches.is_empty() {
        return Err(Error::Evaluation(EvaluationError::NoSuchBatches {
            place: store.to_string(),
            asked: on.to_string(),
            first,
            last: newest,
        }));
    }
    Ok(batches)
}
