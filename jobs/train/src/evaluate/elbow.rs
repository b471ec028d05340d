//! Fits of other numbers of clusters, to see where more of them stop paying.

use std::ops::RangeInclusive;

use gugus_features::{AllFile, FitOutcome};
use gugus_kmeans::Params;
use gugus_kmeans_all::StepReport;
use gugus_spec::{Algorithm, Model};
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

use super::{ElbowPoint, EvaluationError, Subject};
use crate::all::{self, AllOutcome};
use crate::error::Error;
use crate::prepare::ModelWork;
use crate::wave::{self, WaveContext};

/// A fit, or why there is none.
type Fit = Result<(Vec<Vec<f64>>, u32), String>;

impl Subject {
    /// The model with these numbers of clusters in the place of its own.
    pub(super) fn elbow(
        &self,
        numbers: Option<RangeInclusive<usize>>,
    ) -> Result<Vec<(Params, ModelWork)>, Error> {
        let Some(numbers) = numbers else {
            return Ok(Vec::new());
        };
        let Some(params) = self.about.algorithm.kmeans() else {
            return Err(Error::Evaluation(EvaluationError::NoElbow {
                model: self.about.model.clone(),
                algorithm: self.about.algorithm.name(),
            }));
        };
        let with = |k: usize| {
            let params = Params {
                k,
                ..params.clone()
            };
            let model = Model {
                algorithm: Algorithm::KMeans(params.clone()),
                ..self.work.model.clone()
            };
            let work = ModelWork {
                model,
                plan: self.work.plan.clone(),
                pending: self.work.pending.clone(),
            };
            (params, work)
        };
        Ok(numbers.map(with).collect())
    }

    /// Fits another number of clusters and evaluates them.
    pub(super) async fn elbow_point(
        &self,
        context: &WaveContext<'_>,
        with: &(Params, ModelWork),
        files: &[AllFile],
        progress: &ProgressBar,
        stop: &CancellationToken,
    ) -> Result<ElbowPoint, Error> {
        let k = with.0.k;
        progress.set_message(format!("{}: k = {k}", self.about.model));
        let fit = match (self.about.batch, files) {
            // As its training did, with Spark's centers; over more, there is another way.
            (Some(_), [file]) => fit_batch(context, &with.1, file, stop).await?,
            _ => fit_all(context, with, files, progress, stop).await?,
        };
        Ok(match fit {
            Err(reason) => ElbowPoint {
                k,
                clusters: 0,
                iterations: 0,
                cost: None,
                silhouette: None,
                reason: Some(reason),
            },
            Ok((centers, iterations)) => {
                let assessed = self.assess(context, &centers, files, stop).await?;
                ElbowPoint {
                    k,
                    clusters: centers.len(),
                    iterations,
                    cost: Some(assessed.cost),
                    silhouette: assessed.silhouette,
                    reason: None,
                }
            }
        })
    }
}

async fn fit_batch(
    context: &WaveContext<'_>,
    work: &ModelWork,
    file: &AllFile,
    stop: &CancellationToken,
) -> Result<Fit, Error> {
    let files = vec![file.file.clone()];
    let mut outcomes = wave::fit(context, work, files, stop).await?;
    let fitted = match outcomes.remove(&file.file.batch) {
        Some(FitOutcome::Trained(fitted)) => fitted,
        Some(FitOutcome::Failed { reason, .. }) => return Ok(Err(reason)),
        None => return Ok(Err("the fit gave no result".to_owned())),
    };
    Ok(match fitted.model.centers() {
        Some(centers) => Ok((centers.to_vec(), fitted.iterations)),
        None => Err("the fit gave no centers".to_owned()),
    })
}

async fn fit_all(
    context: &WaveContext<'_>,
    (params, work): &(Params, ModelWork),
    files: &[AllFile],
    progress: &ProgressBar,
    stop: &CancellationToken,
) -> Result<Fit, Error> {
    let (name, k) = (&work.model.name, params.k);
    let told = |done: &StepReport| {
        let (pass, step) = (done.pass, done.step);
        progress.set_message(format!("{name}: k = {k}, pass {pass} ({step})"));
    };
    let outcome = all::fit(context, work, params, files, &told, stop).await?;
    Ok(match outcome {
        AllOutcome::Trained(fit) => Ok((fit.centers, fit.iterations)),
        AllOutcome::Failed { reason, .. } => Err(reason),
    })
}
