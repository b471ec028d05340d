//! The driver of training: it decides what is trained, in which jobs of the cluster, and where models go.
//!
//! [`prepare`] decides what a run will do: it compiles every expression, reads the batches' footers, and reads the models
//! that are there. All mistakes of the request show there, before anything has begun.
//! [`Prepared::train`] then trains. It fits batches in waves, each wave by one job, and writes the models of a wave before it
//! counts them. A model over all batches takes one job per pass. The models of windows take two jobs together: one counts the
//! windows, and one fits those that need a model.
//!
//! [`follow`] trains what is there, and then each batch that comes, until it is told to stop.
//!
//! A new model of a batch may take an alias, if the job file says so: see `promote`.
//!
//! Each kind of training is one file in `kinds`.
//!
//! # Guarantees
//! * The model of a batch depends only on its rows and the job file, and not on waves, tasks, executors or earlier runs. A
//!   model of `minibatch` also depends on the rows of all earlier batches, in their order. A model over all batches with
//!   `warm_start` also depends on the model that it replaces.
//! * Data that allow no model fail only their own batch ([`Outcome::Failed`]); the other batches train. If an expression fails
//!   on a row (a division of integers by zero), `train` finds the batch of that row.
//! * To go on after an interrupted run, run it again: a batch that has its model is not trained twice.
//!
//! # What it is not
//! It starts no cluster: the caller hands one in, as a [`gugus_submit::Submit`]. It repeats no failed jobs: `gugus-submit` does.
//! Only [`follow`] tries again what failed with the whole cluster. The crate fits nothing itself: `gugus-features` does, on the
//! executors. `minibatch` is the exception, because each batch begins where the one before ended.
//!
//! # Why waves
//! One job over a million files would be one message too large, one status too large, and no progress to show or to keep.

mod assess;
mod batches;
mod candidates;
mod compare;
mod error;
mod failures;
mod follow;
mod kind;
mod kinds;
mod line;
mod observer;
mod passes;
mod prepare;
mod promote;
mod promotion;
mod report;
mod run;
mod wave;
mod work;

pub use assess::assess;
pub use batches::{BatchFacts, Batches, Origin};
pub use error::Error;
pub use follow::{Follow, follow};
pub use gugus_progress::{Lag, ModelReport, Outcome, PassReport};
pub use observer::Observer;
pub use passes::{Passed, Passes, describe};
pub use prepare::{Config, Prepared, check_job, check_request, prepare};
pub use report::Report;
pub use wave::Waves;
pub use work::{ModelWork, Undeclared, check};
