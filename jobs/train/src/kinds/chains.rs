//! One model for each batch, each of which goes on from the model of the batch before: `minibatch`.
//!
//! Executors evaluate the features of a wave of batches; the models are fitted here, one after the other, for each begins
//! where the one before ended. What is in memory is the features of one wave.

mod links;

use std::ops::RangeInclusive;

use async_trait::async_trait;
use gugus_clusters::Fitted;
use gugus_features::{FitOutcome, Stop, fit_points};
use gugus_models::{CarriedFrom, Existing, Extent, ModelError};
use gugus_progress::ModelReport;
use gugus_spec::{BatchNumber, Model, Scope};
use gugus_submit::{Jobs, Pace, SubmitError};

use self::links::{Chain, Link};
use crate::compare::Differing;
use crate::error::{Error, Result};
use crate::kind::{Needs, TrainingKind};
use crate::line;
use crate::report::Report;
use crate::run::Run;
use crate::wave::{WAVE, Waves};
use crate::work::ModelWork;

/// The most numbers of a wave, but for a batch that has more by itself: 64 MB, and as much again while they come in.
const NUMBERS_AT_ONCE: u64 = 8_000_000;

/// Models, each with the chain of its batches.
#[derive(Debug, Default)]
pub(super) struct Chains(Vec<ChainWork>);

/// A model and the chain of its batches.
#[derive(Debug)]
struct ChainWork {
    work: ModelWork,
    chain: Chain,
    /// The model that the next batch goes on from, and its batch.
    state: Option<(BatchNumber, Fitted)>,
}

#[async_trait(?Send)]
impl TrainingKind for Chains {
    fn takes(&self, model: &Model) -> bool {
        model.scope == Scope::Batch && model.algorithm.facts().chained
    }

    async fn find(&mut self, run: &Run, work: ModelWork, report: &mut Report) -> Differing {
        let name = &work.model.name;
        let (mut chain, mut differing) = (Chain::default(), Vec::new());
        let oldest = run.batches.iter().next().map(|(number, _)| number);
        // Of batches that were pruned, the newest model is the one that the oldest batch left goes on from.
        let gone = run.listed(name).filter(|n| Some(*n) < oldest).max();
        let listed = run.listed(name);
        let listed = listed.filter(|number| run.batches.get(*number).is_some());
        let there = run.there(name, listed.chain(gone)).await?;
        if let Some((number, about)) = gone.and_then(|number| there.get_key_value(&number)) {
            match run.difference(&work.model, &Extent::Batch(*number), about) {
                Some(difference) => differing.push(difference),
                None => chain.begin(*number, &about.uid),
            }
        }
        let mut broken = None;
        for (number, facts) in run.batches.iter() {
            let of = Extent::Batch(number);
            if facts.rows == 0 {
                report.push(line::no_rows(name, number));
                continue;
            }
            if run.is_pruned(name, number) {
                report.push(line::pruned(name, number, facts.rows));
                continue;
            }
            let about = there.get(&number);
            if about.is_none() && run.failed_before(&work, &of, number..=number) {
                continue;
            }
            // Of models that were pruned, the last is known by the one that went on from it.
            let from = about.and_then(|about| about.carried_from.as_ref());
            if let Some(from) = from.filter(|from| run.is_pruned(name, from.batch)) {
                chain.begin(from.batch, &from.uid);
            }
            let differs =
                about.and_then(|about| run.difference_of_batch(&work.model, &of, about, facts));
            if let Some(difference) = differs {
                differing.push(difference);
                continue;
            }
            match (chain.add(number, about), about) {
                (Link::Kept, Some(about)) => report.push(line::there(name, &of, about)),
                (_, Some(_)) => broken = broken.or(Some(number)),
                (_, None) => {}
            }
        }
        if let Some(first) = broken {
            tracing::warn!(model = %name, first = first.get(), "models went on from one that is not there any more; they are trained again");
        }
        let state = None;
        self.0.push(ChainWork { work, chain, state });
        Ok(differing)
    }

    fn pending(&self) -> u64 {
        let wanted = self.0.iter().map(|of| of.chain.wanted.len() as u64);
        wanted.sum()
    }

    fn planned(&self, run: &Run) -> Vec<ModelReport> {
        let of_model = |of: &ChainWork| run.planned_batches(&of.work.model.name, &of.chain.wanted);
        self.0.iter().flat_map(of_model).collect()
    }

    /// One model of the job file after the other.
    async fn train(&mut self, run: &Run, jobs: &Jobs<'_>, report: &mut Report) -> Result {
        let pace = Pace::default();
        for ChainWork { work, chain, state } in &mut self.0 {
            let waves = Waves {
                jobs,
                pace: &pace,
                work,
                batches: &run.batches,
            };
            let mut training = ChainTraining {
                run,
                work,
                chain,
                state,
            };
            training.train(waves, report).await?;
        }
        Ok(())
    }

    fn add(&mut self, run: &Run, came: &[BatchNumber], report: &mut Report) {
        for ChainWork { work, chain, .. } in &mut self.0 {
            // Those before were looked at, and none but the newest is gone on from.
            chain.forget_old();
            for number in came {
                if run.batches.rows(*number..=*number) > 0 {
                    chain.add(*number, None);
                } else {
                    report.push(line::no_rows(&work.model.name, *number));
                }
            }
        }
    }

