//! Runs that the scheduler drives itself.
//!
//! A client hands over a job file and may leave. The driver is the one of `gugus train`, in this process. It speaks gRPC to
//! this process's own port like any other client.
//!
//! A run is a folder of files. The folder is written before the request is answered, so the run outlives the scheduler. If the
//! scheduler ends during a run, the next one marks the run as *interrupted*. When the run is resumed, it goes on from the
//! models that are there. A standing run follows new batches, and the next scheduler goes on with it by itself (`standing`).
//!
//! `gugus train`, `gugus up` and `gugus demo` drive a run themselves and show it on the pages of their own cluster
//! (`shown_run`).

mod answers;
mod attempt;
mod control;
mod course;
mod error;
mod folders;
mod heard;
mod list;
mod log;
mod places;
mod record;
mod request;
mod rest;
mod shown_run;
mod standing;
mod table;

pub use gugus_pages::run::{
    BallistaJob, Following, ParseRunIdError, Run, RunId, RunState, follows,
};

pub use self::answers::{DryRun, RUNS_PATH, RunDetail, RunList};
pub(crate) use self::control::Runs;
pub use self::control::RunsConfig;
pub(crate) use self::course::ModelsAsked;
pub use self::error::RunError;
pub use self::folders::StateError;
pub(crate) use self::list::{listed, runs_asked};
pub use self::log::run_logs;
pub use self::places::PlaceError;
pub(crate) use self::record::took;
pub use self::request::RunRequest;
pub(crate) use self::rest::{BODY_LIMIT, routes};
pub use self::shown_run::ShownRun;
pub(crate) use self::table::Pair;
