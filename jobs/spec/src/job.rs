//! The validated job: what the rest of the system works with.

use std::num::NonZeroU64;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::column::quote_identifier;
use crate::{
    Algorithm, AliasName, Column, CsvFormat, Format, HandleInvalid, JobName, ModelName, Retrain,
    Scope,
};

/// One stream and its models. It exists only when the whole file was valid.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Job {
    /// The job's name, in every batch's footer.
    pub name: JobName,
    /// Where records come from and what their values are.
    pub source: Source,
    /// When a batch is closed.
    pub batches: BatchLimits,
    /// The models to train, in the order of the file. The list may be empty.
    pub models: Vec<Model>,
}

/// Where records come from and what their values are.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Source {
    /// The Kafka topic.
    pub topic: String,
    /// How its records are written.
    pub format: Format,
    /// How rows of CSV are written, in files and in the topic.
    pub csv: CsvFormat,
    /// Texts that mean "no value", beside the empty text.
    pub null_values: Vec<String>,
    /// The parts of a Kafka record that batches keep beside its value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<Kept>,
    /// The columns that the job names, in the file's order.
    pub columns: Vec<Column>,
    /// What happens to columns that the job does not name.
    pub other_columns: OtherColumns,
}

/// A part of a Kafka record that batches keep beside its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kept {
    /// The key, as binary.
    Key,
    /// The headers, as the text of one JSON object.
    Headers,
}

impl Kept {
    /// The column of a batch that has it.
    pub fn column(self) -> &'static str {
        match self {
            Self::Key => "_key",
            Self::Headers => "_headers",
        }
    }
}

/// What happens to columns that the job does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OtherColumns {
    /// They are kept as text.
    #[default]
    Utf8,
    /// They are not kept.
    Drop,
}

/// When a batch is closed: at the first limit that is reached. An absent limit does not close a batch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatchLimits {
    /// Accepted records in a batch, 100 unless given.
    pub rows: NonZeroU64,
    /// Bytes of records in a batch.
    pub bytes: Option<u64>,
    /// Bytes of one record; a larger one is rejected.
    pub max_record_bytes: Option<u64>,
    /// How long a batch may be open since its first record.
    #[serde(serialize_with = "human")]
    pub max_age: Option<Duration>,
    /// How long a batch may wait for the next record.
    #[serde(serialize_with = "human")]
    pub idle: Option<Duration>,
    /// The share of rejected records, 0 to 1, above which a run stops.
    pub max_reject_ratio: Option<f64>,
}

impl BatchLimits {
    /// Rows of a batch if the job file does not say. The replaced Python system used the same number.
    pub const DEFAULT_ROWS: NonZeroU64 = NonZeroU64::MIN.saturating_add(99);
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self {
            rows: Self::DEFAULT_ROWS,
            bytes: None,
            max_record_bytes: None,
            max_age: None,
            idle: None,
            max_reject_ratio: None,
        }
    }
}

/// One model of the job.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    /// The model's name: its folder, and its name in REST.
    pub name: ModelName,
    /// TOML `where`: an SQL condition. Rows for which it is not true are left out.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    /// The dimensions of a point, in order. At least one, no name twice.
    pub features: Vec<Feature>,
    /// The algorithm with its parameters.
    #[serde(flatten)]
    pub algorithm: Algorithm,
    /// The rows that it is fitted on.
    #[serde(flatten)]
    pub scope: Scope,
    /// When a model over all batches is trained again while its batches are followed; only for that scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrain: Option<Retrain>,
    /// Whether a model over all batches that is trained again begins with its last centers; only for that scope.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub warm_start: bool,
    /// The column that holds the weights.
    pub weight_col: Option<String>,
    /// What a null or NaN in a feature does.
    pub handle_invalid: HandleInvalid,
    /// When the model of a batch takes an alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promote: Option<Promote>,
}

/// When the model of a batch takes an alias: if it is good enough, and newer than the model that the alias stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Promote {
    /// TOML `if`: an SQL condition over the metrics of the model, which training knows.
    #[serde(rename = "if")]
    pub condition: String,
    /// The alias.
    pub alias: AliasName,
}

/// One dimension of a point.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Feature {
    /// Name in messages and in `model.json`.
    pub name: String,
    /// DataFusion SQL over the job's columns.
    pub sql: String,
}

impl Feature {
    /// The feature that is a column as it is.
    pub fn column(name: &str) -> Feature {
        Feature {
            name: name.to_owned(),
            sql: quote_identifier(name),
        }
    }
}

/// Durations are written as they are in the job file.
fn human<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration
        .map(|d| humantime::format_duration(d).to_string())
        .serialize(serializer)
}
