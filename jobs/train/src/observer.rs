//! Who is told what a run does, while the run does it.

use std::fmt::Debug;

use gugus_progress::{Lag, ModelReport, PassReport};
use gugus_spec::{BatchNumber, ModelName};

/// Is told what a run does, while the run does it. The driver waits for each call, so a call must be quick.
///
/// The observer may get several lines for one model; the last one counts. `minibatch` may train a model that it had reported as
/// skipped.
pub trait Observer: Debug + Send + Sync {
    /// A model is to be trained, is left alone, was written, or failed; the line's status says which.
    fn model(&self, _line: &ModelReport) {}

    /// A new model was judged, and took an alias or did not; the line's `promotion` says which, and why.
    fn promotion(&self, _line: &ModelReport) {}

    /// The models of these batches are being fitted from now on.
    fn begun(&self, _model: &ModelName, _batches: &[BatchNumber]) {}

    /// A pass over all batches ended.
    fn pass(&self, _pass: &PassReport) {}

    /// Everything that was there when [`follow`](crate::follow) began has been looked at. Told once.
    fn caught_up(&self) {}

    /// How far [`follow`](crate::follow) is behind the batches, whenever that changes.
    fn lag(&self, _lag: Lag) {}
}

/// An observer that ignores everything.
impl Observer for () {}
