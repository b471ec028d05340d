//! What an evaluation says, for people and scripts.

use std::time::Duration;

use gugus_kmeans::DistanceMeasure;
use gugus_kmeans_all::Assessed;
use serde::Serialize;

use crate::subject::Subject;

/// What a model comes to on some rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// The model's name.
    pub model: String,
    /// The batch that it was trained on; null for a model over all batches or over a window.
    pub batch: Option<u64>,
    /// The window that it was trained on; null for others.
    pub window: Option<String>,
    /// The numbers of the batches whose rows it was evaluated on.
    pub on: Vec<u64>,
    /// What "near" means to it.
    pub distance_measure: DistanceMeasure,
    /// Clusters asked for; there may be fewer.
    pub k: usize,
    /// Rows that it was evaluated on.
    pub rows: u64,
    /// Rows that were left out for a null or NaN.
    pub dropped: u64,
    /// The sum of the distances to the centers (squared, or cosine distances), by weight.
    pub cost: f64,
    /// What `model.json` says of the last pass of the training, before it moved the centers.
    pub training_cost: f64,
    /// The mean silhouette, as Spark's `ClusteringEvaluator` computes it; null where fewer than two clusters have rows.
    pub silhouette: Option<f64>,
    /// Rows of each cluster, one entry a center.
    pub sizes: Vec<u64>,
    /// One entry a center.
    pub clusters: Vec<ClusterFigures>,
    /// One entry for each number of clusters that was asked for.
    pub elbow: Vec<ElbowPoint>,
    /// Wall-clock time.
    pub seconds: f64,
}

/// What one cluster comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClusterFigures {
    /// Its number.
    pub cluster: usize,
    /// Its center.
    pub center: Vec<f64>,
    /// Its rows.
    pub rows: u64,
    /// The sum of their weights; how many they are where there are no weights.
    pub weight: f64,
    /// The sum of their distances to the center, by weight.
    pub cost: f64,
    /// Their mean silhouette, by weight; null where it says nothing.
    pub silhouette: Option<f64>,
}

/// What a fit of another number of clusters comes to on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ElbowPoint {
    /// Clusters asked for.
    pub k: usize,
    /// Clusters there are; 0 where the fit failed.
    pub clusters: usize,
    /// Passes over the points.
    pub iterations: u32,
    /// As of the model itself; null where the fit failed.
    pub cost: Option<f64>,
    /// As of the model itself.
    pub silhouette: Option<f64>,
    /// Why the fit failed.
    pub reason: Option<String>,
}

impl Subject {
    pub(crate) fn figures(
        &self,
        assessed: Assessed,
        elbow: Vec<ElbowPoint>,
        took: Duration,
    ) -> Evaluation {
        let clusters = assessed.clusters.into_iter().zip(&self.centers).enumerate();
        let clusters: Vec<ClusterFigures> = clusters
            .map(|(cluster, (of, center))| ClusterFigures {
                cluster,
                center: center.clone(),
                rows: of.rows,
                weight: of.weight,
                cost: of.cost,
                silhouette: of.silhouette,
            })
            .collect();
        Evaluation {
            model: self.about.model.clone(),
            batch: self.about.batch,
            window: self.window(),
            on: self
                .batches
                .iter()
                .map(|(number, _)| number.get())
                .collect(),
            distance_measure: self.measure,
            k: self.about.k,
            rows: assessed.rows,
            dropped: assessed.dropped,
            cost: assessed.cost,
            training_cost: self.about.summary.training_cost,
            silhouette: assessed.silhouette,
            sizes: clusters.iter().map(|of| of.rows).collect(),
            clusters,
            elbow,
            seconds: took.as_secs_f64(),
        }
    }
}
