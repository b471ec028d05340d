//! The session that all roles share.

use std::sync::Arc;

use ballista_core::config::{
    BALLISTA_ADAPTIVE_PLANNER_ENABLED, BALLISTA_CLIENT_IO_RETRIES_TIMES,
    BALLISTA_CLIENT_IO_RETRY_WAIT_TIME_MS, BALLISTA_CLIENT_PULL,
};
use ballista_core::extension::{EndpointOverrideFn, SessionConfigExt};
use ballista_core::registry::BallistaFunctionRegistry;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use gugus_features::{FeatureCache, bounded_functions};

/// The largest gRPC message, in bytes, that any member sends or takes. It is Ballista's default. Waves are cut so that
/// their plans stay far below it, because a larger message ends in an unhelpful `h2 protocol error`.
pub const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;

/// How often a process tries again to fetch a shuffle file, and how long it waits in between. Ballista's three times
/// three seconds would be wasted on an executor that is gone: the files are made again as soon as the scheduler knows
/// that.
const FETCH_RETRIES: usize = 2;
const FETCH_RETRY_MS: usize = 200;

/// Ballista's settings, without those that would prevent the recovery of a job or make its result depend on chance.
#[must_use]
pub fn session_config() -> SessionConfig {
    SessionConfig::new_with_ballista()
        // Adaptive planning does not recover from a lost executor. The scheduler drops the statistics that adaptive planning
        // would read (`scheduler/src/ballista/checked.rs`).
        .set_bool(BALLISTA_ADAPTIVE_PLANNER_ENABLED, false)
        // With polling, the client would sleep 50 ms between two requests for the state of a job.
        .set_bool(BALLISTA_CLIENT_PULL, false)
        .set_usize(BALLISTA_CLIENT_IO_RETRIES_TIMES, FETCH_RETRIES)
        .set_usize(BALLISTA_CLIENT_IO_RETRY_WAIT_TIME_MS, FETCH_RETRY_MS)
        // Plans are built by hand over a fixed list of files; statistics would only make them larger.
        .set_bool("datafusion.execution.collect_statistics", false)
        // The files of a task must not depend on which task is faster.
        .set_bool(
            "datafusion.execution.enable_file_stream_work_stealing",
            false,
        )
}

/// [`session_config`] for an executor. `dialled` says how its tasks connect to other executors to fetch shuffle files.
/// The tasks keep the points of their files in `cache`.
pub(crate) fn executor_config(
    dialled: &EndpointOverrideFn,
    cache: &Arc<FeatureCache>,
) -> SessionConfig {
    session_config()
        .with_ballista_override_create_grpc_client_endpoint(Arc::clone(dialled))
        .with_extension(Arc::clone(cache))
}

/// A session state with our settings, every function that DataFusion has by default, and the environment that
/// [`crate::environment`] makes. Our own aggregate is not looked up by name: its parameters travel in the plan, and
/// [`crate::PlanCodec`] makes it anew.
#[must_use]
pub fn session_state(config: SessionConfig, environment: Arc<RuntimeEnv>) -> SessionState {
    with_functions(config).with_runtime_env(environment).build()
}

/// The functions of [`session_state`] in the form that an executor takes.
#[must_use]
pub fn function_registry() -> Arc<BallistaFunctionRegistry> {
    let state = with_functions(session_config()).build();
    Arc::new(BallistaFunctionRegistry::from(&state))
}

/// With every function of DataFusion, those that make large values bounded: clients may send plans of their own.
fn with_functions(config: SessionConfig) -> SessionStateBuilder {
    let mut builder = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config);
    // A later function of the same name takes the place of the earlier one.
    let functions = builder.scalar_functions().get_or_insert_default();
    functions.extend(bounded_functions().iter().cloned());
    builder
}
