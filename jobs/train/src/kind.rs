//! What a kind of training does: the trait that each file of `kinds` implements once.

use std::fmt::Debug;

use async_trait::async_trait;
use gugus_progress::ModelReport;
use gugus_spec::Model;
use gugus_submit::Jobs;

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

    /// Trains what is to be trained. Models that are written before an error stay, and are reported.
    async fn train(&mut self, run: &Run, jobs: &Jobs<'_>, report: &mut Report) -> Result;
}
