//! Observers of the training: one passes all it hears on to several, and one ends a training that has caught up.

use std::sync::Arc;

use gugus_progress::{Lag, ModelReport, PassReport};
use gugus_spec::{BatchNumber, ModelName};
use gugus_train::Observer;
use tokio_util::sync::CancellationToken;

/// Passes all that it hears on to each of them.
#[derive(Debug)]
pub(crate) struct All(pub(crate) Vec<Arc<dyn Observer>>);

impl Observer for All {
    fn model(&self, line: &ModelReport) {
        self.0.iter().for_each(|observer| observer.model(line));
    }

    fn promotion(&self, line: &ModelReport) {
        self.0.iter().for_each(|observer| observer.promotion(line));
    }

    fn begun(&self, model: &ModelName, batches: &[BatchNumber]) {
        self.0
            .iter()
            .for_each(|observer| observer.begun(model, batches));
    }

    fn pass(&self, pass: &PassReport) {
        self.0.iter().for_each(|observer| observer.pass(pass));
    }

    fn caught_up(&self) {
        self.0.iter().for_each(|observer| observer.caught_up());
    }

    fn lag(&self, lag: Lag) {
        self.0.iter().for_each(|observer| observer.lag(lag));
    }
}

/// Cancels its token when everything that was there has been looked at.
#[derive(Debug)]
pub(crate) struct UntilCaughtUp(pub(crate) CancellationToken);

impl Observer for UntilCaughtUp {
    fn caught_up(&self) {
        self.0.cancel();
    }
}
