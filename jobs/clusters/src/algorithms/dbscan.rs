//! `dbscan`: clusters are where points lie dense; all other points are noise.

#[cfg(feature = "fit")]
mod fit;
#[cfg(feature = "fit")]
mod heeding;
mod nearest;

use std::fmt;

#[cfg(feature = "fit")]
use gugus_kmeans::{Fit, Rows, Stop};
use serde::{Deserialize, Serialize};

use crate::algorithm::{Facts, Parameter, Parameters};
#[cfg(feature = "fit")]
use crate::fit::FitError;
use crate::model::{Cells, FittedError, Holds, Model, Saved, TableLayout};
use crate::params::{ParamsError, need};
use crate::predict::Predictor;
use nearest::Spots;

/// The most rows of a fit, and so the most that `min_points` can ask for. The tree over the rows holds each row several
/// times: half a gigabyte for so many.
const MOST_ROWS: i64 = 1_000_000;

/// Parameters of `algorithm = "dbscan"`: clusters are where points lie dense; all other points are noise.
///
/// `eps` has no default, because it is a distance in the unit of the features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DbscanParams {
    /// How far apart neighbours are at most, in the features' unit. Finite and above 0.
    pub eps: f64,
    /// How many points a core point has within `eps`, itself included. At least 2; 5 by default, as in scikit-learn.
    #[serde(default = "default_min_points")]
    pub min_points: usize,
}

fn default_min_points() -> usize {
    5
}

impl DbscanParams {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`ParamsError`] names the first parameter that is out of its range.
    pub fn validate(&self) -> Result<(), ParamsError> {
        let (eps, points) = (self.eps, self.min_points);
        let finite = "it must be a finite number above 0";
        need(eps.is_finite() && eps > 0.0, "eps", eps, finite)?;
        let two = "it must be at least 2";
        need(points >= 2, "min_points", points as f64, two)
    }
}

impl Parameters for DbscanParams {
    const FACTS: Facts = Facts {
        name: "dbscan",
        uid: "Dbscan",
        parameters: &[
            Parameter::above_zero("eps")
                .needed("how far apart neighbours are at most, in the features' unit"),
            Parameter::whole("min_points", 2).up_to(MOST_ROWS),
        ],
        weighted: false,
        any_scope: false,
        chained: false,
        table: Some(TableLayout {
            name: "core_points",
            columns: &[("cluster", Holds::Clusters), ("point", Holds::Lists)],
        }),
    };

    type Model = HotSpots;

    fn k(&self) -> Option<usize> {
        None
    }

    fn seed(&self) -> Option<i64> {
        None
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { eps, min_points } = self;
        write!(f, "dbscan, eps {eps}, min_points {min_points}")
    }

    fn contradiction(&self, model: &HotSpots) -> Option<String> {
        (self.eps != model.eps)
            .then(|| "its hot spots have another eps than its parameters".to_owned())
    }

    fn open(&self, saved: Saved) -> Result<HotSpots, String> {
        let Ok([Cells::Clusters(clusters), Cells::Lists(places)]) =
            <[Cells; 2]>::try_from(saved.table)
        else {
            return Err("it is not a table of core points".to_owned());
        };
        let points = clusters.into_iter().zip(places);
        Ok(HotSpots {
            dimensions: saved.dimensions,
            eps: self.eps,
            clusters: saved.clusters,
            core_points: points
                .map(|(cluster, at)| CorePoint { cluster, at })
                .collect(),
        })
    }

    #[cfg(feature = "fit")]
    fn fit(
        &self,
        _: Option<&HotSpots>,
        rows: &Rows,
        _: Option<&[f64]>,
        stop: &Stop,
    ) -> Result<Fit<HotSpots>, FitError> {
        fit::fit(self, rows, stop)
    }
}

/// Where points lie dense.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HotSpots {
    /// How many numbers a point has. Without core points, nothing else tells.
    pub dimensions: usize,
    /// How far from a core point its cluster reaches.
    pub eps: f64,
    /// How many clusters there are, numbered from 0; none if all points are noise.
    pub clusters: usize,
    /// Points with enough others around them, in the order of rows, each place once.
    pub core_points: Vec<CorePoint>,
}

/// A point with enough others around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorePoint {
    /// The cluster it belongs to.
    pub cluster: usize,
    /// Where it is.
    pub at: Vec<f64>,
}

impl HotSpots {
    /// Checks what the types leave open.
    fn check(&self) -> Result<(), FittedError> {
        let wrong = |reason: String| Err(FittedError::Other(reason));
        let dimensions = self.dimensions;
        if !self.eps.is_finite() || self.eps <= 0.0 {
            return wrong("its eps is not a finite number above 0".to_owned());
        }
        let mut seen = vec![false; self.clusters.min(self.core_points.len())];
        let mut strays = seen.len() != self.clusters;
        for (point, CorePoint { cluster, at }) in self.core_points.iter().enumerate() {
            if at.len() != dimensions || at.iter().any(|x| !x.is_finite()) {
                return wrong(format!(
                    "core point {point} does not have {dimensions} finite numbers"
                ));
            }
            match seen.get_mut(*cluster) {
                Some(seen) => *seen = true,
                None => strays = true,
            }
        }
        if strays || seen.contains(&false) {
            let clusters = self.clusters;
            return wrong(format!(
                "its core points are not those of clusters 0 to {clusters}"
            ));
        }
        Ok(())
    }
}

impl Model for HotSpots {
    fn clusters(&self) -> usize {
        self.clusters
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The mean of each cluster's core points, each place counted once.
    fn middles(&self) -> Vec<Vec<f64>> {
        let mut sums = vec![(0_u64, vec![0.0; self.dimensions]); self.clusters];
        for point in &self.core_points {
            if let Some((count, sum)) = sums.get_mut(point.cluster) {
                *count += 1;
                for (sum, x) in sum.iter_mut().zip(&point.at) {
                    *sum += x;
                }
            }
        }
        sums.into_iter()
            .map(|(count, sum)| sum.into_iter().map(|x| x / count.max(1) as f64).collect())
            .collect()
    }

    fn table(&self) -> Vec<Cells> {
        let points = self.core_points.iter();
        vec![
            Cells::Clusters(points.clone().map(|point| point.cluster).collect()),
            Cells::Lists(points.map(|point| point.at.clone()).collect()),
        ]
    }

    fn into_predictor(self) -> Result<Predictor, FittedError> {
        self.check()?;
        Ok(Predictor::new(self.dimensions, Spots::new(self)))
    }
}
