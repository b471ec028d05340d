//! Lets an alias move to a model that was just trained, if the model is good enough.
//!
//! Models that are newer than what the alias stands for are judged, the newest first. The first good one takes the alias.
//! So a run that catches up with many batches judges few models, and an alias never moves back. Each model is judged once:
//! what a run left unjudged is judged by the next training, or by the next run.

use std::collections::BTreeMap;

use gugus_kmeans_all::Assessed;
use gugus_models::{AliasMove, BatchRange, Direction, Extent, ModelError, SavedModel};
use gugus_progress::{ModelReport, PromotionReport};
use gugus_spec::BatchNumber;
use gugus_submit::Jobs;

use crate::assess::assess;
use crate::batches::Batches;
use crate::candidates::Candidates;
use crate::error::{Error, Result};
use crate::line;
use crate::promotion::{DRIFT, METRICS, Promotion, SILHOUETTE};
use crate::report::Report;
use crate::run::Run;
use crate::work::ModelWork;

/// A model that may take an alias, and the batches whose models wait to be judged.
pub(crate) type Promoted = (ModelWork, Candidates);

/// Judges the candidates, and tells what became of each. Those that could not be judged before an error wait for the next
/// call.
pub(crate) async fn promote(
    run: &Run,
    jobs: &Jobs<'_>,
    (work, candidates): &mut Promoted,
    report: &mut Report,
) -> Result {
    let Some(promotion) = &work.promotion else {
        return Ok(());
    };
    let name = work.model.name.as_str();
    let lines = report.models.iter_mut();
    let lines = lines.filter(|line| line.model == name);
    let mut lines: BTreeMap<u64, &mut ModelReport> =
        lines.filter_map(|line| Some((line.batch?, line))).collect();
    let (mut taken, mut judged, mut failed) = (None, Vec::new(), Ok(()));
    while let Some((number, batches)) = candidates.pop() {
        let decision = match taken {
            Some(at) => report_of(promotion, Metrics::default(), Some(ahead(promotion, at))),
            None => match judge(run, jobs, work, promotion, (number, &batches)).await {
                Ok(decision) => {
                    tell(run, name, number, &decision);
                    decision
                }
                Err(error) => {
                    candidates.put_back(number, batches);
                    failed = Err(error);
                    break;
                }
            },
        };
        if decision.promoted {
            taken = Some(number);
        }
        judged.push(BatchRange::from(number));
        match lines.get_mut(&number.get()) {
            Some(line) => {
                line.promotion = Some(decision);
                run.observer.promotion(line);
            }
            None if taken.is_none_or(|at| at == number) => {
                tell_late(run, work, number, decision).await;
            }
            None => {}
        }
    }
    remember(run, work, promotion, &judged).await;
    failed
}

/// Writes down what was judged. If that fails, the next run judges the same models once more, which does no harm.
async fn remember(run: &Run, work: &ModelWork, promotion: &Promotion, judged: &[BatchRange]) {
    let (model, alias) = (&work.model.name, &promotion.alias);
    if judged.is_empty() {
        return;
    }
    if let Err(error) = run.models.note_judged(model, alias, judged).await {
        let reason = gugus_error::chain(&error);
        tracing::warn!(%model, %alias, reason, "it could not be written down which models were judged; they are judged again after a restart");
    }
}

/// Tells the observer of the model of an earlier training, which no line of the report is about.
async fn tell_late(run: &Run, work: &ModelWork, batch: BatchNumber, decision: PromotionReport) {
    let (name, of) = (&work.model.name, Extent::Batch(batch));
    if let Ok(Some(about)) = run.models.about(name, of.clone()).await {
        run.observer.promotion(&ModelReport {
            promotion: Some(decision),
            ..line::trained(name, &of, &about)
        });
    }
}

fn tell(run: &Run, model: &str, batch: BatchNumber, judged: &PromotionReport) {
    let alias = judged.alias.as_str();
    match &judged.reason {
        None => {
            tracing::info!(model, alias, %batch, "the alias moved to a new model");
            run.progress
                .say(format!("{model}: {alias} is batch {batch} now"));
        }
        Some(reason) => {
            tracing::warn!(model, alias, %batch, reason, "the new model does not take the alias");
            run.progress.say(format!(
                "{model}: batch {batch} does not become {alias}: {reason}"
            ));
        }
    }
}

