//! The part of a run that trains models which go on from one another.
//!
//! Executors evaluate the features of a wave of batches; the models are fitted here, one after the other, for each begins
//! where the one before ended. What is in memory is the features of one wave.

use std::collections::BTreeMap;

use gugus_clusters::{Fitted, MiniBatch};
use gugus_engine::ClusterError;
use gugus_features::{FitOutcome, WaveFile, fit_points, points_plan, read_points};
use gugus_models::{CarriedFrom, Existing, Extent, ModelDraft, ModelError, ModelStore};
use gugus_spec::BatchNumber;
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::error::Error;
use crate::prepare::{ModelWork, Pending, Prepared};
use crate::report::Report;
use crate::run::WAVE;
use crate::save::{draft, line, trained, write};
use crate::wave::{Parts, WaveContext};

/// The most numbers of a wave, but for a batch that has more by itself: 64 MB, and as much again while they come in.
const NUMBERS_AT_ONCE: u64 = 8_000_000;

/// The centers that the next batch moves on, and the batch they are of.
type State = Option<(BatchNumber, MiniBatch)>;

impl Prepared {
    /// Models that go on from one another, one model of the job file after the other.
    pub(crate) async fn chains(
        &self,
        context: &WaveContext<'_>,
        stop: &CancellationToken,
        report: &mut Report,
    ) -> Result<(), Error> {
        for work in &self.work {
            if let Pending::Chain(chain) = &work.pending {
                self.chain(context, work, chain.clone(), stop, report)
                    .await?;
            }
        }
        Ok(())
    }

    async fn chain(
        &self,
        context: &WaveContext<'_>,
        work: &ModelWork,
        mut chain: Chain,
        stop: &CancellationToken,
        report: &mut Report,
    ) -> Result<(), Error> {
        let models = ModelStore::new(self.config.models.clone());
        let mut state = None;
        while !chain.wanted.is_empty() {
            let numbers = self.next_wave(work, &chain);
            let facts = numbers.iter().filter_map(|n| self.batches.get(n));
            let files = facts.map(|facts| facts.file.clone()).collect();
            let mut points = points(context, work, files, stop).await?;
            for number in numbers {
                if stop.is_cancelled() {
                    return Err(ClusterError::Cancelled.into());
                }
                chain.wanted.remove(&number);
                self.config.progress.inc(1);
                let before = chain.before(number);
                let outcome = match points.remove(&number.get()) {
                    None => continue,
                    Some(Err(reason)) => FitOutcome::Failed { reason, rows: 0 },
                    Some(Ok(values)) => {
                        let carried = carried(&models, work, &before, &mut state).await?;
                        let settings = work.settings();
                        let fit = move || fit_points(&settings, carried.as_ref(), &values);
                        let fitted = tokio::task::spawn_blocking(fit).await;
                        // It ends early only with the process.
                        fitted.map_err(|_| ClusterError::Cancelled)?
                    }
                };
                let later = self
                    .link(&models, work, &mut chain, (number, before), outcome, report)
                    .await?;
                state = later.state.or(state);
                if later.again > 0 {
                    // The wave was cut without them.
                    self.config.progress.inc_length(later.again);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Writes and reports the model of a batch, or reports why there is none.
    async fn link(
        &self,
        models: &ModelStore,
        work: &ModelWork,
        chain: &mut Chain,
        (number, carried_from): (BatchNumber, Option<CarriedFrom>),
        outcome: FitOutcome,
        report: &mut Report,
    ) -> Result<Later, Error> {
        let extent = Extent::Batch(number);
        let fitted = match trained(work, &extent, outcome) {
            Ok(fitted) => fitted,
            Err(line) => {
                report.push(*line);
                return Ok(Later::default());
            }
        };
        let state = match &fitted.model {
            Fitted::MiniBatch(centers) => Some((number, centers.clone())),
            _ => None,
        };
        let facts = self.batches.get(&number);
        let draft = ModelDraft {
            commit_id: facts.map(|facts| facts.commit_id.clone()),
            offsets: facts.map_or_else(Vec::new, |facts| facts.ranges.clone()),
            rejected: facts.map_or(0, |facts| facts.rejected),
            extent,
            carried_from,
            ..draft(&self.config, work, fitted)
        };
        // One that is there went on from another than the one before it now, or the user asked for it to be trained again.
        let written = write(models, work, &draft, Existing::Replace).await?;
        report.push(line(work, &draft.extent, &written));
        let again = chain.trained(number, written.uid);
        for number in &again {
            report.take_back(work.model.name.as_str(), number.get());
        }
        Ok(Later {
            state,
            again: again.len() as u64,
        })
    }

    /// The next batches whose features are looked at together.
    fn next_wave(&self, work: &ModelWork, chain: &Chain) -> Vec<BatchNumber> {
        let mut room = NUMBERS_AT_ONCE / work.settings().width().max(1) as u64;
        let mut numbers = Vec::new();
        for number in chain.wanted.iter().take(WAVE) {
            let rows = self.batches.get(number).map_or(0, |facts| facts.rows);
            if rows > room && !numbers.is_empty() {
                break;
            }
            room = room.saturating_sub(rows);
            numbers.push(*number);
        }
        numbers
    }
}

/// What a new model means for those after it.
#[derive(Debug, Default)]
struct Later {
    /// What the next one goes on from.
    state: State,
    /// How many have to be trained again.
    again: u64,
}

/// The features of each of `files`, by batch number.
async fn points(
    context: &WaveContext<'_>,
    work: &ModelWork,
    files: Vec<WaveFile>,
    stop: &CancellationToken,
) -> Result<BTreeMap<u64, Result<Vec<f64>, String>>, Error> {
    let parts = Parts {
        context,
        pace: &context.pace,
        name: &|files: &[WaveFile]| {
            let number = |file: Option<&WaveFile>| file.map_or(0, |file| file.batch);
            let (first, last) = (number(files.first()), number(files.last()));
            format!(
                "{} {} features of batches {first}-{last}",
                context.label, work.model.name
            )
        },
        plan: &|files: &[WaveFile]| points_plan(&work.plan, context.store, files, context.groups),
        key: &|file: &WaveFile| file.batch,
        read: &read_points,
    };
    parts.run(files, stop).await
}

/// The centers to go on from: those at hand, or those of the model that is there.
async fn carried(
    models: &ModelStore,
    work: &ModelWork,
    before: &Option<CarriedFrom>,
    state: &mut State,
) -> Result<Option<MiniBatch>, Error> {
    let Some(before) = before else {
        return Ok(None);
    };
    if let Some((batch, centers)) = state
        && *batch == before.batch
    {
        return Ok(Some(centers.clone()));
    }
    let name = work.model.name.as_str();
    let saved = models.read(name, before.batch).await;
    let saved = saved.map_err(Error::Carried)?;
    match saved.fitted {
        Fitted::MiniBatch(centers) if saved.uid == before.uid => {
            *state = Some((before.batch, centers.clone()));
            Ok(Some(centers))
        }
        _ => Err(Error::Carried(ModelError::Format {
            file: saved.folder,
            reason: "it was replaced while this run went on; run the same command again".to_owned(),
        })),
    }
}
