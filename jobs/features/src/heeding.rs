//! Plans that end early: after a signal, their scans give an error, and their fits and passes end.
//!
//! Ballista stops waiting for a task that is cancelled. The work of the task runs on threads of its own, and Ballista cannot
//! end it: a fit does not pause, so nothing can interrupt it from outside.

use std::any::Any;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::AggregateUDF;
use datafusion::physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use gugus_kmeans::Stop;

use crate::all::AllPassExec;
use crate::checked::CheckedScanExec;
use crate::fit::ModelFit;

/// The same plan, which ends soon after the signal of `stop`. The signal does not travel when the plan is encoded.
///
/// # Errors
/// When DataFusion refuses a node that it had accepted, which would be a fault of ours.
pub fn heeding(plan: Arc<dyn ExecutionPlan>, stop: &Stop) -> Result<Arc<dyn ExecutionPlan>> {
    let heeds = plan.transform_up(|node| {
        let heeds: Arc<dyn ExecutionPlan> =
            if let Some(scan) = node.downcast_ref::<CheckedScanExec>() {
                Arc::new(scan.until(stop))
            } else if let Some(pass) = node.downcast_ref::<AllPassExec>() {
                Arc::new(pass.until(stop))
            } else if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
                let functions = aggregate.aggr_expr().iter();
                let functions = functions.map(|function| fit_until(aggregate, function, stop));
                Arc::new(aggregate.with_new_aggr_exprs(functions.collect::<Result<Vec<_>>>()?))
            } else {
                return Ok(Transformed::no(node));
            };
        Ok(Transformed::yes(heeds))
    })?;
    Ok(heeds.data)
}

fn fit_until(
    aggregate: &AggregateExec,
    function: &Arc<AggregateFunctionExpr>,
    stop: &Stop,
) -> Result<Arc<AggregateFunctionExpr>> {
    let inner: &dyn Any = function.fun().inner().as_ref();
    let Some(fit) = inner.downcast_ref::<ModelFit>() else {
        return Ok(Arc::clone(function));
    };
    let fit = Arc::new(AggregateUDF::from(fit.until(stop)));
    let fit = AggregateExprBuilder::new(fit, function.expressions())
        .schema(aggregate.input_schema())
        .alias(function.name())
        .build()?;
    Ok(Arc::new(fit))
}
