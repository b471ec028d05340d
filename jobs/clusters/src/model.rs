//! What a fitted model has to say about itself, whatever the algorithm.

use std::fmt;

use gugus_kmeans::{CentersError, DistanceMeasure};
use thiserror::Error;

use crate::predict::Predictor;

/// Numbers that can be written down and predict new points. A model of centers tells its centers; any other model tells
/// `clusters`, `dimensions` and `middles`.
pub trait Model: fmt::Debug {
    /// The centers, if that is what the model is.
    fn centers(&self) -> Option<&[Vec<f64>]> {
        None
    }

    /// How many clusters there are, numbered from 0.
    fn clusters(&self) -> usize {
        self.centers().map_or(0, <[_]>::len)
    }

    /// How many numbers a point has; 0 if nothing tells.
    fn dimensions(&self) -> usize {
        let first = self.centers().and_then(<[_]>::first);
        first.map_or(0, Vec::len)
    }

    /// A middle for each cluster.
    fn middles(&self) -> Vec<Vec<f64>> {
        self.centers().unwrap_or_default().to_vec()
    }

    /// What "near" means.
    fn distance_measure(&self) -> DistanceMeasure {
        DistanceMeasure::Euclidean
    }

    /// How many rows have moved each center so far, in a model that the next batch goes on from.
    fn counts(&self) -> &[u64] {
        &[]
    }

    /// The columns of the table that the model is saved in; none for centers.
    fn table(&self) -> Vec<Cells> {
        Vec::new()
    }

    /// The model prepared for predictions.
    ///
    /// # Errors
    /// [`FittedError`] for what no fit gives.
    fn into_predictor(self) -> Result<Predictor, FittedError>
    where
        Self: Sized;
}

/// No fit gives such a model: it is damaged or was written for something else.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FittedError {
    /// The centers are damaged.
    #[error(transparent)]
    Centers(#[from] CentersError),
    /// Something else is damaged, and this sentence says what.
    #[error("{0}")]
    Other(String),
}

/// A model as a store gives it back. What its algorithm does not save is empty.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// How many numbers a point has.
    pub dimensions: usize,
    /// How many clusters there are.
    pub clusters: usize,
    /// The centers.
    pub centers: Vec<Vec<f64>>,
    /// How many rows have moved each center so far.
    pub counts: Vec<u64>,
    /// The columns of the table, in the order of its layout.
    pub table: Vec<Cells>,
}

/// A table that models are saved in.
#[derive(Clone, Copy, Debug)]
pub struct TableLayout {
    /// The name of the table.
    pub name: &'static str,
    /// The columns, each with its name.
    pub columns: &'static [(&'static str, Holds)],
}

/// What a column of a table holds.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    /// Numbers of clusters.
    Clusters,
    /// One number per row.
    Numbers,
    /// A list of numbers per row.
    Lists,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// Numbers of clusters.
    Clusters(Vec<usize>),
    /// One number per row.
    Numbers(Vec<f64>),
    /// A list of numbers per row.
    Lists(Vec<Vec<f64>>),
}
