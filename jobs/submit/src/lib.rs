//! Runs physical plans on a cluster: the seam between the crates that make plans and the cluster that computes them.
//!
//! [`Submit`] runs one plan once. `gugus-engine` implements it with a Ballista cluster; [`InProcess`] runs the same plan on
//! DataFusion in this process, so that training is tested without a cluster. [`Jobs`] adds, on either, what a run needs
//! beyond one attempt.
//!
//! # Guarantees
//! * Each rule stands once, in [`Jobs`]: a job whose result got lost is submitted again, a bounded number of times; a job
//!   that takes far longer than its like is cancelled and submitted again; a job that fails on its data is halved until
//!   the part that is to blame is alone.
//! * The variants of [`SubmitError`] say what the caller can do.
//! * [`InProcess`] encodes and decodes each plan by the codec of the cluster: a test sees the plan that an executor sees.
//!
//! # What it is not
//! It knows nothing of Ballista, of batches or of models. It makes no plans: `gugus-features` does.
//!
//! # Why not Ballista's own retries
//! Ballista runs tasks again that an executor took with it, as long as the job runs. It does not notice when the result of
//! a job that succeeded died with its executor, when the status of a task got lost on its way, or when an object store
//! failed for a moment. The answer of a plan depends on its files only, so submitting it again is always safe.
//!
//! # Example
//! ```
//! # async fn example(plan: std::sync::Arc<dyn gugus_features::ExecutionPlan>) -> Result<(), gugus_submit::SubmitError> {
//! use gugus_submit::{InProcess, Jobs, Pace};
//! use tokio_util::sync::CancellationToken;
//!
//! let cluster = InProcess::new(2);
//! let jobs = Jobs::on(&cluster, "crime run 7", CancellationToken::new()).await;
//! let rows = jobs.run("location batches 1-9", &Pace::default(), plan).await?;
//! # Ok(()) }
//! ```

mod data_or_machine;
mod error;
mod halving;
mod in_process;
mod jobs;
mod pace;
mod submit;

pub use data_or_machine::Fault;
pub use error::SubmitError;
pub use halving::Parts;
pub use in_process::InProcess;
pub use jobs::Jobs;
pub use pace::{Pace, Patience};
pub use submit::Submit;
