//! Some of the rows that a model was trained on, with their clusters. A map of the model shows them.

use gugus_kmeans::{DistanceMeasure, Predictor};
use gugus_kmeans_all::{SampledRows, Sampling};
use gugus_plot::Sample;
use gugus_submit::Submit;
use gugus_train::{Passed, Passes, describe};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::subject::Subject;

/// The most rows to draw. A map of more rows is slow to draw and shows nothing new.
const ROWS: usize = 20_000;

/// The most numbers to draw. So the answer of a task stays at a few megabytes, even with hundreds of features.
const NUMBERS: usize = 400_000;

impl Subject {
    /// Draws rows on this cluster: some thousands, or all if there are fewer.
    ///
    /// # Errors
    /// As [`Subject::evaluate`].
    pub async fn sample(
        &self,
        cluster: &dyn Submit,
        stop: &CancellationToken,
    ) -> Result<Sample, Error> {
        let jobs = self.jobs(cluster, stop).await;
        let seen = {
            // A map shows features as they are, not their directions.
            let measure = DistanceMeasure::Euclidean;
            let width = self.work.plan.width();
            let limit = ROWS.min(NUMBERS / width.max(1)).max(1);
            let sampling = Sampling::new(width, limit, self.work.model.handle_invalid);
            let passed = match Passes::new(&jobs, &self.work, measure, &self.batches) {
                Ok(mut passes) => passes.run(&sampling.step()).await,
                Err(error) => Err(error),
            };
            passed.map(|passed| match passed {
                Passed::All(merged) => Ok(sampling.absorb(merged)),
                Passed::Failed(reason) => Err(reason),
            })
        };
        jobs.settle().await;
        match seen.map_err(|error| Error::from(error).or_stopped())? {
            Ok(Ok(seen)) => self.with_clusters(seen),
            Ok(Err(error)) => {
                let (reason, _) = describe(&self.work, error)?;
                Err(self.rows_do_not_allow(reason))
            }
            Err(reason) => Err(self.rows_do_not_allow(reason)),
        }
    }

    fn with_clusters(&self, seen: SampledRows) -> Result<Sample, Error> {
        let predictor = Predictor::new(self.centers.clone(), self.measure);
        let predictor = predictor.map_err(|error| self.rows_do_not_allow(error.to_string()))?;
        let with_cluster = |row: Vec<f64>| {
            let cluster = predictor.predict(&row);
            cluster.map(|cluster| (row, cluster))
        };
        let drawn = seen.drawn.into_iter().map(with_cluster);
        let drawn = drawn.collect::<Result<Vec<_>, _>>();
        Ok(Sample {
            model: self.about.model.clone(),
            batch: self.about.batch,
            window: self.window(),
            features: self.features(),
            rows: seen.rows,
            drawn: drawn.map_err(|error| self.rows_do_not_allow(error.to_string()))?,
            centers: self.centers.clone(),
            sizes: self.about.summary.sizes.clone(),
        })
    }
}
