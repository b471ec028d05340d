//! Runs that the scheduler drives itself.
//!
//! A client hands over a job file and may leave. The driver is the one of `gugus train`, in this process, speaking gRPC to
//! this process's own port like any other client. A run is kept in a folder of files, written before it is answered for,
//! so that it outlives the scheduler: one that was under way is *interrupted* then, and goes on when it is resumed, from
//! the models that are there.

mod disk;
mod drive;
mod error;
mod id;
mod keeper;
mod log;
mod look;
mod places;
pub(crate) mod routes;
mod wire;

use std::path::PathBuf;

use chrono::{SecondsFormat, Utc};

pub use self::disk::StateError;
pub use self::error::RunError;
pub use self::id::{ParseRunIdError, RunId};
pub(crate) use self::keeper::Runs;
pub use self::log::run_logs;
pub use self::places::PlaceError;
pub use self::wire::{
    BallistaJob, DryRun, RUNS_PATH, Run, RunDetail, RunList, RunRequest, RunState,
};

/// How runs are kept and driven.
#[derive(Clone, Debug)]
pub struct RunsConfig {
    /// The folder that they are kept in.
    pub state: PathBuf,
    /// Folders of batches and models must lie below it.
    pub data_root: PathBuf,
    /// How many runs are kept that have ended.
    pub keep: usize,
    /// How many runs train at the same time; the others wait.
    pub at_once: usize,
}

/// The time as runs say it.
fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}
