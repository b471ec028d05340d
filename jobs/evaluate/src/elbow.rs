//! Fits with other numbers of clusters. They show at which number more clusters stop helping.

use std::ops::RangeInclusive;

use gugus_features::FitOutcome;
use gugus_kmeans::Params;
use gugus_progress::Progress;
use gugus_spec::Algorithm;
use gugus_submit::{Jobs, Pace};
use gugus_train::{ModelWork, Passes, Waves};

use crate::error::Error;
use crate::figures::ElbowPoint;
use crate::subject::Subject;

/// A fit with so many clusters.
pub(crate) struct Alternative {
    k: usize,
    work: ModelWork,
}

impl Subject {
    /// Copies of the model that have these numbers of clusters.
    pub(crate) fn elbow(
        &self,
        numbers: Option<RangeInclusive<usize>>,
    ) -> Result<Vec<Alternative>, Error> {
        let Some(numbers) = numbers else {
            return Ok(Vec::new());
        };
        let Some(params) = self.about.algorithm.kmeans() else {
            return Err(Error::NoElbow {
                model: self.about.model.clone(),
                algorithm: self.about.algorithm.name(),
            });
        };
        let with = |k: usize| {
            let params = Params {
                k,
                ..params.clone()
            };
            let mut work = self.work.clone();
            work.model.algorithm = Algorithm::KMeans(params);
            Alternative { k, work }
        };
        Ok(numbers.map(with).collect())
    }

    /// Fits the model with another number of clusters and evaluates the result.
    pub(crate) async fn elbow_point(
        &self,
        jobs: &Jobs<'_>,
        with: &Alternative,
        progress: &Progress,
    ) -> Result<ElbowPoint, Error> {
        let (name, k) = (&self.about.model, with.k);
        progress.say(format!("{name}: k = {k}"));
        let mut point = ElbowPoint {
            k,
            clusters: 0,
            iterations: 0,
            cost: None,
            silhouette: None,
            reason: None,
        };
        match self.fit(jobs, with, progress).await? {
            FitOutcome::Failed { reason, .. } => point.reason = Some(reason),
            FitOutcome::Trained(fitted) => match fitted.model.centers() {
                None => point.reason = Some("the fit gave no centers".to_owned()),
                Some(centers) => {
                    let assessed = self.assess(jobs, centers).await?;
                    point.clusters = centers.len();
                    point.iterations = fitted.summary.iterations;
                    point.cost = Some(assessed.cost);
                    point.silhouette = assessed.silhouette;
                }
            },
        }
        Ok(point)
    }

    /// Fits a batch as training does, with the answers of Spark. Other rows are fitted by the method for all batches.
    async fn fit(
        &self,
        jobs: &Jobs<'_>,
        Alternative { k, work }: &Alternative,
        progress: &Progress,
    ) -> Result<FitOutcome, Error> {
        let with_rows = self.batches.iter().filter(|(_, facts)| facts.rows > 0);
        let numbers: Vec<_> = with_rows.map(|(number, _)| number).collect();
        let outcome = match (self.about.batch, numbers.as_slice()) {
            (Some(_), &[number]) => {
                let waves = Waves {
                    jobs,
                    pace: &Pace::default(),
                    work,
                    batches: &self.batches,
                };
                let fitted = waves.fit(&numbers).await;
                let fitted = fitted
                    .map_err(gugus_train::Error::from)?
                    .remove(&number.get());
                fitted.unwrap_or_else(|| FitOutcome::Failed {
                    reason: "the fit gave no result".to_owned(),
                    rows: 0,
                })
            }
            _ => {
                let name = &work.model.name;
                Passes::fit(jobs, work, &self.batches, None, &|done| {
                    let (pass, step) = (done.pass, done.step);
                    progress.say(format!("{name}: k = {k}, pass {pass} ({step})"));
                })
                .await?
            }
        };
        Ok(outcome)
    }
}
