//! How good a saved model is: its cost, how well its clusters are separated, and how other numbers of clusters would
//! do.
//!
//! [`Subject::find`] finds a saved model and the batches that it was trained on. [`Subject::evaluate`] then gives the
//! figures, and [`Subject::sample`] the rows that a map of the model shows.
//!
//! # Guarantees
//! * Rows become points as `model.json` says, through the same plan node as in training. So an evaluation sees exactly
//!   the rows that the model was trained on, even if the job file has changed since.
//! * The batches are those of the training, by `commit_id` and offsets, unless the caller asks for others.
//! * All sums are exact. So the figures do not depend on how batches are cut or on the executors.
//! * Nothing is written.
//!
//! # What it is not
//! It starts no cluster: the caller hands one in. It draws nothing: `gugus-plot` does.
//!
//! # Why not in `gugus-train`
//! Training decides what to fit, and writes models. An evaluation only reads. The two share only the passes over the
//! rows.
//!
//! # Example
//! ```no_run
//! # async fn example(cluster: &dyn gugus_submit::Submit) -> Result<(), Box<dyn std::error::Error>> {
//! use gugus_evaluate::{On, Subject, Which};
//! use gugus_files::Store;
//! use tokio_util::sync::CancellationToken;
//!
//! let (models, batches) = (Store::open("data/models")?, Store::open("data/batch")?);
//! let subject = Subject::find(models, batches, "location", Which::Latest, On::Trained).await?;
//! let stop = CancellationToken::new();
//! let evaluation = subject.evaluate(cluster, None, &Default::default(), &stop).await?;
//! println!("{:?}", evaluation.silhouette);
//! # Ok(()) }
//! ```

mod elbow;
mod error;
mod evaluate;
mod figures;
mod sample;
mod subject;

pub use error::Error;
pub use figures::{ClusterFigures, ElbowPoint, Evaluation};
pub use subject::{On, Subject, Which};
