//! Whether the log tells what becomes of executors and Ballista jobs.

/// Whether the log tells what begins and ends. The scheduler of a cluster tells it. A cluster within one process has one
/// executor that lives as long as the process, and its Ballista jobs are steps of one command, which tells of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Told {
    /// One line each.
    Events,
    /// Only what goes wrong.
    #[default]
    Troubles,
}

/// A line of the log about an event: at INFO if events are told, else at DEBUG.
macro_rules! told {
    ($told:expr, $($line:tt)+) => {
        match $told {
            $crate::ballista::told::Told::Events => tracing::info!($($line)+),
            $crate::ballista::told::Told::Troubles => tracing::debug!($($line)+),
        }
    };
}

pub(super) use told;
