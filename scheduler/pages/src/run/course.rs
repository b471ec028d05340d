//! How the models of a run come about, as far as they have.

use gugus_progress::{ModelReport, PassReport};
use serde::Serialize;
use utoipa::ToSchema;

use super::mark::{Counts, Mark};

/// How the models of a run come about.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Course {
    /// How many models are how far.
    pub counts: Counts,
    /// All models at a glance, in their order.
    pub squares: Vec<Square>,
    /// Some of them in full.
    pub table: ModelTable,
    /// The models over all batches, with their passes.
    pub passes: Vec<PassSeries>,
    /// How many models the scheduler does not remember. The report of a run that ended has them; a standing run has no report.
    pub left_out: u64,
}

/// One model, or several that follow each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Square {
    /// The model's name.
    pub model: String,
    /// What the first is of, in words.
    pub first: String,
    /// What the last is of, where there are several.
    pub last: Option<String>,
    /// How many are before the first.
    pub from: u64,
    /// How far they are.
    pub counts: Counts,
    /// The folder of the model, where there is just one.
    pub path: Option<String>,
}

/// A part of all models, in an order that the viewer chose.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ModelTable {
    /// The models.
    pub rows: Vec<ModelRow>,
    /// How many come before the first row.
    pub from: u64,
    /// How many rows a page has.
    pub size: u64,
    /// How many there are of this mark.
    pub total: u64,
    /// Only models of this mark.
    pub status: Option<Mark>,
    /// The column that they are sorted by; empty for their own order.
    pub sort: String,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// One model.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ModelRow {
    /// What became of it.
    #[serde(flatten)]
    pub line: ModelReport,
    /// How far it is.
    pub mark: Mark,
    /// When that was told, as RFC 3339 in UTC.
    pub at: String,
}

/// The passes of a model over all batches.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PassSeries {
    /// The cost by pass, for passes that moved centers. Of very many passes only some are kept.
    pub costs: Vec<(u32, f64)>,
    /// The newest pass.
    pub last: PassReport,
}
