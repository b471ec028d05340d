//! Why a step or a training has no result.

use gugus_kmeans::Stopped;
use thiserror::Error;

/// Steps, points and partials that do not belong together. The cause is a fault of the code that carries them, or two
/// versions of that code. It is never the data. Besides, a pass may be told to end.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PartialError {
    /// The centers of the step do not have as many columns as the points.
    #[error("the step is for {expected} columns, but the points have {given}")]
    Dimensions {
        /// How many columns the centers have.
        expected: usize,
        /// How many columns the points have.
        given: usize,
    },
    /// A step that searches has no centers.
    #[error("the step has no centers")]
    NoCenters,
    /// A center that holds an infinity or a NaN.
    #[error("center {center} of the step holds a number that is not finite")]
    NotFinite {
        /// The center, from 0.
        center: usize,
    },
    /// The step's scale was not made for these points.
    #[error("the step's scale does not hold the points: it was made from other data")]
    Scale,
    /// Two partials of different steps.
    #[error("a partial of \"{expected}\" was to be joined with one of \"{given}\"")]
    Step {
        /// The step that was expected.
        expected: &'static str,
        /// The step of the other partial.
        given: &'static str,
    },
    /// Two partials of the same step, but for other centers, columns or limits.
    #[error("two partials of \"{step}\" differ in their shape")]
    Shape {
        /// The step.
        step: &'static str,
    },
    /// More rows than a sum has room for (2^36).
    #[error("a sum of \"{step}\" is full: there are more than 2^36 rows")]
    Full {
        /// The step.
        step: &'static str,
    },
    /// Bytes that are no partial of this version.
    #[error("{bytes} bytes are not a partial of this version")]
    Encoding {
        /// How many bytes were given.
        bytes: usize,
    },
    /// A partial came after the last step.
    #[error("a partial of \"{given}\" was given, but the training is over")]
    Over {
        /// The step of the partial.
        given: &'static str,
    },
    /// The pass was told to end.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why there is no model.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum AllError {
    /// There is nothing to train on.
    #[error("no rows are left to fit")]
    NoRows,
    /// Nulls or NaNs, and the caller asked to fail on them. Filter such rows out, or let them be skipped.
    #[error("{}; filter these rows out or have them dropped", columns_with("null or NaN", columns, *rows))]
    NotANumber {
        /// The columns, from 0, each with how many of its rows are null or NaN. The column behind the last one is the weight.
        columns: Vec<(usize, u64)>,
        /// How many rows were given.
        rows: u64,
    },
    /// Infinities: filter such rows out.
    #[error("{}; filter these rows out", columns_with("infinite", columns, *rows))]
    Infinite {
        /// The columns, from 0, each with how many of its rows are infinite. The column behind the last one is the weight.
        columns: Vec<(usize, u64)>,
        /// How many rows were given.
        rows: u64,
    },
    /// Weights below 0.
    #[error("{count} rows have a negative weight")]
    NegativeWeights {
        /// How many rows.
        count: u64,
    },
    /// Rows without a direction under the cosine distance: filter them out or use the Euclidean distance.
    #[error("{count} rows are zero vectors, which have no cosine distance to anything")]
    ZeroVectors {
        /// How many rows.
        count: u64,
    },
    /// Numbers so large that their squares overflow: scale the features.
    #[error("the distances between the rows overflow: scale the features down")]
    Overflow,
    /// The partial does not answer the step that was asked.
    #[error(transparent)]
    Partial(#[from] PartialError),
}

fn columns_with(what: &str, columns: &[(usize, u64)], rows: u64) -> String {
    let columns: Vec<String> = columns
        .iter()
        .map(|(column, count)| format!("column {column}: {count} of {rows} rows are {what}"))
        .collect();
    columns.join(", ")
}
