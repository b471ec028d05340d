//! One model for each batch, fitted by itself: many batches of one model are one Ballista job, a wave.

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use gugus_models::Extent;
use gugus_progress::ModelReport;
use gugus_spec::{BatchNumber, Model, Scope};
use gugus_submit::{Jobs, Pace};

use crate::compare::Differing;
use crate::error::Result;
use crate::kind::TrainingKind;
use crate::line;
use crate::report::Report;
use crate::run::{Run, WRITES_AT_ONCE};
use crate::wave::{WAVE, Waves};
use crate::work::ModelWork;

/// Waves under way at the same time: while one is fitted, the models of another are written.
const WAVES_AT_ONCE: usize = 2;

/// Models, each with the batches that want one.
#[derive(Debug, Default)]
pub(super) struct PerBatch(Vec<(ModelWork, Vec<BatchNumber>)>);

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
        let (mut pending, mut differing) = (Vec::new(), Vec::new());
        for (number, facts) in run.batches.iter() {
            let of = Extent::Batch(number);
            match there.get(&number) {
                _ if facts.rows == 0 => report.push(line::no_rows(name, number)),
                _ if run.is_pruned(name, number) => {
                    report.push(line::pruned(name, number, facts.rows));
                }
                None => pending.push(number),
                Some(about) => match run.difference_of_batch(&work.model, &of, about, facts) {
                    Some(difference) => differing.push(difference),
                    None => report.push(line::there(name, &of, about)),
                },
            }
        }
        self.0.push((work, pending));
        Ok(differing)
    }

    fn pending(&self) -> u64 {
        self.0.iter().map(|(_, batches)| batches.len() as u64).sum()
    }

    fn planned(&self, run: &Run) -> Vec<ModelReport> {
        let of_model = |(work, batches): &(ModelWork, Vec<BatchNumber>)| {
            run.planned_batches(&work.model.name, batches)
        };
        self.0.iter().flat_map(of_model).collect()
    }

    async fn train(&mut self, run: &Run, jobs: &Jobs<'_>, report: &mut Report) -> Result {
        let halt = jobs.stop().child_token();
        let (jobs, pace) = (&jobs.until(halt.clone()), &Pace::default());
        let waves = self.0.iter().flat_map(|(work, numbers)| {
            let waves = Waves {
                jobs,
                pace,
                work,
                batches: &run.batches,
            };
            let cut = numbers.chunks(WAVE);
            cut.map(move |numbers| train_wave(run, waves, numbers))
        });
        let mut done = stream::iter(waves).buffer_unordered(WAVES_AT_ONCE);
        let mut first = Ok(());
        while let Some(result) = done.next().await {
            match result {
                Ok(lines) => report.extend(lines),
                Err(error) => {
                    // The other waves are stopped, not dropped, so that each can see to its own Ballista job.
                    halt.cancel();
                    first = first.and(Err(error));
                }
            }
        }
        first
    }
}

/// Fits one wave and writes its models.
async fn train_wave(
    run: &Run,
    waves: Waves<'_>,
    numbers: &[BatchNumber],
) -> Result<Vec<ModelReport>> {
    run.observer.begun(&waves.work.model.name, numbers);
    let mut outcomes = waves.fit(numbers).await?;
    let writes = numbers.iter().filter_map(|number| {
        let outcome = outcomes.remove(&number.get())?;
        let of = Extent::Batch(*number);
        Some(run.save(waves.work, of, *number..=*number, outcome, run.existing))
    });
    stream::iter(writes)
        .buffer_unordered(WRITES_AT_ONCE)
        .inspect_ok(|_| run.progress.advance(1))
        .try_collect()
        .await
}
