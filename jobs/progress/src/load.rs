//! What an executor tells of itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an executor tells with each heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Load {
    /// Its version of Gugus.
    pub version: String,
    /// Tasks that run now.
    pub running: u64,
    /// Tasks that ended well.
    pub done: u64,
    /// Tasks that failed.
    pub failed: u64,
    /// Tasks that were cancelled.
    pub cancelled: u64,
    /// What tasks hold of their memory, in bytes.
    pub memory_used: u64,
    /// What they may hold together; 0 if there is no limit.
    pub memory_limit: u64,
    /// What the process holds, in bytes.
    pub process: u64,
    /// What decoded features take that are kept between passes, in bytes.
    pub cache_bytes: u64,
    /// How often a pass found a file's features there.
    pub cache_hits: u64,
    /// How often a pass had to read a file.
    pub cache_misses: u64,
}

impl Load {
    /// How often features were in the cache, how often tasks looked for them, and the share in percent. Nothing before
    /// the cache is used.
    #[must_use]
    pub fn hits(&self) -> Option<[u64; 3]> {
        let all = self.cache_hits + self.cache_misses;
        let share = (self.cache_hits * 100).checked_div(all)?;
        Some([self.cache_hits, all, share])
    }
}
