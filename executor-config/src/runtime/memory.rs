//! How much memory an executor's tasks may take together.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use gugus_features::{FeatureCache, YieldingPool};
use thiserror::Error;

/// The share of the machine's memory that tasks get by default. The rest is for memory that DataFusion does not count
/// (decoded pages, messages, the allocator's slack) and for other processes.
const DEFAULT_PERCENT: u64 = 60;

/// The least memory in which a task can work. With less, reading one Parquet page fails.
const LEAST: u64 = 16 * 1024 * 1024;

/// The most memory that the tasks of an executor take together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLimit {
    /// A share of the memory of the machine or the container.
    Percent(u8),
    /// This many bytes.
    Bytes(u64),
}

impl Default for MemoryLimit {
    fn default() -> Self {
        Self::Percent(DEFAULT_PERCENT as u8)
    }
}

impl MemoryLimit {
    /// The limit on this machine, in bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Percent(percent) => (present() / 100 * u64::from(percent)).max(LEAST),
        }
    }
}

/// The memory of the machine or the limit of the container, whichever is less, in bytes.
fn present() -> u64 {
    let memory = sysinfo::MemoryRefreshKind::nothing().with_ram();
    let system =
        sysinfo::System::new_with_specifics(sysinfo::RefreshKind::nothing().with_memory(memory));
    let machine = system.total_memory();
    match system.cgroup_limits() {
        Some(limits) if limits.total_memory > 0 => machine.min(limits.total_memory),
        _ => machine,
    }
}

/// What this process holds, in bytes; 0 where the system does not tell.
pub(crate) fn resident() -> u64 {
    let Ok(own) = sysinfo::get_current_pid() else {
        return 0;
    };
    let mut system = sysinfo::System::new();
    let asked = sysinfo::ProcessRefreshKind::nothing()
        .with_memory()
        .without_tasks();
    let only = sysinfo::ProcessesToUpdate::Some(&[own]);
    system.refresh_processes_specifics(only, false, asked);
    system.process(own).map_or(0, sysinfo::Process::memory)
}

/// A text that is not a limit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "\"{text}\" is no memory limit; write a size of at least 16MiB such as 4GiB, or a share such as 60%"
)]
pub struct ParseMemoryLimitError {
    text: String,
}

impl FromStr for MemoryLimit {
    type Err = ParseMemoryLimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseMemoryLimitError {
            text: text.to_owned(),
        };
        if let Some(percent) = text.trim().strip_suffix('%') {
            return match percent.trim().parse() {
                Ok(percent @ 1..=100) => Ok(Self::Percent(percent)),
                _ => Err(wrong()),
            };
        }
        match text.trim().parse::<bytesize::ByteSize>() {
            Ok(size) if size.as_u64() >= LEAST => Ok(Self::Bytes(size.as_u64())),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for MemoryLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Bytes(bytes) => write!(f, "{}", bytesize::ByteSize(*bytes)),
        }
    }
}

/// The pool that all tasks of a process share. Operators that can spill get even parts, so that one task cannot starve
/// another. The feature cache gives memory back before a task is refused.
pub(crate) fn pool(limit: u64, cache: &Arc<FeatureCache>) -> Arc<dyn MemoryPool> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let pool = Arc::new(FairSpillPool::new(limit));
    Arc::new(YieldingPool::new(pool, Arc::clone(cache)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_people_write_them() {
        assert_eq!("60%".parse(), Ok(MemoryLimit::Percent(60)));
        assert_eq!("2GiB".parse(), Ok(MemoryLimit::Bytes(2 << 30)));
        assert_eq!("64 MiB".parse(), Ok(MemoryLimit::Bytes(64 << 20)));
        for text in ["", "0%", "101%", "-1%", "1MiB", "much"] {
            assert!(text.parse::<MemoryLimit>().is_err(), "{text}");
        }
        assert_eq!(MemoryLimit::default().to_string(), "60%");
    }

    #[test]
    fn a_process_knows_what_it_holds() {
        let held = resident();
        assert!(held > 1024 * 1024 && held < present(), "{held}");
    }

    #[test]
    fn a_share_is_of_what_is_there() {
        let (half, whole) = (
            MemoryLimit::Percent(50).bytes(),
            MemoryLimit::Percent(100).bytes(),
        );
        assert!(
            whole >= LEAST && half <= whole && half >= whole / 2 - 100,
            "{half} of {whole}"
        );
    }
}