    fn reads(&self) -> Option<RangeInclusive<BatchNumber>> {
        let numbers = || self.0.iter().flat_map(|of| &of.chain.wanted);
        Some(*numbers().min()?..=*numbers().max()?)
    }

    fn needs(&self) -> Needs {
        Needs::Newest(0)
    }

    fn forget(&mut self, before: BatchNumber) {
        for of in &mut self.0 {
            of.chain.wanted = of.chain.wanted.split_off(&before);
        }
    }
}

/// The training of one chain.
struct ChainTraining<'a> {
    run: &'a Run,
    work: &'a ModelWork,
    chain: &'a mut Chain,
    /// The model that the next batch goes on from, and its batch.
    state: &'a mut Option<(BatchNumber, Fitted)>,
}

impl ChainTraining<'_> {
    async fn train(&mut self, waves: Waves<'_>, report: &mut Report) -> Result {
        while !self.chain.wanted.is_empty() {
            let numbers = self.next_wave();
            self.run.observer.begun(&self.work.model.name, &numbers);
            let mut points = waves.points(&numbers).await?;
            for number in numbers {
                if waves.jobs.stop().is_cancelled() {
                    return Err(SubmitError::Cancelled.into());
                }
                let before = self.chain.before(number);
                let outcome = match points.remove(&number.get()) {
                    None => {
                        self.chain.wanted.remove(&number);
                        continue;
                    }
                    Some(Err(reason)) => FitOutcome::Failed { reason, rows: 0 },
                    Some(Ok(values)) => {
                        let carried = self.carried(before.as_ref()).await?;
                        let settings = self.work.settings();
                        let stop = Stop::default();
                        let heeded = stop.clone();
                        let _ends_with_this_run = stop.on_drop();
                        let fit = move || fit_points(&settings, carried.as_ref(), &values, &heeded);
                        let fitted = tokio::task::spawn_blocking(fit);
                        let fitted = tokio::select! {
                            fitted = fitted => fitted.ok().and_then(Result::ok),
                            () = waves.jobs.stop().cancelled() => None,
                        };
                        // It ends early only with the run or the process.
                        fitted.ok_or(SubmitError::Cancelled)?
                    }
                };
                let again = self.link(number, before, outcome, report).await?;
                self.chain.wanted.remove(&number);
                self.run.progress.advance(1);
                if again > 0 {
                    // The wave was cut without them.
                    self.run.progress.add_total(again);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Writes and reports the model of a batch, or reports why there is none. Gives how many later batches have to be
    /// trained again.
    async fn link(
        &mut self,
        number: BatchNumber,
        carried_from: Option<CarriedFrom>,
        outcome: FitOutcome,
        report: &mut Report,
    ) -> Result<u64> {
        let (name, of) = (&self.work.model.name, Extent::Batch(number));
        let fitted = match outcome {
            FitOutcome::Trained(fitted) => fitted,
            FitOutcome::Failed { reason, rows } => {
                self.run.note_failed(name, &of, number..=number, &reason);
                self.tell(line::failed(name, &of, rows, reason), report);
                return Ok(0);
            }
        };
        let model = fitted.model.clone();
        let mut draft = self.run.draft(self.work, &of, number..=number, fitted);
        draft.about.carried_from = carried_from;
        // One that is there went on from another than the one before it now, or the user asked for it to be trained again.
        let written = self.run.write(name, &draft, Existing::Replace).await?;
        *self.state = Some((number, model));
        self.tell(line::trained(name, &of, &written), report);
        let again = self.chain.trained(number, written.uid);
        for number in &again {
            report.take_back(name.as_str(), number.get());
        }
        Ok(again.len() as u64)
    }

    fn tell(&self, line: ModelReport, report: &mut Report) {
        self.run.observer.model(&line);
        report.push(line);
    }

    /// The next batches whose features are looked at together.
    fn next_wave(&self) -> Vec<BatchNumber> {
        let mut room = NUMBERS_AT_ONCE / self.work.settings().width().max(1) as u64;
        let mut numbers = Vec::new();
        for number in self.chain.wanted.iter().take(WAVE) {
            let rows = self.run.batches.rows(*number..=*number);
            if rows > room && !numbers.is_empty() {
                break;
            }
            room = room.saturating_sub(rows);
            numbers.push(*number);
        }
        numbers
    }

    /// The model to go on from: the one at hand, or the saved one.
    async fn carried(&mut self, before: Option<&CarriedFrom>) -> Result<Option<Fitted>> {
        let Some(before) = before else {
            return Ok(None);
        };
        if let Some((batch, model)) = &*self.state
            && *batch == before.batch
        {
            return Ok(Some(model.clone()));
        }
        let name = self.work.model.name.as_str();
        let saved = self.run.models.read(name, before.batch).await;
        let saved = saved.map_err(Error::Carried)?;
        if saved.uid != before.uid {
            return Err(Error::Carried(ModelError::Format {
                file: saved.folder,
                reason: "it was replaced while this run went on; run the same command again"
                    .to_owned(),
            }));
        }
        *self.state = Some((before.batch, saved.fitted.clone()));
        Ok(Some(saved.fitted))
    }
}
