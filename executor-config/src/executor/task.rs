//! Runs one task.

use std::sync::Arc;

use ballista_core::error::BallistaError;
use ballista_core::serde::protobuf::{OperatorMetricsSet, ShuffleWritePartition, SuccessfulTask};
use ballista_core::serde::scheduler::{TaskDefinition, TaskKey};
use ballista_executor::execution_engine::{ExecutionEngine, QueryStageExecutor};
use ballista_executor::executor::Executor;
use datafusion::execution::TaskContext;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::metrics::{Metric, MetricsSet};
use gugus_features::{Stop, heeding};

use super::work_dir::WorkDir;

/// The parts that every task needs.
pub(super) struct Parts {
    pub(super) executor: Executor,
    pub(super) engine: Arc<dyn ExecutionEngine>,
    pub(super) folder: WorkDir,
    /// The environment of tasks.
    pub(super) environment: Arc<RuntimeEnv>,
}

/// Runs a task, whose work ends after the signal of `stop`. Returns its metrics and the places of its result.
pub(super) async fn execute(
    parts: &Parts,
    key: &TaskKey,
    task: TaskDefinition,
    stop: &Stop,
) -> Result<(Vec<OperatorMetricsSet>, SuccessfulTask), BallistaError> {
    let stage = parts.engine.create_query_stage_exec(
        key.job_id.clone(),
        key.stage_id,
        key.task_id,
        task.global_output_partition_ids,
        heeding(task.plan, stop)?,
        &parts.executor.work_dir,
        &task.session_config,
    )?;
    let runtime = parts.executor.produce_runtime_for_session(
        &task.session_id,
        &task.session_config,
        task.vcores_consumed,
    )?;
    let functions = task.function_registry;
    let context = TaskContext::new(
        Some(format!("{}/{}/{}", key.job_id, key.stage_id, key.task_id)),
        task.session_id,
        task.session_config,
        functions.scalar_functions.clone(),
        functions.higher_order_functions.clone(),
        functions.aggregate_functions.clone(),
        functions.window_functions.clone(),
        runtime,
    );
    let began = std::time::Instant::now();
    let written = parts
        .executor
        .execute_query_stage(key.clone(), Arc::clone(&stage), Arc::new(context))
        .await?;
    tracing::debug!(?key, took = ?began.elapsed(), "a task ended");
    Ok((
        thin_metrics(stage.as_ref()),
        successful(stage.as_ref(), written)?,
    ))
}

/// The window states that go back with the result of a task. The next stage adds them up. So the task fails if they
/// cannot be collected.
fn successful(
    stage: &dyn QueryStageExecutor,
    partitions: Vec<ShuffleWritePartition>,
) -> Result<SuccessfulTask, BallistaError> {
    Ok(SuccessfulTask {
        executor_id: String::new(),
        partitions,
        runtime_stats: stage.collect_runtime_stats_reports(),
        task_column_stats: stage.collect_column_stats(),
        window_state: stage.collect_window_state_reports()?,
    })
}

/// One metric per name instead of 45 per file. With thousands of files, the message would grow beyond the limit of gRPC
/// and get lost, and the Ballista job would wait for ever. The scheduler would also keep all of them.
///
/// Each metric says that it is of the task's first partition. So the scheduler knows which task it belongs to, and replaces it
/// when another task does the same again.
fn thin_metrics(stage: &dyn QueryStageExecutor) -> Vec<OperatorMetricsSet> {
    let operators = stage.collect_plan_metrics();
    operators
        .into_iter()
        .map(|metrics| of_task(&metrics).try_into())
        .collect::<Result<_, BallistaError>>()
        .unwrap_or_default()
}

fn of_task(metrics: &MetricsSet) -> MetricsSet {
    let mut of_task = MetricsSet::new();
    for metric in metrics.aggregate_by_name().iter() {
        of_task.push(Arc::new(Metric::new(metric.value().clone(), Some(0))));
    }
    of_task
}
