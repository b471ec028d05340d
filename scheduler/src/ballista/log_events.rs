//! Which events of executors and Ballista jobs the log tells.

/// Which events the log tells at INFO. The scheduler of a cluster tells all of them. A cluster within one process has executors
/// that live as long as the process, and its Ballista jobs are steps of one command. The command tells what becomes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogEvents {
    /// One line for each executor that comes or goes, and for each Ballista job that begins or ends.
    All,
    /// Only lost executors.
    #[default]
    Losses,
}

/// A line of the log about an event: at INFO if all events are told, else at DEBUG.
macro_rules! log_event {
    ($log:expr, $($line:tt)+) => {
        match $log {
            $crate::ballista::log_events::LogEvents::All => tracing::info!($($line)+),
            $crate::ballista::log_events::LogEvents::Losses => tracing::debug!($($line)+),
        }
    };
}

pub(super) use log_event;
