//! Some of the rows that a model was trained on, with their clusters: what a map of it shows.

use gugus_engine::Access;
use gugus_kmeans::{DistanceMeasure, Predictor};
use gugus_kmeans_all::{SampledRows, Sampling};
use tokio_util::sync::CancellationToken;

use super::{Subject, stopped};
use crate::all::{Passed, Passes, describe};
use crate::error::Error;
use crate::run::connect;

/// Rows drawn at most: a map of more is slow to draw and shows nothing more.
const ROWS: usize = 20_000;

/// Numbers drawn at most, so that a task's answer is a few megabytes also where there are hundreds of features.
const NUMBERS: usize = 400_000;

/// Some rows, each with its cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The model's name.
    pub model: String,
    /// The batch that it was trained on; none for a model over everything or over a window.
    pub batch: Option<u64>,
    /// The window that it was trained on; none for others.
    pub window: Option<String>,
    /// The features' names.
    pub features: Vec<String>,
    /// How many rows there are; more than were drawn, where these are many.
    pub rows: u64,
    /// The rows that were drawn and their clusters. The same ones whenever they are drawn.
    pub drawn: Vec<(Vec<f64>, usize)>,
    /// The centers.
    pub centers: Vec<Vec<f64>>,
    /// Rows of each cluster, all of them.
    pub sizes: Vec<u64>,
}

impl Subject {
    /// Draws rows on the cluster at `scheduler`: all, or some thousands.
    ///
    /// # Errors
    /// As [`Subject::evaluate`].
    pub async fn sample(
        &self,
        scheduler: impl Into<Access>,
        stop: &CancellationToken,
    ) -> Result<Sample, Error> {
        let (cluster, groups) = connect(scheduler.into()).await?;
        let context = self.context(&cluster, groups);
        let files = self.files();
        // A map shows features as they are, not their directions.
        let mut passes = Passes::new(&context, &self.work, DistanceMeasure::Euclidean, &files);
        let width = self.work.plan.width();
        let limit = ROWS.min(NUMBERS / width.max(1)).max(1);
        let sampling = Sampling::new(width, limit, self.work.model.handle_invalid);
        let passed = passes.run(&sampling.step(), stop).await;
        cluster.settle().await;
        let sampled = match passed.map_err(stopped)? {
            Passed::All(merged) => sampling.absorb(merged),
            Passed::Failed(reason) => return Err(self.rows_do_not_allow(reason)),
        };
        match sampled {
            Ok(sampled) => self.with_clusters(sampled),
            Err(error) => {
                let (reason, _) = describe(&self.work, error)?;
                Err(self.rows_do_not_allow(reason))
            }
        }
    }

    fn with_clusters(&self, sampled: SampledRows) -> Result<Sample, Error> {
        let predictor = Predictor::new(self.centers.clone(), self.measure);
        let predictor = predictor.map_err(|error| self.rows_do_not_allow(error.to_string()))?;
        let with_cluster = |row: Vec<f64>| {
            let cluster = predictor.predict(&row);
            cluster.map(|cluster| (row, cluster))
        };
        let drawn = sampled.drawn.into_iter().map(with_cluster);
        let drawn = drawn.collect::<Result<Vec<_>, _>>();
        Ok(Sample {
            model: self.about.model.clone(),
            batch: self.about.batch,
            window: self.window(),
            features: self.about.features.iter().map(|f| f.name.clone()).collect(),
            rows: sampled.rows,
            drawn: drawn.map_err(|error| self.rows_do_not_allow(error.to_string()))?,
            centers: self.centers.clone(),
            sizes: self.about.sizes.clone(),
        })
    }
}
