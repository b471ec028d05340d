//! What can go wrong on the way from SQL text to numbers. There is one error type for each thing that the caller can
//! do.

use datafusion::arrow::datatypes::DataType;
use datafusion::error::DataFusionError;
use thiserror::Error;

use crate::limits::TooLarge;

/// An expression of a job file or a saved model cannot be used. Nothing has been read yet: the text has to change.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The SQL does not parse, or names a column or function that is not there.
    #[error("{place}: `{sql}` does not plan: {}{}", first_line(source), hint(sql))]
    Sql {
        /// Which expression: `feature "hour"`, `where`, `weight_col`.
        place: String,
        /// The text as it stands in the job file.
        sql: String,
        /// What DataFusion says.
        #[source]
        source: Box<DataFusionError>,
    },
    /// The expression has a type that cannot be used in its place.
    #[error("{place}: `{sql}` is of type {found}, {wanted}")]
    Type {
        /// Which expression.
        place: String,
        /// The text as it stands in the job file.
        sql: String,
        /// The type it has.
        found: DataType,
        /// The type that is needed, and how to get it.
        wanted: String,
    },
    /// The value would depend on something other than the row.
    #[error(
        "{place}: `{sql}` gives another answer each time it is asked ({function}); a feature may depend on its row only"
    )]
    NotRepeatable {
        /// Which expression.
        place: String,
        /// The text as it stands in the job file.
        sql: String,
        /// The function that is refused.
        function: String,
    },
    /// The expression is longer or deeper than this process can handle.
    #[error("{place}: {source}")]
    TooLarge {
        /// Which expression.
        place: String,
        /// Which limit it exceeds.
        source: TooLarge,
    },
    /// These expressions run into a fault of the planner.
    #[error(
        "the planner panicked over the expressions; write them in another way, and report this"
    )]
    Panicked,
    /// Planning takes too long.
    #[error(
        "planning the expressions takes more than 10 seconds; write shorter patterns and simpler expressions"
    )]
    Slow,
    /// The system gives no thread to plan on.
    #[error("no thread to plan the expressions on")]
    NoThread(#[source] std::io::Error),
    /// There are no features.
    #[error("no features: name at least one column or expression in `features`")]
    NoFeatures,
}

/// A row could not be turned into features.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// An expression failed on these values. A division of integers by zero does that.
    #[error("feature \"{feature}\" fails on these values: {reason}")]
    Expression {
        /// The feature's name.
        feature: String,
        /// What is wrong, as a sentence.
        reason: String,
    },
    /// The expression of a condition fails on the numbers that it was asked about.
    #[error("the condition fails on these numbers: {reason}")]
    Condition {
        /// What is wrong.
        reason: String,
    },
    /// A column has another type than the plan was made for.
    #[error("column \"{column}\" is of type {found}, the expressions were planned for {wanted}")]
    Column {
        /// The column's name.
        column: String,
        /// Its type in the rows.
        found: DataType,
        /// Its type in the plan.
        wanted: DataType,
    },
}

/// The physical plan of a wave could not be built, or its answer could not be read: an invariant of ours broke.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WaveError {
    /// DataFusion refused the plan.
    #[error("the plan of a wave could not be built")]
    Plan(#[from] DataFusionError),
    /// A result column does not have the layout that [`crate::ModelFit`] returns: the two sides run different versions.
    #[error(
        "column \"{column}\" of a fit's outcome is missing or has another type; client and executors run different versions of gugus"
    )]
    Layout {
        /// The column's name.
        column: String,
    },
}

/// The first line of an error of DataFusion. It says what is wrong; backtraces and help follow over many lines.
fn first_line(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// Users of Spark write `a div b`, which DataFusion does not run.
fn hint(sql: &str) -> &'static str {
    let divides = sql
        .to_ascii_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| word == "div");
    if divides {
        "; `div` does not run here, write floor(a / b)"
    } else {
        ""
    }
}

/// An error of another crate, as DataFusion carries it.
pub(crate) fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// An error of settings that do not travel: client and executor run different versions, or a fault of ours.
pub(crate) fn settings_of<E>(name: &'static str) -> impl Fn(E) -> DataFusionError
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |error| external(error).context(format!("settings of {name}"))
}
