//! The session that all roles share.

use std::sync::{Arc, LazyLock};

use ballista_core::config::{BALLISTA_ADAPTIVE_PLANNER_ENABLED, BALLISTA_CLIENT_PULL};
use ballista_core::extension::SessionConfigExt;
use ballista_core::registry::BallistaFunctionRegistry;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

/// The largest gRPC message, in bytes, that any role sends or takes. Ballista's default, stated here because waves are
/// cut so that their plans stay far below it: one that is larger ends in an unhelpful `h2 protocol error`.
pub const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;

/// One environment for a process: Ballista asks for it again with every task, and a store's connections live in it.
static RUNTIME: LazyLock<Arc<RuntimeEnv>> = LazyLock::new(|| Arc::new(RuntimeEnv::default()));

/// Ballista's settings, less those that cost a job its recovery or its repeatability.
#[must_use]
pub fn session_config() -> SessionConfig {
    SessionConfig::new_with_ballista()
        // Adaptive planning does not recover from a lost executor.
        .set_bool(BALLISTA_ADAPTIVE_PLANNER_ENABLED, false)
        // Polling sleeps 50 ms between two looks at a job.
        .set_bool(BALLISTA_CLIENT_PULL, false)
        // Plans are built by hand over a fixed list of files; statistics would only make them larger.
        .set_bool("datafusion.execution.collect_statistics", false)
        // Which task reads which file must not depend on who is faster.
        .set_bool(
            "datafusion.execution.enable_file_stream_work_stealing",
            false,
        )
}

/// A session state with our settings and every function that DataFusion has by default. Our own aggregate is not looked
/// up by name: its parameters travel in the plan, and [`crate::PlanCodec`] makes it anew.
#[must_use]
pub fn session_state(config: SessionConfig) -> SessionState {
    SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_runtime_env(runtime())
        .build()
}

/// The environment that holds the object stores of this process.
pub(crate) fn runtime() -> Arc<RuntimeEnv> {
    Arc::clone(&RUNTIME)
}

/// The functions of [`session_state`] in the form that an executor takes.
#[must_use]
pub fn function_registry() -> Arc<BallistaFunctionRegistry> {
    Arc::new(BallistaFunctionRegistry::from(&session_state(
        session_config(),
    )))
}
