//! Ballista's scheduler with our functions, runs that it drives itself, and a cluster within one process.
//!
//! [`run`] serves gRPC, Ballista's REST interface, runs (`/gugus/v1/runs`) and pages for browsers on one port until it is
//! told to stop. [`Embedded`] starts the same scheduler and an executor of [`gugus_engine`] on loopback ports of this
//! process: `gugus train` without `--scheduler` and `gugus demo` use it. Both push tasks and speak gRPC, so what works
//! embedded works on many machines.
//!
//! # Guarantees
//! * `ready` is called when the port takes connections, with the address it really has.
//! * The port listens on loopback unless told otherwise. No page of another site may read its answers, not even a page
//!   whose name was made to mean this machine.
//! * A run is on disk before its submission is answered, and outlives the process. A run that was under way is marked
//!   then, and can be resumed.
//! * Every answer but `/healthz` and `/readyz` wants the token or a certificate where the cluster has one, and no answer
//!   shows a secret.
//!
//! # Where to add
//! A page is one file in `pages/` and one line in its `list.rs`. A resource of runs is one file in `runs/rest/` and its
//! lines in `list.rs` there.
//!
//! # What it is not
//! It keeps no Ballista job: those live in memory and end with the process. The driver in `gugus-train` goes on from the
//! models that are written.
//!
//! # Why not Ballista's own `standalone`
//! It polls for work every 50 ms and takes other paths than the real scheduler and executor do.

mod ballista;
mod embedded;
mod endpoint;
mod pages;
mod port;
mod problem;
mod runs;
mod server;

pub use embedded::{Embedded, EmbeddedConfig, EmbeddedError};
pub use port::origins::{Origin, ParseOriginError};
pub use runs::{
    BallistaJob, DryRun, ParseRunIdError, PlaceError, RUNS_PATH, Run, RunDetail, RunError, RunId,
    RunList, RunRequest, RunState, RunsConfig, StateError, run_logs,
};
pub use server::{SchedulerConfig, SchedulerError, run};
