//! The run itself.

use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use gugus_clusters::Centers;
use gugus_engine::{Access, Cluster, ClusterError};
use gugus_features::{AllFile, FitOutcome, Fitted, WaveFile};
use gugus_kmeans_all::StepReport;
use gugus_models::{Existing, Extent, ModelDraft, ModelStore};
use gugus_spec::BatchNumber;
use tokio_util::sync::CancellationToken;

use crate::all::{self, AllOutcome};
use crate::error::Error;
use crate::existing;
use crate::prepare::{BatchFacts, ModelWork, Pending, Prepared, empty, over_batches};
use crate::report::{ModelReport, Outcome, Report};
use crate::retry::Pace;
use crate::save::{draft, save, trained};
use crate::wave::{self, WaveContext};

/// Batches in one Ballista job. A job costs some 20 ms whatever is in it, and every file of it 1.3 kB in the task's
/// status; 500 keeps both far from mattering and gives progress and a place to go on from every second or so.
pub(crate) const WAVE: usize = 500;

/// Waves under way at the same time: while one is fitted, the models of another are written.
const WAVES_AT_ONCE: usize = 2;

/// Model folders written at the same time; each is seven small files.
pub(crate) const WRITES_AT_ONCE: usize = 8;

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
            self.on_cluster(scheduler.into(), &stop, &mut report).await
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

    async fn on_cluster(
        &self,
        scheduler: Access,
        stop: &CancellationToken,
        report: &mut Report,
    ) -> Result<(), Error> {
        let (cluster, groups) = connect(scheduler).await?;
        let run = self.config.run.clone().unwrap_or_else(|| {
            let mut made_up = uuid::Uuid::new_v4().simple().to_string();
            made_up.truncate(8);
            made_up
        });
        let context = WaveContext {
            cluster: &cluster,
            store: self.config.batches.registry_url(),
            groups,
            label: format!("{} run {run}", self.config.job.name),
            pace: Pace::default(),
        };
        self.config.progress.set_length(self.pending());
        let result = self.models(&context, stop, report).await;
        cluster.settle().await;
        result
    }

    async fn models(
        &self,
        context: &WaveContext<'_>,
        stop: &CancellationToken,
        report: &mut Report,
    ) -> Result<(), Error> {
        // Which windows there are comes first: a model among theirs that differs is found before anything is written.
        let windows = self.find_windows(context, stop, report).await?;
        self.waves(context, stop, report).await?;
        self.chains(context, stop, report).await?;
        self.wholes(context, stop, report).await?;
        self.windows(context, windows, stop, report).await
    }

    /// Models of single batches.
    async fn waves(
        &self,
        context: &WaveContext<'_>,
        stop: &CancellationToken,
        report: &mut Report,
    ) -> Result<(), Error> {
        let models = ModelStore::new(self.config.models.clone());
        let halt = stop.child_token();
        let waves = self.work.iter().flat_map(|work| {
            let numbers = match &work.pending {
                Pending::Batches(numbers) => numbers.as_slice(),
                Pending::Chain(_) | Pending::Everything(_) | Pending::Windows(..) => &[],
            };
            numbers.chunks(WAVE).map(move |numbers| (work, numbers))
        });
        let mut done = stream::iter(waves)
            .map(|(work, numbers)| self.wave(context, &models, work, numbers, &halt))
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
        first
    }

    /// Models over everything, one after another: each keeps the whole cluster busy.
    async fn wholes(
        &self,
        context: &WaveContext<'_>,
        stop: &CancellationToken,
        report: &mut Report,
    ) -> Result<(), Error> {
        for work in &self.work {
            if let Pending::Everything(numbers) = &work.pending
                && !numbers.is_empty()
            {
                report.push(self.whole(context, work, numbers, stop).await?);
                self.config.progress.inc(1);
            }
        }
        self.config.progress.set_message("");
        Ok(())
    }

    /// Fits and writes one model over everything.
    async fn whole(
        &self,
        context: &WaveContext<'_>,
        work: &ModelWork,
        numbers: &[BatchNumber],
        stop: &CancellationToken,
    ) -> Result<ModelReport, Error> {
        let Some(params) = work.model.algorithm.kmeans() else {
            return Err(over_batches(&work.model));
        };
        let facts: Vec<&BatchFacts> = numbers.iter().filter_map(|n| self.batches.get(n)).collect();
        let files: Vec<AllFile> = facts.iter().map(|facts| facts.all_file()).collect();
        let name = &work.model.name;
        let progress = |done: &StepReport| {
            let cost = done
                .cost
                .map_or_else(String::new, |cost| format!(", cost {cost:.6e}"));
            let message = format!("{name}: pass {} ({}){cost}", done.pass, done.step);
            self.config.progress.set_message(message);
        };
        let fit = match all::fit(context, work, params, &files, &progress, stop).await? {
            AllOutcome::Trained(fit) => fit,
            AllOutcome::Failed { reason, rows } => {
                return Ok(ModelReport {
                    status: Outcome::Failed,
                    reason: Some(reason),
                    ..empty(name, &Extent::All, rows)
                });
            }
        };
        let newest = self.batches.values().next_back();
        let fitted = Fitted {
            model: gugus_clusters::Fitted::Centers(Centers {
                centers: fit.centers,
                distance_measure: params.distance_measure,
            }),
            sizes: fit.sizes,
            noise: 0,
            rows: fit.rows,
            dropped: fit.dropped,
            iterations: fit.iterations,
            training_cost: fit.training_cost,
        };
        let draft = ModelDraft {
            commit_id: newest.map(|facts| facts.commit_id.clone()),
            offsets: existing::offsets(self.batches.values()),
            rejected: self.batches.values().map(|facts| facts.rejected).sum(),
            ..draft(&self.config, work, fitted)
        };
        let models = ModelStore::new(self.config.models.clone());
        // One that is there lacks the newest batches, or the user asked for it to be trained again.
        save(&models, work, draft, Existing::Replace).await
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
            Some(self.write(models, work, (number, facts), outcome))
        });
        stream::iter(writes)
            .buffer_unordered(WRITES_AT_ONCE)
            .inspect_ok(|_| self.config.progress.inc(1))
            .try_collect()
            .await
    }

    /// Writes a batch's trained model, or reports why there is none.
    async fn write(
        &self,
        models: &ModelStore,
        work: &ModelWork,
        (number, facts): (BatchNumber, &BatchFacts),
        outcome: FitOutcome,
    ) -> Result<ModelReport, Error> {
        let extent = Extent::Batch(number);
        let fitted = match trained(work, &extent, outcome) {
            Ok(fitted) => fitted,
            Err(line) => return Ok(*line),
        };
        let draft = ModelDraft {
            extent,
            commit_id: Some(facts.commit_id.clone()),
            offsets: facts.ranges.clone(),
            rejected: facts.rejected,
            ..draft(&self.config, work, fitted)
        };
        save(models, work, draft, self.config.existing).await
    }
}

/// Connects to a cluster, and says into how many groups of files its jobs are best cut.
pub(crate) async fn connect(scheduler: Access) -> Result<(Cluster, usize), Error> {
    let cluster = Cluster::connect(scheduler.clone()).await?;
    let slots = cluster.task_slots().await;
    if slots == Some(0) {
        tracing::warn!(scheduler = %scheduler.url, "no executor has registered with the scheduler yet; the run waits for one");
    }
    // One group of files a slot; Ballista gives a lone group one slot only, whatever is free.
    Ok((cluster, slots.unwrap_or(0).max(2)))
}
