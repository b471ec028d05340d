//! One environment for a process.

use std::sync::Arc;

use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::runtime_env::RuntimeEnv;

use super::stores::Stores;

/// Makes the environment that tasks run in; without a pool they take as much memory as they want.
///
/// A role makes one and hands it over wherever one is asked for: Ballista asks again with every task, and the connections
/// to object stores and the count of memory live in it.
#[must_use]
pub fn environment(memory: Option<Arc<dyn MemoryPool>>) -> Arc<RuntimeEnv> {
    let default = RuntimeEnv::default();
    Arc::new(RuntimeEnv {
        memory_pool: memory.unwrap_or_else(|| Arc::clone(&default.memory_pool)),
        object_store_registry: Arc::new(Stores::default()),
        ..default
    })
}
