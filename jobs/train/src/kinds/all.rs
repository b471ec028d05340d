//! One model over all batches: one Ballista job per pass, until the fit is done.

use async_trait::async_trait;
use gugus_kmeans_all::StepReport;
use gugus_models::{Existing, Extent, ModelError};
use gugus_progress::{ModelReport, PassReport};
use gugus_spec::{BatchNumber, Model, Retrain, Scope};
use gugus_submit::Jobs;
use tokio::time::Instant;

use crate::compare::{Differing, has_seen};
use crate::error::{Error, Result};
use crate::kind::{Due, TrainingKind};
use crate::line;
use crate::passes::Passes;
use crate::report::Report;
use crate::run::Run;
use crate::work::ModelWork;

/// Models, each with what is to be done.
#[derive(Debug, Default)]
pub(super) struct OverAll(Vec<AllWork>);

/// A model and what came since it was trained.
#[derive(Debug)]
struct AllWork {
    work: ModelWork,
    /// Whether it is to be trained whatever came.
    wanted: bool,
    /// What came since the last training began.
    news: News,
    /// How many rows there were when the last training began.
    rows: u64,
    /// When the last training began.
    began: Instant,
}

/// Batches that a model has not seen.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    batches: u64,
    rows: u64,
}

impl AllWork {
    fn new(work: ModelWork, wanted: bool, rows: u64) -> Self {
        Self {
            work,
            wanted,
            news: News::default(),
            rows,
            began: Instant::now(),
        }
    }

    /// When the job file wants it to be trained again.
    fn due(&self) -> Due {
        let News { batches, rows } = self.news;
        let now = |is: bool| if is { Due::Now } else { Due::Idle };
        let at = |time: Instant| {
            if time <= Instant::now() {
                Due::Now
            } else {
                Due::At(time)
            }
        };
        match self.work.model.retrain.unwrap_or_default() {
            _ if self.wanted => Due::Now,
            _ if rows == 0 => Due::Idle,
            Retrain::Batches(wanted) => now(batches >= wanted.get()),
            // After more years than a clock has, never.
            Retrain::Every(time) => self.began.checked_add(time).map_or(Due::Idle, at),
            Retrain::Growth(share) => now(rows as f64 >= share * self.rows as f64),
        }
    }
}

#[async_trait(?Send)]
impl TrainingKind for OverAll {
    fn takes(&self, model: &Model) -> bool {
        model.scope == Scope::All && model.algorithm.kmeans().is_some()
    }

    async fn find(&mut self, run: &Run, work: ModelWork, report: &mut Report) -> Differing {
        let (name, of) = (&work.model.name, Extent::All);
        let Some(newest) = run.batches.newest().filter(|_| run.batches.rows(..) > 0) else {
            report.push(line::skipped(name, &of, 0, "no batch has rows"));
            self.0.push(AllWork::new(work, false, 0));
            return Ok(Vec::new());
        };
        let rows = run.batches.rows(..);
        if let Some(about) = run.there(name, [of.clone()]).await?.get(&of) {
            if let Some(difference) = run.difference(&work.model, &of, about) {
                return Ok(vec![difference]);
            }
            if has_seen(about, newest) && about.offsets == run.batches.origin(..).offsets {
                report.push(line::there(name, &of, about));
                self.0.push(AllWork::new(work, false, rows));
                return Ok(Vec::new());
            }
        }
        let wanted = !run.failed_before(&work, &of, ..);
        self.0.push(AllWork::new(work, wanted, rows));
        Ok(Vec::new())
    }

    fn pending(&self) -> u64 {
        let due = self.0.iter().filter(|of| of.due() == Due::Now);
        due.count() as u64
    }

    fn planned(&self, run: &Run) -> Vec<ModelReport> {
        let rows = run.batches.rows(..);
        let due = self.0.iter().filter(|of| of.due() == Due::Now);
        let planned = |of: &AllWork| line::planned(&of.work.model.name, &Extent::All, rows);
        due.map(planned).collect()
    }

    /// One after another: each keeps the whole cluster busy.
    async fn train(&mut self, run: &Run, jobs: &Jobs<'_>, report: &mut Report) -> Result {
        for of in self.0.iter_mut().filter(|of| of.due() == Due::Now) {
            let (began, rows) = (Instant::now(), run.batches.rows(..));
            let line = fit(run, jobs, &of.work).await?;
            *of = AllWork {
                began,
                ..AllWork::new(of.work.clone(), false, rows)
            };
            report.push(line);
            run.progress.advance(1);
        }
        run.progress.say("");
        Ok(())
    }

    fn add(&mut self, run: &Run, came: &[BatchNumber], _report: &mut Report) {
        for AllWork { news, .. } in &mut self.0 {
            for number in came {
                news.batches += 1;
                news.rows += run.batches.rows(*number..=*number);
            }
        }
    }

    fn due(&self) -> Due {
        let due = self.0.iter().map(AllWork::due);
        due.min().unwrap_or(Due::Idle)
    }
}

/// Trains a model and writes it.
async fn fit(run: &Run, jobs: &Jobs<'_>, work: &ModelWork) -> Result<ModelReport> {
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
    let start = last_centers(run, work).await?;
    let outcome = Passes::fit(jobs, work, &run.batches, start, &told).await?;
    // One that is there lacks the newest batches, or the user asked for it to be trained again.
    let saved = run.save(work, Extent::All, .., outcome, Existing::Replace);
    saved.await
}

/// The centers to begin with, where the job file says so and there are as many as it wants.
async fn last_centers(run: &Run, work: &ModelWork) -> Result<Option<Vec<Vec<f64>>>> {
    if !work.model.warm_start || run.existing == Existing::Replace {
        return Ok(None);
    }
    let saved = match run.models.read(work.model.name.as_str(), Extent::All).await {
        Ok(saved) => saved,
        Err(ModelError::NotFound { .. } | ModelError::Torn { .. }) => return Ok(None),
        Err(error) => return Err(Error::Models(error)),
    };
    let centers = saved.fitted.centers().map(<[_]>::to_vec);
    Ok(centers.filter(|centers| Some(centers.len()) == work.model.algorithm.k()))
}
