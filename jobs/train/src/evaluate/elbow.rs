//! Fits of other numbers of clusters, to see where more of them stop paying.

use gugus_features::{FitOutcome, WholeFile};
use gugus_kmeans::Params;
use gugus_kmeans::whole::Progress;
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

use super::{ElbowPoint, Subject};
use crate::error::Error;
use crate::wave::{self, WaveContext};
use crate::whole::{self, WholeOutcome};

/// A fit, or why there is none.
type Fit = Result<(Vec<Vec<f64>>, u32), String>;

impl Subject {
    /// Fits `k` clusters with the model's other parameters and evaluates them.
    pub(super) async fn elbow_point(
        &self,
        context: &WaveContext<'_>,
        k: usize,
        files: &[WholeFile],
        progress: &ProgressBar,
        stop: &CancellationToken,
    ) -> Result<ElbowPoint, Error> {
        let params = Params {
            k,
            ..self.params.clone()
        };
        let fit = match (self.about.batch, files) {
            // As its training did, with Spark's centers; over everything, there is another way.
            (Some(_), [file]) => self.fit_batch(context, &params, file, stop).await?,
            _ => {
                self.fit_all(context, &params, files, progress, stop)
                    .await?
            }
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

    async fn fit_batch(
        &self,
        context: &WaveContext<'_>,
        params: &Params,
        file: &WholeFile,
        stop: &CancellationToken,
    ) -> Result<Fit, Error> {
        let files = vec![file.file.clone()];
        let mut outcomes = wave::fit(context, &self.work, params, files, stop).await?;
        Ok(match outcomes.remove(&file.file.batch) {
            Some(FitOutcome::Trained(fitted)) => Ok((fitted.centers, fitted.iterations)),
            Some(FitOutcome::Failed { reason, .. }) => Err(reason),
            None => Err("the fit gave no result".to_owned()),
        })
    }

    async fn fit_all(
        &self,
        context: &WaveContext<'_>,
        params: &Params,
        files: &[WholeFile],
        progress: &ProgressBar,
        stop: &CancellationToken,
    ) -> Result<Fit, Error> {
        let (name, k) = (&self.work.model.name, params.k);
        let told = |done: &Progress| {
            let (pass, step) = (done.pass, done.step);
            progress.set_message(format!("{name}: k = {k}, pass {pass} ({step})"));
        };
        let outcome = whole::fit(context, &self.work, params, files, &told, stop).await?;
        Ok(match outcome {
            WholeOutcome::Trained(fit) => Ok((fit.centers, fit.iterations)),
            WholeOutcome::Failed { reason, .. } => Err(reason),
        })
    }
}
