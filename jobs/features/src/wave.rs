//! The physical plan that fits many batches in one stage.
//!
//! A batch is one file, and one task reads the whole file. So the rows of a batch reach one accumulator in their order.

use std::sync::Arc;

use datafusion::logical_expr::AggregateUDF;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};

use crate::error::WaveError;
use crate::fit::ModelFit;
use crate::plan::FeaturePlan;
use crate::points::points_plan;
use crate::rows::{BATCH_COLUMN, WaveFile};
use crate::settings::FitSettings;

/// The result column that holds the [`crate::FitOutcome`].
pub const OUTCOME_COLUMN: &str = "outcome";

/// Scan of `files` → filter → features → [`ModelFit`] by batch, as one stage without a shuffle. At most `groups` tasks run at
/// the same time; the result does not depend on it.
///
/// A batch whose rows are all filtered out gives no result row. The caller compares the result with its list of batches.
///
/// # Errors
/// [`WaveError::Plan`] when DataFusion refuses the plan.
pub fn wave_plan(
    plan: &FeaturePlan,
    settings: FitSettings,
    store: &str,
    files: &[WaveFile],
    groups: usize,
) -> Result<Arc<dyn ExecutionPlan>, WaveError> {
    let features = points_plan(plan, store, files, groups)?;
    fit_by(features, BATCH_COLUMN, settings)
}

/// Fits the features of each group of rows. The first column of `input` names the group; features and weight follow.
/// All rows of a group are in one partition of `input`, in the order in which they are fitted.
pub(crate) fn fit_by(
    input: Arc<dyn ExecutionPlan>,
    group: &str,
    settings: FitSettings,
) -> Result<Arc<dyn ExecutionPlan>, WaveError> {
    let schema = input.schema();
    let arguments = (1..=settings.width())
        .map(|index| {
            Arc::new(Column::new(schema.field(index).name(), index)) as Arc<dyn PhysicalExpr>
        })
        .collect();
    let function = Arc::new(AggregateUDF::from(ModelFit::new(settings)));
    let fit = AggregateExprBuilder::new(function, arguments)
        .schema(Arc::clone(&schema))
        .alias(OUTCOME_COLUMN)
        .build()?;
    let by = PhysicalGroupBy::new_single(vec![(
        Arc::new(Column::new(group, 0)) as Arc<dyn PhysicalExpr>,
        group.to_owned(),
    )]);
    let fitted = AggregateExec::try_new(
        AggregateMode::SinglePartitioned,
        by,
        vec![Arc::new(fit)],
        vec![None],
        input,
        schema,
    )?;
    Ok(Arc::new(fitted))
}
