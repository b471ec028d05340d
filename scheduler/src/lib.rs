//! Ballista's scheduler with our functions, and a cluster within one process.
//!
//! [`run`] serves gRPC and REST on one port until it is told to stop. [`Embedded`] starts that same scheduler and an
//! executor of [`gugus_engine`] on loopback ports of this process: `gugus train` without `--scheduler` and `gugus demo`
//! use it. Both are push-based and speak gRPC, so that what works embedded works on many machines.
//!
//! # Guarantees
//! * `ready` is called when the port takes connections, with the address it really has.
//! * The port listens on loopback unless told otherwise, and no page of another origin may read its answers.
//!
//! # What it is not
//! It keeps nothing: jobs live in memory and end with the process. The driver in `gugus-train` goes on from the models
//! that are written.
//!
//! # Why not Ballista's own `standalone`
//! It polls for work every 50 ms and takes other paths than the real scheduler and executor do.

mod embedded;
mod placement;
mod server;

pub use embedded::{Embedded, EmbeddedConfig, EmbeddedError};
pub use server::{SchedulerConfig, SchedulerError, run};
