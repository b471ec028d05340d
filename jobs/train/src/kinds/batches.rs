//! One model for each batch, fitted by itself: many batches of one model are one Ballista job, a wave.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use futures::{StreamExt, stream};
use gugus_models::Extent;
use gugus_progress::ModelReport;
use gugus_spec::{BatchNumber, Model, Scope};
use gugus_submit::{Jobs, Pace};

use crate::compare::Differing;
use crate::error::Result;
use crate::kind::{Needs, TrainingKind};
use crate::line;
use crate::report::Report;
use crate::run::{Run, WRITES_AT_ONCE};
use crate::wave::{WAVE, Waves};
use crate::work::ModelWork;

/// Waves under way at the same time: while one is fitted, the models of another are written.
const WAVES_AT_ONCE: usize = 2;

/// Models, each with the batches that want one.
#[derive(Debug, Default)]
pub(super) struct PerBatch {
    wanted: Vec<(ModelWork, BTreeSet<BatchNumber>)>,
    pace: Pace,
}

#[async_trait(?Send)]
impl TrainingKind for PerBatch {
    fn takes(&self, model: &Model) -> bool {
        model.scope == Scope::Batch
    }

    async fn find(&mut self, run: &Run, work: ModelWork, report: &mut Report) -> Differing {
        let name = &work.model.name;
        let listed = run.listed(name);
        let listed = listed.filter(|number| run.batches.get(*number).is_some());
        let there = run.there(name, listed).await?;
        let (mut pending, mut differing) = (BTreeSet::new(), Vec::new());
        for (number, facts) in run.batches.iter() {
            let of = Extent::Batch(number);
            match there.get(&number) {
                _ if facts.rows == 0 => report.push(line::no_rows(name, number)),
                _ if run.is_pruned(name, number) => {
                    report.push(line::pruned(name, number, facts.rows));
                }
                None if run.failed_before(&work, &of, number..=number) => {}
                None => _ = pending.insert(number),
                Some(about) => match run.difference_of_batch(&work.model, &of, about, facts) {
                    Some(difference) => differing.push(difference),
                    None => report.push(line::there(name, &of, about)),
                },
            }
        }
        self.wanted.push((work, pending));
        Ok(differing)
    }

    fn pending(&self) -> u64 {
        let wanted = self.wanted.iter();
        wanted.map(|(_, batches)| batches.len() as u64).sum()
    }

    fn planned(&self, run: &Run) -> Vec<ModelReport> {
        let of_model = |(work, batches): &(ModelWork, BTreeSet<BatchNumber>)| {
            run.planned_batches(&work.model.name, batches)
        };
        self.wanted.iter().flat_map(of_model).collect()
    }

    async fn train(&mut self, run: &Run, jobs: &Jobs<'_>, report: &mut Report) -> Result {
        let halt = jobs.stop().child_token();
        for (_, wanted) in &mut self.wanted {
            // Others were pruned since, and give no answer.
            wanted.retain(|number| run.batches.get(*number).is_some());
        }
        let (jobs, pace) = (&jobs.until(halt.clone()), &self.pace);
        let mut cut = Vec::new();
        for (model, (_, numbers)) in self.wanted.iter().enumerate() {
            let numbers: Vec<BatchNumber> = numbers.iter().copied().collect();
            cut.extend(numbers.chunks(WAVE).map(|wave| (model, wave.to_vec())));
        }
        let works: Vec<&ModelWork> = self.wanted.iter().map(|(work, _)| work).collect();
        let works = &works;
        let waves = cut.into_iter().map(|(model, numbers)| async move {
            let waves = Waves {
                jobs,
                pace,
                work: works[model],
                batches: &run.batches,
            };
            let mut lines = Vec::new();
            let trained = train_wave(run, waves, &numbers, &mut lines).await;
            (model, lines, trained)
        });
        let mut done = stream::iter(waves).buffer_unordered(WAVES_AT_ONCE);
        let (mut first, mut ended) = (Ok(()), Vec::new());
        while let Some((model, lines, result)) = done.next().await {
            let numbers = lines.iter().filter_map(|line: &ModelReport| line.batch);
            ended.extend(numbers.filter_map(|n| Some((model, BatchNumber::new(n)?))));
            report.extend(lines);
            if let Err(error) = result {
                // The other waves are stopped, not dropped, so that each can see to its own Ballista job.
                halt.cancel();
                first = first.and(Err(error));
            }
        }
        drop(done);
        for (model, number) in ended {
            self.wanted[model].1.remove(&number);
        }
        first
    }

    fn add(&mut self, run: &Run, came: &[BatchNumber], report: &mut Report) {
        for (work, wanted) in &mut self.wanted {
            for number in came {
                match run.batches.rows(*number..=*number) {
                    0 => report.push(line::no_rows(&work.model.name, *number)),
                    _ => _ = wanted.insert(*number),
                }
            }
        }
    }

    fn reads(&self) -> Option<RangeInclusive<BatchNumber>> {
        let numbers = || self.wanted.iter().flat_map(|(_, numbers)| numbers);
        Some(*numbers().min()?..=*numbers().max()?)
    }

    fn needs(&self) -> Needs {
        Needs::Newest(0)
    }

    fn forget(&mut self, before: BatchNumber) {
        for (_, wanted) in &mut self.wanted {
            *wanted = wanted.split_off(&before);
        }
    }

    fn beside(&self) -> Option<Box<dyn TrainingKind>> {
        let works = self.wanted.iter().map(|(work, _)| work.clone());
        Some(Box::new(Self {
            wanted: works.map(|work| (work, BTreeSet::new())).collect(),
            pace: Pace::default(),
        }))
    }
}

/// Fits one wave and writes its models. What was done before an error is among the lines.
async fn train_wave(
    run: &Run,
    waves: Waves<'_>,
    numbers: &[BatchNumber],
    lines: &mut Vec<ModelReport>,
) -> Result {
    run.observer.begun(&waves.work.model.name, numbers);
    let mut outcomes = waves.fit(numbers).await?;
    let writes = numbers.iter().filter_map(|number| {
        let outcome = outcomes.remove(&number.get())?;
        let of = Extent::Batch(*number);
        Some(run.save(waves.work, of, *number..=*number, outcome, run.existing))
    });
    let mut writes = stream::iter(writes).buffer_unordered(WRITES_AT_ONCE);
    let mut first = Ok(());
    while let Some(written) = writes.next().await {
        match written {
            Ok(line) => {
                run.progress.advance(1);
                lines.push(line);
            }
            Err(error) => first = first.and(Err(error)),
        }
    }
    first
}
