//! The training drivers: what is trained, in which Ballista jobs, and where models go.
//!
//! [`prepare`] freezes what a run will do: it compiles every expression, reads the batches' footers and looks at the
//! models that are there. Whatever is wrong with the request shows there, before anything has begun.
//! [`Prepared::train`] then fits batch after batch in waves, each wave one Ballista job, and writes the models of a wave
//! before it counts them. A model over everything takes one Ballista job a pass. Models of windows take two together: one
//! that finds out which windows there are, and one that fits those that want a model.
//!
//! # Guarantees
//! * A batch's model depends on its rows and the job file only: not on waves, tasks, executors or what was trained
//!   before. A model of `minibatch` depends on the rows of the batches before it, too, in their order.
//! * What a batch's data cannot give is that batch's outcome ([`Outcome::Failed`]); the other batches train. An
//!   expression that fails on some row (a division of integers by zero) is tracked down to its batch.
//! * What Ballista does not recover is submitted again, a bounded number of times: a result that died with its executor,
//!   a task whose end nobody heard of, an object store that failed for a moment.
//! * A run that was cut short is gone on with by running it again: a batch that has its model is not trained twice.
//!
//! [`Subject`] evaluates models that are saved, by the same passes.
//!
//! # What it is not
//! It does not start a cluster: it is given a scheduler's address, be it embedded or far away, and speaks gRPC to either.
//! It does not fit anything itself: that is `gugus-features` on the executors.
//!
//! # Why waves
//! One job over a million files would be one message too large, one status too large, and no progress to see or to keep.

mod batches;
mod compare;
mod error;
mod kind;
mod kinds;
mod passes;
mod prepare;
mod report;
mod run;
mod wave;
mod work;

pub use batches::{BatchFacts, Batches, Origin};
pub use error::Error;
pub use passes::{Passed, Passes, describe};
pub use prepare::{Config, Prepared, check_request, prepare};
pub use report::{ModelReport, Outcome, Report};
pub use wave::Waves;
pub use work::{ModelWork, check};
