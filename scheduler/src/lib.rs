//! Ballista's scheduler with our functions, the runs that it drives itself, and a cluster within one process.
//!
//! [`run`] serves gRPC, Ballista's REST interface, runs (`/gugus/v1/runs`) and pages for browsers on one port, until it is told
//! to stop. [`Embedded`] starts the same scheduler and an executor of [`gugus_engine`] on loopback ports of this process, for
//! `gugus train` without `--scheduler`, for `gugus up` and for `gugus demo`. Both speak gRPC, so training that works embedded also works on
//! many machines.
//!
//! # Guarantees
//! * `ready` is called as soon as the port takes connections, with its real address.
//! * The port listens on loopback unless told otherwise. No page of another site may read its answers, not even a page that
//!   makes its own name mean this machine.
//! * A run is on disk before its request is answered, so it outlives the process. If the process ends during a run, the next
//!   start marks the run as interrupted, and a user can resume it. A standing run goes on by itself at the next start.
//! * If the cluster has a token or certificates, every request must show one, or come from a browser that signed in. Open to
//!   all are only `/healthz`, `/readyz`, and the page that asks for the token. No answer contains a secret.
//!   An embedded cluster makes a token if its user gives none. Its gRPC calls take that token, and its pages take no new runs.
//!
//! # Where to add
//! A page: see [`gugus_pages`]. A resource of runs is one file in `runs/rest/` and its lines in `routes.rs` there.
//!
//! # What it is not
//! It does not go on with Ballista jobs after its end: they live in memory. Only their records outlive it, for its pages
//! (`history/`). A resumed run goes on from the models that are written.
//!
//! # Why not Ballista's own `standalone`
//! It polls for work every 50 ms and runs other code than the real scheduler and executor.

mod ballista;
mod blocking;
mod clock;
mod embedded;
mod endpoint;
mod history;
mod pages;
mod pairs;
mod port;
mod problem;
mod replace;
mod runs;
mod server;
mod stores;

pub use embedded::{Embedded, EmbeddedConfig, EmbeddedError};
pub use gugus_pages::configuration::{Configuration, HIDDEN, Setting, may_be_secret};
pub use history::KeepJobs;
pub use port::standing_metrics::follow_metrics;
pub use runs::{
    BallistaJob, DryRun, Following, ParseRunIdError, PlaceError, RUNS_PATH, Run, RunDetail,
    RunError, RunId, RunList, RunRequest, RunState, RunsConfig, ShownRun, StateError, follows,
    run_logs,
};
pub use server::{SchedulerConfig, SchedulerError, run};
