//! `model.json`: what we know of a model and Spark's folder does not say.

use std::collections::BTreeMap;

use gugus_clusters::Fitted;
use gugus_kmeans::FitSummary;
use gugus_spec::{
    Algorithm, BatchNumber, Column, CommitId, Feature, HandleInvalid, JobName, ModelName,
    OffsetRange, Window,
};
use serde::{Deserialize, Serialize};

use crate::{Extent, WindowKey};

/// The version of `model.json` that this crate writes, and the newest that it reads.
pub const MODEL_VERSION: u32 = 1;

/// The content of `model.json`. Keys that we do not know are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelJson {
    /// [`MODEL_VERSION`]
    pub version: u32,
    /// The job that trained it.
    pub job: String,
    /// The model's name.
    pub model: String,
    /// The batch it was trained on; null for a model over all batches or over a window.
    pub batch: Option<u64>,
    /// The window it was trained on; left out for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<SavedWindow>,
    /// The commit of that batch, or of the newest there was, by which a replaced batch is noticed.
    #[serde(default)]
    pub commit_id: Option<String>,
    /// The dimensions of a point, in order.
    pub features: Vec<Feature>,
    /// The condition that rows had to meet, in SQL.
    #[serde(default)]
    pub r#where: Option<String>,
    /// The column of weights.
    #[serde(default)]
    pub weight_col: Option<String>,
    /// What a null or NaN in a feature did.
    #[serde(default)]
    pub handle_invalid: HandleInvalid,
    /// The source columns that the expressions read, so that a single record can be parsed like a batch.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// `algorithm`, by default `kmeans`, and `params`, the parameters of the fit.
    #[serde(flatten)]
    pub algorithm: Algorithm,
    /// Clusters asked for, of which there may be fewer; those found where the points decide.
    pub k: usize,
    /// The seed; 0 where nothing is drawn.
    pub seed: i64,
    /// The offsets that the batch covers.
    #[serde(default)]
    pub offsets: Vec<OffsetRange>,
    /// How many records were rejected on their way into the batches.
    #[serde(default)]
    pub rejected: u64,
    /// How the fit went: `rows`, `iterations`, `training_cost`, `sizes` and `noise`.
    #[serde(flatten)]
    pub summary: FitSummary,
    /// How many rows have moved each center of `minibatch` so far; left out for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<u64>,
    /// The model that `minibatch` went on from; left out where it began, and for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_from: Option<CarriedFrom>,
    /// The uid of the model, in Spark's form: the algorithm, `_` and 12 hex digits.
    pub uid: String,
    /// When it was trained, RFC 3339, UTC.
    pub trained_at: String,
    /// The version of gugus that trained it.
    pub gugus_version: String,
    /// The other files of the folder, relative to it, with their SHA-256 in hex. They show a torn folder.
    pub checksums: BTreeMap<String, String>,
}

/// A window of rows, and how rows were put in windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedWindow {
    /// The key of this one.
    pub key: WindowKey,
    /// `last`, `by` and `column`, or `sql`.
    #[serde(flatten)]
    pub window: Window,
}

/// The model that another went on from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedFrom {
    /// Its batch.
    pub batch: BatchNumber,
    /// Its uid, which is another when that batch's model was trained again.
    pub uid: String,
}

/// A fit that is to be saved: [`ModelJson`] without what saving adds, and what was fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelDraft {
    /// The job that trained it.
    pub job: JobName,
    /// The model's name.
    pub model: ModelName,
    /// What it was trained on.
    pub extent: Extent,
    /// How rows were put in windows, for a model over one.
    pub window: Option<Window>,
    /// The commit of the batch it was trained on, or of the newest there was.
    pub commit_id: Option<CommitId>,
    /// The dimensions of a point, in order.
    pub features: Vec<Feature>,
    /// The condition that rows had to meet, in SQL.
    pub condition: Option<String>,
    /// The column of weights.
    pub weight_col: Option<String>,
    /// What a null or NaN in a feature did.
    pub handle_invalid: HandleInvalid,
    /// The source columns that the expressions read.
    pub columns: Vec<Column>,
    /// What fitted it, with its parameters.
    pub algorithm: Algorithm,
    /// The offsets that the batch covers.
    pub offsets: Vec<OffsetRange>,
    /// How many records were rejected on their way into the batches.
    pub rejected: u64,
    /// How the fit went.
    pub summary: FitSummary,
    /// The model that `minibatch` went on from.
    pub carried_from: Option<CarriedFrom>,
    /// What was fitted, of the kind that the algorithm fits.
    pub fitted: Fitted,
}

impl ModelDraft {
    /// What is contradictory about it, if anything.
    pub(crate) fn contradiction(&self) -> Option<String> {
        if self.extent.window().is_some() != self.window.is_some() {
            return Some("it has a window without a key, or a key without a window".to_owned());
        }
        let clusters = self.fitted.clusters();
        if self.summary.sizes.len() != clusters {
            return Some(format!(
                "it has {} sizes for {clusters} clusters",
                self.summary.sizes.len()
            ));
        }
        if !self.summary.training_cost.is_finite() {
            return Some("its training cost is not finite".to_owned());
        }
        if let Some(reason) = self.algorithm.contradiction(&self.fitted) {
            return Some(reason);
        }
        if let Some(centers) = self.fitted.centers() {
            return self.wrong_centers(centers);
        }
        if self.fitted.dimensions() != self.features.len() {
            return Some("it is not as wide as its features".to_owned());
        }
        let predictor = self.fitted.clone().into_predictor();
        predictor.err().map(|e| e.to_string())
    }

    fn wrong_centers(&self, centers: &[Vec<f64>]) -> Option<String> {
        if centers.is_empty() {
            return Some("it has no centers".to_owned());
        }
        centers.iter().enumerate().find_map(|(index, center)| {
            if center.len() != self.features.len() {
                Some(format!(
                    "center {index} has {} numbers for {} features",
                    center.len(),
                    self.features.len()
                ))
            } else if center.iter().any(|x| !x.is_finite()) {
                Some(format!("center {index} is not finite"))
            } else {
                None
            }
        })
    }

    pub(crate) fn into_json(self, uid: String, checksums: BTreeMap<String, String>) -> ModelJson {
        ModelJson {
            version: MODEL_VERSION,
            job: self.job.into(),
            model: self.model.into(),
            batch: self.extent.batch().map(BatchNumber::get),
            window: match (self.extent, self.window) {
                (Extent::Window(key), Some(window)) => Some(SavedWindow { key, window }),
                _ => None,
            },
            commit_id: self.commit_id.map(String::from),
            features: self.features,
            r#where: self.condition,
            weight_col: self.weight_col,
            handle_invalid: self.handle_invalid,
            columns: self.columns,
            k: self.algorithm.k().unwrap_or(self.summary.sizes.len()),
            seed: self.algorithm.seed().unwrap_or_default(),
            algorithm: self.algorithm,
            offsets: self.offsets,
            rejected: self.rejected,
            summary: self.summary,
            counts: self.fitted.counts().to_vec(),
            carried_from: self.carried_from,
            uid,
            trained_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            gugus_version: env!("CARGO_PKG_VERSION").to_owned(),
            checksums,
        }
    }
}
