//! `model.json`: what Gugus knows of a model beyond what Spark's files say.

use std::collections::BTreeMap;

use bytes::Bytes;
use gugus_clusters::Fitted;
use gugus_kmeans::FitSummary;
use gugus_spec::{Algorithm, BatchNumber, Column, Feature, HandleInvalid, OffsetRange, Window};
use serde::{Deserialize, Serialize};

use crate::{Extent, WindowKey};

/// The version of `model.json` that this crate writes, and the newest that it reads.
pub const MODEL_VERSION: u32 = 1;

/// The content of one of our JSON files: indented, with a line feed at the end.
pub(crate) fn file_content(document: &impl Serialize) -> serde_json::Result<Bytes> {
    let mut json = serde_json::to_vec_pretty(document)?;
    json.push(b'\n');
    Ok(json.into())
}

/// The content of `model.json`. Readers ignore keys that they do not know. The default is an empty document, for drafts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelJson {
    /// [`MODEL_VERSION`]
    pub version: u32,
    /// The job that trained it.
    pub job: String,
    /// The model's name.
    pub model: String,
    /// The batch that the model was trained on; null for a model over all batches or over a window.
    pub batch: Option<u64>,
    /// The window that the model was trained on; left out for other models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<SavedWindow>,
    /// The commit of that batch, or of the newest one at the time. It shows when a batch was replaced.
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
    /// How a null or NaN in a feature was treated.
    #[serde(default)]
    pub handle_invalid: HandleInvalid,
    /// The source columns that the expressions read, so that a single record can be parsed like a batch.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// The texts that mean "no value" beside the empty text, in every column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub null_values: Vec<String>,
    /// `algorithm`, by default `kmeans`, and `params`, the parameters of the fit.
    #[serde(flatten)]
    pub algorithm: Algorithm,
    /// The number of clusters asked for, which may be more than there are; for `dbscan` the number found.
    pub k: usize,
    /// The seed; 0 for an algorithm that draws nothing.
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
    /// For `minibatch`, how many rows have moved each center so far; left out for other algorithms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<u64>,
    /// The model that `minibatch` went on from; left out for the first of a chain and for other algorithms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_from: Option<CarriedFrom>,
    /// The uid of the model, in Spark's form: the algorithm, `_` and 12 hex digits.
    pub uid: String,
    /// When it was trained, RFC 3339, UTC.
    pub trained_at: String,
    /// The version of gugus that trained it.
    pub gugus_version: String,
    /// The other files of the folder, relative to it, with their SHA-256 in hex. They show a torn folder. The SHA-256 of
    /// `model.json` itself is the content of `_SUCCESS`.
    pub checksums: BTreeMap<String, String>,
}

/// A window of rows, and how rows were put in windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedWindow {
    /// The key of this window.
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

impl ModelJson {
    /// The data that the model was trained on.
    pub fn extent(&self) -> Extent {
        match &self.window {
            Some(window) => Extent::Window(window.key.clone()),
            None => self.batch.and_then(BatchNumber::new).into(),
        }
    }
}

/// A fit that is to be saved.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelDraft {
    /// The document. Saving fills in `version`, `k`, `seed`, `counts`, and everything from `uid` on.
    pub about: ModelJson,
    /// The fitted model, of the kind that the algorithm fits.
    pub fitted: Fitted,
}

impl ModelDraft {
    /// Says in words how the draft contradicts itself, if it does.
    pub(crate) fn contradiction(&self) -> Option<String> {
        let about = &self.about;
        if about.window.is_some() && about.batch.is_some() {
            return Some("it is of a batch and of a window".to_owned());
        }
        let clusters = self.fitted.clusters();
        if about.summary.sizes.len() != clusters {
            return Some(format!(
                "it has {} sizes for {clusters} clusters",
                about.summary.sizes.len()
            ));
        }
        if !about.summary.training_cost.is_finite() {
            return Some("its training cost is not finite".to_owned());
        }
        if let Some(reason) = about.algorithm.contradiction(&self.fitted) {
            return Some(reason);
        }
        if let Some(centers) = self.fitted.centers() {
            return self.wrong_centers(centers);
        }
        if self.fitted.dimensions() != about.features.len() {
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
            if center.len() != self.about.features.len() {
                Some(format!(
                    "center {index} has {} numbers for {} features",
                    center.len(),
                    self.about.features.len()
                ))
            } else if center.iter().any(|x| !x.is_finite()) {
                Some(format!("center {index} is not finite"))
            } else {
                None
            }
        })
    }

    /// The document as it is saved.
    pub(crate) fn complete(&self, uid: String, checksums: BTreeMap<String, String>) -> ModelJson {
        let algorithm = &self.about.algorithm;
        ModelJson {
            version: MODEL_VERSION,
            k: algorithm.k().unwrap_or(self.about.summary.sizes.len()),
            seed: algorithm.seed().unwrap_or_default(),
            counts: self.fitted.counts().to_vec(),
            uid,
            trained_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            gugus_version: env!("CARGO_PKG_VERSION").to_owned(),
            checksums,
            ..self.about.clone()
        }
    }
}
