//! One model over all batches: one Ballista job per pass, until the fit is done.

use async_trait::async_trait;
use gugus_kmeans_all::StepReport;
use gugus_models::{Existing, Extent};
use gugus_progress::{ModelReport, PassReport};
use gugus_spec::{Model, Scope};
use gugus_submit::Jobs;

use crate::compare::{Differing, has_seen};
use crate::error::Result;
use crate::kind::TrainingKind;
use crate::line;
use crate::passes::Passes;
use crate::report::Report;
use crate::run::Run;
use crate::work::ModelWork;

/// Models that are to be trained.
#[derive(Debug, Default)]
pub(super) struct OverAll(Vec<ModelWork>);

#[async_trait(?Send)]
impl TrainingKind for OverAll {
    fn takes(&self, model: &Model) -> bool {
        model.scope == Scope::All && model.algorithm.kmeans().is_some()
    }

    async fn find(&mut self, run: &Run, work: ModelWork, report: &mut Report) -> Differing {
        let (name, of) = (&work.model.name, Extent::All);
        let Some(newest) = run.batches.newest().filter(|_| run.batches.rows(..) > 0) else {
            report.push(line::skipped(name, &of, 0, "no batch has rows"));
            return Ok(Vec::new());
        };
        if let Some(about) = run.there(name, [of.clone()]).await?.get(&of) {
            if let Some(difference) = run.difference(&work.model, &of, about) {
                return Ok(vec![difference]);
            }
            if has_seen(about, newest) && about.offsets == run.batches.origin(..).offsets {
                report.push(line::there(name, &of, about));
                return Ok(Vec::new());
            }
        }
        self.0.push(work);
        Ok(Vec::new())
    }

    fn pending(&self) -> u64 {
        self.0.len() as u64
    }

    fn planned(&self, run: &Run) -> Vec<ModelReport> {
        let rows = run.batches.rows(..);
        let planned = |work: &ModelWork| line::planned(&work.model.name, &Extent::All, rows);
        self.0.iter().map(planned).collect()
    }

    /// One after another: each keeps the whole cluster busy.
    async fn train(&mut self, run: &Run, jobs: &Jobs<'_>, report: &mut Report) -> Result {
        for work in &self.0 {
            let name = &work.model.name;
            let told = |done: &StepReport| {
                let cost = done
                    .cost
                    .map_or_else(String::new, |cost| format!(", cost {cost}"));
                let (pass, step) = (done.pass, done.step);
                run.progress
                    .say(format!("{name}: pass {pass} ({step}){cost}"));
                run.observer.pass(&PassReport {
                    model: name.to_string(),
                    pass,
                    step: step.to_owned(),
                    cost: done.cost,
                    moved: done.moved,
                });
            };
            let outcome = Passes::fit(jobs, work, &run.batches, &told).await?;
            // One that is there lacks the newest batches, or the user asked for it to be trained again.
            let saved = run.save(work, Extent::All, .., outcome, Existing::Replace);
            report.push(saved.await?);
            run.progress.advance(1);
        }
        run.progress.say("");
        Ok(())
    }
}