/// Computes the metrics of the model of a batch, and moves the alias if the condition holds.
async fn judge(
    run: &Run,
    jobs: &Jobs<'_>,
    work: &ModelWork,
    promotion: &Promotion,
    (batch, batches): (BatchNumber, &Batches),
) -> Result<PromotionReport> {
    let (model, alias) = (&work.model.name, &promotion.alias);
    let failed = |source: ModelError| Error::Promote {
        model: model.clone(),
        alias: alias.clone(),
        source: Box::new(source),
    };
    let told = |metrics, reason| report_of(promotion, metrics, reason);
    let aliases = run.models.aliases(model).await.map_err(failed)?;
    let holder = aliases.batch(alias.as_str());
    if let Some(at) = holder.filter(|at| *at > batch) {
        return Ok(told(Metrics::default(), Some(ahead(promotion, at))));
    }
    let saved = match run.models.read(model.as_str(), batch).await {
        Ok(saved) => saved,
        Err(gone @ (ModelError::NotFound { .. } | ModelError::Torn { .. })) => {
            return Ok(told(Metrics::default(), Some(gone.to_string())));
        }
        Err(other) => return Err(failed(other)),
    };
    let compared = holder.filter(|_| promotion.condition.reads(DRIFT));
    let compared = match compared {
        None => None,
        Some(holder) => match run.models.read(model.as_str(), holder).await {
            Ok(saved) => Some(saved),
            // The folder was removed by hand, or a crash tore it. There is nothing to drift from.
            Err(ModelError::NotFound { .. } | ModelError::Torn { .. }) => None,
            Err(other) => return Err(failed(other)),
        },
    };
    let look = Look {
        jobs,
        work,
        promotion,
        batches,
    };
    let metrics = match look.metrics(&saved, compared.as_ref()).await? {
        Ok(metrics) => metrics,
        Err(reason) => return Ok(told(Metrics::default(), Some(reason))),
    };
    match promotion.condition.holds(&metrics.numbers()) {
        Ok(true) => {}
        Ok(false) => {
            let reason = metrics.refusal(promotion);
            return Ok(told(metrics, Some(reason)));
        }
        Err(error) => return Ok(told(metrics, Some(error.to_string()))),
    }
    let moved = run
        .models
        .set_alias(model, alias, batch, Direction::Forward)
        .await;
    let reason = match moved {
        Ok(AliasMove::Moved(_) | AliasMove::There) => None,
        Ok(AliasMove::Ahead(at)) => Some(ahead(promotion, at)),
        Err(
            gone @ (ModelError::NotFound { .. }
            | ModelError::Torn { .. }
            | ModelError::Pruned { .. }),
        ) => Some(gone.to_string()),
        Err(other) => return Err(failed(other)),
    };
    Ok(told(metrics, reason))
}

fn report_of(promotion: &Promotion, metrics: Metrics, reason: Option<String>) -> PromotionReport {
    PromotionReport {
        alias: promotion.alias.to_string(),
        promoted: reason.is_none(),
        reason,
        metrics: metrics.0,
    }
}

fn ahead(promotion: &Promotion, at: BatchNumber) -> String {
    format!("{} stands for batch {at}, which is newer", promotion.alias)
}

/// Metrics by name; a metric that the data do not allow is null.
#[derive(Debug, Default)]
struct Metrics(BTreeMap<String, Option<f64>>);

impl Metrics {
    fn numbers(&self) -> Vec<(&str, f64)> {
        let metrics = self.0.iter();
        let given = metrics.filter_map(|(name, number)| Some((name.as_str(), (*number)?)));
        given.collect()
    }

    /// Says that the condition does not hold, with the metrics that it reads.
    fn refusal(&self, promotion: &Promotion) -> String {
        let metric = |(name, number): (&String, &Option<f64>)| match number {
            Some(number) => format!("{name} = {number}"),
            None => format!("{name} is null"),
        };
        let read = self.0.iter().map(metric).collect::<Vec<_>>().join(", ");
        let condition = promotion.condition.sql();
        format!("`{condition}` does not hold: {read}")
    }
}

/// A look at the rows of one batch.
struct Look<'a> {
    jobs: &'a Jobs<'a>,
    work: &'a ModelWork,
    promotion: &'a Promotion,
    batches: &'a Batches,
}

