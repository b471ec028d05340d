//! `model.json`: what we know of a model and Spark's folder does not say.

use std::collections::BTreeMap;

use gugus_kmeans::Params;
use gugus_spec::{Column, Feature, HandleInvalid, JobName, ModelName};
use serde::{Deserialize, Serialize};

use crate::{BatchNumber, CommitId, OffsetRange};

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
    /// The batch it was trained on; null for a model over everything.
    pub batch: Option<u64>,
    /// The commit of that batch, by which a replaced batch is noticed.
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
    /// The parameters of the fit.
    pub params: Params,
    /// Clusters asked for; there may be fewer centers.
    pub k: usize,
    /// The seed.
    pub seed: i64,
    /// The offsets that the batch covers.
    #[serde(default)]
    pub offsets: Vec<OffsetRange>,
    /// Rows that were fitted.
    pub rows: u64,
    /// Rows that were left out for an invalid feature.
    #[serde(default)]
    pub rejected: u64,
    /// Passes over the points.
    pub iterations: u32,
    /// The sum of squared distances in the last pass.
    pub training_cost: f64,
    /// Rows of each cluster, one entry a center.
    pub sizes: Vec<u64>,
    /// Spark's uid of the model, `KMeans_` and 12 hex digits.
    pub uid: String,
    /// When it was trained, RFC 3339, UTC.
    pub trained_at: String,
    /// The version of gugus that trained it.
    pub gugus_version: String,
    /// The other files of the folder, relative to it, with their SHA-256 in hex. They show a torn folder.
    pub checksums: BTreeMap<String, String>,
}

/// A fit that is to be saved: [`ModelJson`] without what saving adds, and the centers.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelDraft {
    /// The job that trained it.
    pub job: JobName,
    /// The model's name.
    pub model: ModelName,
    /// The batch it was trained on; none for a model over everything.
    pub batch: Option<BatchNumber>,
    /// The commit of that batch.
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
    /// The parameters of the fit.
    pub params: Params,
    /// The offsets that the batch covers.
    pub offsets: Vec<OffsetRange>,
    /// Rows that were fitted.
    pub rows: u64,
    /// Rows that were left out for an invalid feature.
    pub rejected: u64,
    /// Passes over the points.
    pub iterations: u32,
    /// The sum of squared distances in the last pass.
    pub training_cost: f64,
    /// Rows of each cluster, one entry a center.
    pub sizes: Vec<u64>,
    /// One center a cluster, each with one number a feature.
    pub centers: Vec<Vec<f64>>,
}

impl ModelDraft {
    /// What is contradictory about it, if anything.
    pub(super) fn contradiction(&self) -> Option<String> {
        if self.centers.is_empty() {
            return Some("it has no centers".to_owned());
        }
        if self.sizes.len() != self.centers.len() {
            return Some(format!(
                "it has {} sizes for {} centers",
                self.sizes.len(),
                self.centers.len()
            ));
        }
        let wrong = |(index, center): (usize, &Vec<f64>)| {
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
        };
        let cost =
            (!self.training_cost.is_finite()).then(|| "its training cost is not finite".to_owned());
        self.centers.iter().enumerate().find_map(wrong).or(cost)
    }

    pub(super) fn into_json(self, uid: String, checksums: BTreeMap<String, String>) -> ModelJson {
        ModelJson {
            version: MODEL_VERSION,
            job: self.job.into(),
            model: self.model.into(),
            batch: self.batch.map(BatchNumber::get),
            commit_id: self.commit_id.map(String::from),
            features: self.features,
            r#where: self.condition,
            weight_col: self.weight_col,
            handle_invalid: self.handle_invalid,
            columns: self.columns,
            k: self.params.k,
            seed: self.params.seed,
            params: self.params,
            offsets: self.offsets,
            rows: self.rows,
            rejected: self.rejected,
            iterations: self.iterations,
            training_cost: self.training_cost,
            sizes: self.sizes,
            uid,
            trained_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            gugus_version: env!("CARGO_PKG_VERSION").to_owned(),
            checksums,
        }
    }
}
