//! The figures of an evaluation, for people and scripts.

use std::time::Duration;

use gugus_kmeans::DistanceMeasure;
use gugus_kmeans_all::Assessed;
use serde::{Deserialize, Serialize};

use crate::subject::Subject;

/// The figures of a model on some rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The model's name.
    pub model: String,
    /// The batch that it was trained on; null for a model over all batches or over a window.
    pub batch: Option<u64>,
    /// The window that it was trained on; null for others.
    pub window: Option<String>,
    /// The numbers of the batches whose rows it was evaluated on.
    pub on: Vec<u64>,
    /// The distance measure of the model.
    pub distance_measure: DistanceMeasure,
    /// How many clusters were asked for; there may be fewer.
    pub k: usize,
    /// How many rows it was evaluated on.
    pub rows: u64,
    /// How many rows were left out for a null or a NaN.
    pub dropped: u64,
    /// The sum of the distances to the centers (squared, or cosine distances), by weight.
    pub cost: f64,
    /// The cost that `model.json` gives for the last pass of the training, before that pass moved the centers.
    pub training_cost: f64,
    /// The mean silhouette, as Spark's `ClusteringEvaluator` computes it; null where fewer than two clusters have rows.
    pub silhouette: Option<f64>,
    /// How many rows each cluster has, one entry per center.
    pub sizes: Vec<u64>,
    /// The figures of each cluster, one entry per center.
    pub clusters: Vec<ClusterFigures>,
    /// The fits with other numbers of clusters, one entry per number that was asked for.
    pub elbow: Vec<ElbowPoint>,
    /// Wall-clock time.
    pub seconds: f64,
}

/// The figures of one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterFigures {
    /// Its number.
    pub cluster: usize,
    /// Its center.
    pub center: Vec<f64>,
    /// How many rows it has.
    pub rows: u64,
    /// The sum of the weights of its rows; without weights, the number of rows.
    pub weight: f64,
    /// The sum of the distances from its rows to the center, by weight.
    pub cost: f64,
    /// The mean silhouette of its rows, by weight; null if it cannot be computed.
    pub silhouette: Option<f64>,
}

/// The figures of a fit with another number of clusters on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ElbowPoint {
    /// How many clusters were asked for.
    pub k: usize,
    /// How many clusters there are; 0 if the fit failed.
    pub clusters: usize,
    /// How many passes over the points the fit took.
    pub iterations: u32,
    /// The cost, as for the model itself; null if the fit failed.
    pub cost: Option<f64>,
    /// The mean silhouette, as for the model itself.
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