impl Look<'_> {
    /// The metrics that the condition reads, or why there are none. `holder` is given where the condition reads the drift.
    async fn metrics(
        &self,
        saved: &SavedModel,
        holder: Option<&SavedModel>,
    ) -> Result<Result<Metrics, String>> {
        let reads = |metric: &str| self.promotion.condition.reads(metric);
        let Some(about) = &saved.about else {
            return Ok(Err("it has no model.json".to_owned()));
        };
        if let Some(reason) = holder.and_then(|of| self.unlike(of)) {
            return Ok(Err(reason));
        }
        let silhouette = self.assess_some(reads(SILHOUETTE).then_some(saved));
        let drift = self.assess_some(holder);
        // Both end by themselves: each sees to its own Ballista jobs.
        let (own, others) = futures::join!(silhouette, drift);
        let (own, others) = match (own?, others?) {
            (Ok(own), Ok(others)) => (own, others),
            (Err(reason), _) | (_, Err(reason)) => return Ok(Err(reason)),
        };
        let summary = &about.summary;
        let metric = |name: &str| match name {
            SILHOUETTE => own.as_ref()?.silhouette,
            DRIFT => Some(match (holder, &others) {
                (Some(holder), Some(assessed)) => drift_of(holder, assessed)?,
                _ => 0.0,
            }),
            "training_cost" => Some(summary.training_cost),
            "rows" => Some(summary.rows as f64),
            "iterations" => Some(f64::from(summary.iterations)),
            "k" => Some(about.k as f64),
            _ => Some(summary.sizes.len() as f64),
        };
        let read = METRICS.into_iter().filter(|name| reads(name));
        let metrics = read.map(|name| (name.to_owned(), metric(name))).collect();
        Ok(Ok(Metrics(metrics)))
    }

    /// Why the shares of another model cannot be compared.
    fn unlike(&self, holder: &SavedModel) -> Option<String> {
        let alias = &self.promotion.alias;
        match &holder.about {
            None => Some(format!(
                "the model that {alias} stands for has no model.json, so drift is not known"
            )),
            Some(about) if about.features != self.work.model.features => Some(format!(
                "the model that {alias} stands for has other features, so drift is not known"
            )),
            Some(_) => None,
        }
    }

    /// The figures of a saved model on the rows, if there is one, or why the rows do not allow them.
    async fn assess_some(
        &self,
        saved: Option<&SavedModel>,
    ) -> Result<Result<Option<Assessed>, String>> {
        let Some(saved) = saved else {
            return Ok(Ok(None));
        };
        let Some(centers) = saved.fitted.centers() else {
            return Ok(Err("it has no centers".to_owned()));
        };
        let model = (centers, saved.fitted.distance_measure());
        let assessed = assess(self.jobs, self.work, model, self.batches).await?;
        Ok(assessed.map(Some))
    }
}

/// Half the sum of the differences between two shares of each cluster: of the rows that were predicted now, and of the rows
/// in training. 0: the same shares; 1: no cluster has rows in both.
fn drift_of(holder: &SavedModel, now: &Assessed) -> Option<f64> {
    let trained = &holder.about.as_ref()?.summary.sizes;
    let now = now.clusters.iter().map(|cluster| cluster.rows);
    Some(difference_of_shares(trained, &now.collect::<Vec<_>>()))
}

fn difference_of_shares(one: &[u64], other: &[u64]) -> f64 {
    let share = |sizes: &[u64], at: usize| {
        let all: u64 = sizes.iter().sum();
        sizes
            .get(at)
            .map_or(0.0, |size| *size as f64 / all.max(1) as f64)
    };
    let clusters = 0..one.len().max(other.len());
    let differences = clusters.map(|at| (share(one, at) - share(other, at)).abs());
    differences.sum::<f64>() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_is_half_the_difference_of_shares() {
        for (one, other, drift) in [
            (&[50, 50][..], &[1, 1][..], 0.0),
            (&[10, 0], &[0, 3], 1.0),
            (&[3, 1], &[1, 1], 0.25),
            (&[2, 1, 1], &[2, 2], 0.25),
            (&[1, 1], &[0, 0], 0.5),
        ] {
            assert_eq!(difference_of_shares(one, other), drift, "{one:?} {other:?}");
            assert_eq!(difference_of_shares(other, one), drift);
        }
    }
}
