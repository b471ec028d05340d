//! One environment for a process.

use std::sync::Arc;

use datafusion::execution::DiskManager;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::runtime_env::RuntimeEnv;
use gugus_files::Stores;

use super::stores::Registry;

/// Makes the environment of tasks. Without a pool of memory, tasks take as much memory as they want. Without a disk manager,
/// their temporary files lie in the system's folder for them.
///
/// Each process makes one environment and always hands over the same one. Ballista asks for it with every task. The
/// environment holds the connections to object stores and the count of memory.
#[must_use]
pub fn environment(
    memory: Option<Arc<dyn MemoryPool>>,
    disk: Option<Arc<DiskManager>>,
    stores: Stores,
) -> Arc<RuntimeEnv> {
    let default = RuntimeEnv::default();
    Arc::new(RuntimeEnv {
        memory_pool: memory.unwrap_or_else(|| Arc::clone(&default.memory_pool)),
        disk_manager: disk.unwrap_or_else(|| Arc::clone(&default.disk_manager)),
        object_store_registry: Arc::new(Registry::new(stores)),
        ..default
    })
}
