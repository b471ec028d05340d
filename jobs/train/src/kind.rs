//! What a kind of training does: the trait that each file of `kinds` implements once.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use gugus_progress::ModelReport;
use gugus_spec::{BatchNumber, Model};
use gugus_submit::Jobs;
use tokio::time::Instant;

use crate::compare::Differing;
use crate::error::Result;
use crate::report::Report;
use crate::run::Run;
use crate::work::ModelWork;

/// One kind of training, with the models of a job file that are trained so. Its futures stay on the thread of the run.
#[async_trait(?Send)]
pub(crate) trait TrainingKind: Debug + Send + Sync {
    /// Whether this kind trains such a model.
    fn takes(&self, model: &Model) -> bool;

    /// Takes a model in: reports what is there of it already, keeps what is to be trained, and gives the models that
    /// differ.
    async fn find(&mut self, run: &Run, work: ModelWork, report: &mut Report) -> Differing;

    /// How many models are to be trained, as far as that is known: at least one, where there is something to do.
    fn pending(&self) -> u64;

    /// The report of the models that would be trained.
    fn planned(&self, run: &Run) -> Vec<ModelReport>;

    /// Finds what only the rows show, before any kind writes a model. Gives the models that differ.
    async fn find_in_rows(
        &mut self,
        _run: &Run,
        _jobs: &Jobs<'_>,
        _report: &mut Report,
    ) -> Differing {
        Ok(Vec::new())
    }

    /// Trains what is to be trained. Models that are written before an error stay, are reported, and are not pending any
    /// more.
    async fn train(&mut self, run: &Run, jobs: &Jobs<'_>, report: &mut Report) -> Result;

    /// Takes in batches that came since [`Self::find`], of which there is no model. A run that follows its batches has one
    /// such kind for each model of the job file.
    fn add(&mut self, run: &Run, came: &[BatchNumber], report: &mut Report);

    /// When to train what is pending.
    fn due(&self) -> Due {
        match self.pending() {
            0 => Due::Idle,
            _ => Due::Now,
        }
    }

    /// The batches that the next training reads; `None` for all.
    fn reads(&self) -> Option<RangeInclusive<BatchNumber>> {
        None
    }

    /// Which batches have to be known when others come.
    fn needs(&self) -> Needs {
        Needs::All
    }

    /// Batches before this one were pruned, so no model is to be fitted on them alone.
    fn forget(&mut self, _before: BatchNumber) {}

    /// Another one of the same model, which trains other batches at the same time; `None` where batches have to wait for
    /// one another.
    fn beside(&self) -> Option<Box<dyn TrainingKind>> {
        None
    }
}

/// When a kind trains what is pending, the earliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// At once.
    Now,
    /// At this time.
    At(Instant),
    /// There is nothing to train until more batches come.
    Idle,
}

/// The batches that a kind has to know beside those that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    /// So many of the newest.
    Newest(u64),
    /// All of them.
    All,
}
