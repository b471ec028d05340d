//! What became of the models, as the training tells it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use gugus_progress::{ModelReport, Outcome};
use gugus_spec::Job;
use gugus_train::{Observer, Report};
use tokio::sync::watch;

/// A model's name, and its batch or window.
type Name = (String, Option<u64>, Option<String>);

/// The last line of each model, and whether the training has caught up.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    lines: Mutex<BTreeMap<Name, ModelReport>>,
    caught_up: watch::Sender<bool>,
}

impl Watched {
    /// Waits until everything that was there has been looked at.
    pub(crate) async fn caught_up(&self) {
        // The sender lives as long as this.
        let _ = self.caught_up.subscribe().wait_for(|so| *so).await;
    }

    /// The models until then, in the order of the job file.
    pub(crate) fn report(&self, job: &Job, seconds: f64) -> Report {
        let lines = self.lines.lock();
        let lines = lines.unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = |outcome| lines.values().filter(|line| line.status == outcome).count() as u64;
        let place = |line: &ModelReport| {
            job.models
                .iter()
                .position(|model| model.name.as_str() == line.model)
        };
        let mut models: Vec<ModelReport> = lines.values().cloned().collect();
        models.sort_by_key(place);
        Report {
            trained: count(Outcome::Trained),
            failed: count(Outcome::Failed),
            skipped: count(Outcome::Skipped),
            seconds,
            models,
            ..Report::default()
        }
    }
}

impl Observer for Watched {
    fn model(&self, line: &ModelReport) {
        // Later models are on the pages, and would take memory for ever.
        if *self.caught_up.borrow() {
            return;
        }
        let key = (line.model.clone(), line.batch, line.window.clone());
        let lines = self.lines.lock();
        let mut lines = lines.unwrap_or_else(std::sync::PoisonError::into_inner);
        lines.insert(key, line.clone());
    }

    fn caught_up(&self) {
        self.caught_up.send_replace(true);
    }
}
