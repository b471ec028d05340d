//! The run itself.

use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use gugus_engine::{Access, Cluster, ClusterError};
use gugus_features::{FitOutcome, Fitted, WaveFile};
use gugus_store::{BatchNumber, ModelDraft, ModelStore};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::prepare::{BatchFacts, Config, ModelWork, Prepared, empty, path};
use crate::report::{ModelReport, Outcome, Report};
use crate::wave::{self, WaveContext};

/// Batches in one Ballista job. A job costs some 20 ms whatever is in it, and every file of it 1.3 kB in the task's
/// status; 500 keeps both far from mattering and gives progress and a place to go on from every second or so.
const WAVE: usize = 500;

/// Waves under way at the same time: while one is fitted, the models of another are written.
const WAVES_AT_ONCE: usize = 2;

/// Model folders written at the same time; each is seven small files.
const WRITES_AT_ONCE: usize = 8;

impl Prepared {
    /// Trains what is pending on the cluster at `scheduler`.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after `stop`, with what was done; [`Error::Cluster`] when the cluster fails as a whole;
    /// [`Error::Write`] when a model cannot be written. What was written until then stays.
    pub async fn train(
        mut self,
        scheduler: impl Into<Access>,
        stop: CancellationToken,
    ) -> Result<Report, Error> {
        let began = Instant::now();
        let mut report = std::mem::take(&mut self.report);
        let result = if self.pending() == 0 {
            Ok(())
        } else {
            self.waves(scheduler.into(), &stop, &mut report).await
        };
        report.seconds = began.elapsed().as_secs_f64();
        self.report = report;
        match result {
            Ok(()) => Ok(self.finish()),
            Err(Error::Cluster(ClusterError::Cancelled)) => Err(Error::Interrupted {
                report: Box::new(self.finish()),
            }),
            Err(error) => Err(error),
        }
    }

    async fn waves(
        &self,
        scheduler: Access,
        stop: &CancellationToken,
        report: &mut Report,
    ) -> Result<(), Error> {
        let cluster = Cluster::connect(scheduler.clone()).await?;
        let slots = cluster.task_slots().await;
        if slots == Some(0) {
            tracing::warn!(scheduler = %scheduler.url, "no executor has registered with the scheduler yet; the run waits for one");
        }
        let run = uuid::Uuid::new_v4().simple().to_string();
        let context = WaveContext {
            cluster: &cluster,
            store: self.config.batches.registry_url(),
            // One group of files a slot; Ballista gives a lone group one slot only, whatever is free.
            groups: slots.unwrap_or(0).max(2),
            label: format!("{} run {}", self.config.job.name, &run[..8]),
        };
        let models = ModelStore::new(self.config.models.clone());
        self.config.progress.set_length(self.pending());

        let halt = stop.child_token();
        let waves = self.work.iter().flat_map(|work| {
            work.pending
                .chunks(WAVE)
                .map(move |numbers| (work, numbers))
        });
        let mut done = stream::iter(waves)
            .map(|(work, numbers)| self.wave(&context, &models, work, numbers, &halt))
            .buffer_unordered(WAVES_AT_ONCE);
        let mut first = Ok(());
        while let Some(result) = done.next().await {
            match result {
                Ok(lines) => lines.into_iter().for_each(|line| report.push(line)),
                Err(error) => {
                    // The other waves are stopped, not dropped, so that each can see to its own Ballista job.
                    halt.cancel();
                    first = first.and(Err(error));
                }
            }
        }
        drop(done);
        cluster.settle().await;
        first
    }

    /// Fits one wave and writes its models.
    async fn wave(
        &self,
        context: &WaveContext<'_>,
        models: &ModelStore,
        work: &ModelWork,
        numbers: &[BatchNumber],
        stop: &CancellationToken,
    ) -> Result<Vec<ModelReport>, Error> {
        let facts: Vec<(BatchNumber, &BatchFacts)> = numbers
            .iter()
            .filter_map(|number| Some((*number, self.batches.get(number)?)))
            .collect();
        let files: Vec<WaveFile> = facts.iter().map(|(_, facts)| facts.file.clone()).collect();
        let mut outcomes = wave::fit(context, work, files, stop).await?;
        let writes = facts.into_iter().filter_map(|(number, facts)| {
            let outcome = outcomes.remove(&number.get())?;
            Some(write(&self.config, models, work, number, facts, outcome))
        });
        stream::iter(writes)
            .buffer_unordered(WRITES_AT_ONCE)
            .inspect_ok(|_| self.config.progress.inc(1))
            .try_collect()
            .await
    }
}

/// Writes a trained model, or reports why there is none.
async fn write(
    config: &Config,
    models: &ModelStore,
    work: &ModelWork,
    number: BatchNumber,
    facts: &BatchFacts,
    outcome: FitOutcome,
) -> Result<ModelReport, Error> {
    let name = &work.model.name;
    let fitted = match outcome {
        FitOutcome::Trained(fitted) => fitted,
        FitOutcome::Failed { reason, rows } => {
            return Ok(ModelReport {
                status: Outcome::Failed,
                reason: Some(reason),
                ..empty(name, number, rows)
            });
        }
    };
    let draft = draft(config, work, number, facts, fitted);
    let written = models
        .write(&draft, config.existing)
        .await
        .map_err(|source| Error::Write {
            model: name.clone(),
            batch: number,
            source,
        })?;
    Ok(ModelReport {
        status: Outcome::Trained,
        iterations: Some(written.iterations),
        training_cost: Some(written.training_cost),
        sizes: written.sizes,
        path: Some(path(name, number)),
        ..empty(name, number, written.rows)
    })
}

fn draft(
    config: &Config,
    work: &ModelWork,
    number: BatchNumber,
    facts: &BatchFacts,
    fitted: Fitted,
) -> ModelDraft {
    let model = &work.model;
    ModelDraft {
        job: config.job.name.clone(),
        model: model.name.clone(),
        batch: Some(number),
        commit_id: Some(facts.commit_id.clone()),
        features: model.features.clone(),
        condition: model.condition.clone(),
        weight_col: model.weight_col.clone(),
        handle_invalid: model.handle_invalid,
        columns: work.plan.columns().to_vec(),
        params: model.params.clone(),
        offsets: facts.ranges.clone(),
        rows: fitted.rows,
        rejected: facts.rejected,
        iterations: fitted.iterations,
        training_cost: fitted.training_cost,
        sizes: fitted.sizes,
        centers: fitted.centers,
    }
}
