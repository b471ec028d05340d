//! From columns of records to fitted models, by DataFusion.
//!
//! A job file describes a model by SQL: the features, and the condition on rows. This crate turns that text into physical
//! expressions ([`FeaturePlan`]), into the aggregate function that fits one batch ([`ModelFit`]), and into the physical plan
//! that fits many batches in one stage ([`wave_plan`]). `train` sends that plan to a cluster, and [`PlanCodec`] makes bytes of
//! it. `serve` evaluates the same expressions on one record, so training and serving cannot drift apart.
//!
//! # Guarantees
//! * The result of a fit depends only on the rows of its batch, their order, and the parameters. It runs on one thread.
//! * The aggregate never fails because of the data. A null, a NaN or an infinity gives a [`FitOutcome`] that names the
//!   column. An error would fail the whole Ballista job without naming a batch.
//! * Planning refuses expressions that depend on anything but their row (`random()`, `now()`). It also refuses
//!   expressions so long or deep that they would end a process.
//! * An expression that fails on a row gives a [`DataError`] with the name of the expression, in this process as well
//!   as on an executor. A number in an expression, as in `repeat("a", 100000000)`, does not decide how much memory a
//!   process takes, neither while rows are read nor while constants are folded. Planning may take ten seconds.
//! * A plan that was given a signal ends soon after it, also within a fit ([`heeding()`]).
//! * A scan checks the bytes that it reads against the hashes of the batch, so no changed row passes
//!   ([`CheckedScanExec`]). Batches of earlier builds have no hashes.
//!
//! # What it is not
//! It knows neither Ballista nor folders nor TOML: `gugus-engine` registers these functions and nodes with Ballista, and
//! [`gugus_spec`] reads the job file. It has no algorithms: those are in [`gugus_kmeans`], [`gugus_kmeans_all`] and
//! [`gugus_clusters`].
//!
//! # Why not otherwise
//! DataFusion usually computes an aggregate in two modes, Partial and Final. For a fit, the state of the first mode
//! would hold every point, and the shuffle would move it. But every batch is one file, and every file lies in one task.
//! So the mode `SinglePartitioned` is exact, takes one stage, and moves only results.
//!
//! # Example
//! ```
//! use arrow::array::{Float64Array, RecordBatch};
//! use gugus_features::{Expressions, FeaturePlan};
//! use gugus_spec::{Column, ColumnType, Feature, Nullability, OtherColumns};
//! use std::sync::Arc;
//!
//! let columns = [Column { name: "LAT".into(), data_type: ColumnType::Float64, nullability: Nullability::Required }];
//! let features = [Feature { name: "north".into(), sql: "\"LAT\" * 2".into() }];
//! let plan = FeaturePlan::new(&columns, OtherColumns::Utf8, &Expressions::features(&features))?;
//! let rows = RecordBatch::try_from_iter([("LAT", Arc::new(Float64Array::from(vec![17.0])) as _)])?;
//! assert_eq!(plan.evaluate(&rows)?.row(0)?, [34.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod all;
mod census;
mod checked;
mod codec;
mod condition;
mod deadline;
mod error;
mod evaluate;
mod fit;
mod growing;
mod guards;
mod heeding;
mod limits;
mod named;
mod outcome;
mod plan;
mod points;
mod rows;
mod rows_codec;
mod settings;
mod tree;
mod wave;
mod window;

/// What [`wave_plan`], [`window_plan`], [`census_plan`], [`points_plan`] and [`pass_plan`] make.
pub use datafusion::physical_plan::ExecutionPlan;

pub use all::{
    AllFile, AllPassExec, CacheFigures, EncodedRows, FeatureCache, PARTIAL_COLUMN, Pass,
    PointSettings, YieldingPool, pass_plan,
};
pub use census::{WindowRows, census_plan, read_census};
pub use checked::{CheckedScanExec, ReaderPanic, StoreFails};
pub use codec::PlanCodec;
pub use condition::Condition;
pub use error::{EvaluateError, PlanError, WaveError};
pub use evaluate::{FeatureRows, Missing};
pub use fit::{ModelFit, fit_points};
pub use growing::bounded_functions;
pub use gugus_kmeans::{Stop, Stopped};
pub use gugus_kmeans_all::Weighting;
pub use heeding::heeding;
pub use limits::TooLarge;
pub use named::DataError;
pub use outcome::FitOutcome;
pub use plan::{Expressions, FeaturePlan};
pub use points::{points_plan, read_points};
pub use rows::{BATCH_COLUMN, WaveFile};
pub use settings::FitSettings;
pub use wave::{OUTCOME_COLUMN, wave_plan};
pub use window::{WINDOW_COLUMN, window_plan};

#[cfg(test)]
mod tests;
