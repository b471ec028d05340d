//! `algorithm` and the parameters of each.

use gugus_clusters::{
    Covariance, DbscanParams, GmmInit, GmmParams, MiniBatchInit, MiniBatchParams,
};
use gugus_kmeans::{DistanceMeasure, InitMode, Params, Solver};

use super::table::{Entry, Table};
use crate::{Algorithm, Error};

/// Which algorithm a model names, before its parameters are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Name {
    #[default]
    KMeans,
    MiniBatch,
    Dbscan,
    Gmm,
}

impl Name {
    const ALL: [(&'static str, Self); 4] = [
        ("kmeans", Self::KMeans),
        ("minibatch", Self::MiniBatch),
        ("dbscan", Self::Dbscan),
        ("gmm", Self::Gmm),
    ];

    /// The value of the key `algorithm`.
    pub(super) fn of(entry: &Entry<'_>) -> Result<Self, Error> {
        entry.choice(&Self::ALL)
    }

    /// As the job file has it.
    pub(super) fn text(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(_, name)| *name == self)
            .map_or("", |(text, _)| text)
    }

    /// Whether a model that is fitted by this has such a key.
    pub(super) fn takes(self, key: &str) -> bool {
        self.keys().contains(&key)
    }

    /// The keys of a model that is fitted by this: ours, then its parameters.
    pub(super) fn keys(self) -> &'static [&'static str] {
        // Spark's parameters in snake case.
        const KMEANS: &[&str] = &[
            "name",
            "algorithm",
            "scope",
            "window",
            "where",
            "features",
            "weight_col",
            "handle_invalid",
            "k",
            "seed",
            "max_iter",
            "tol",
            "init_mode",
            "init_steps",
            "distance_measure",
            "solver",
        ];
        const MINI_BATCH: &[&str] = &[
            "name",
            "algorithm",
            "scope",
            "window",
            "where",
            "features",
            "handle_invalid",
            "k",
            "seed",
            "init_mode",
            "n_runs",
        ];
        const DBSCAN: &[&str] = &[
            "name",
            "algorithm",
            "scope",
            "window",
            "where",
            "features",
            "handle_invalid",
            "eps",
            "min_points",
        ];
        const GMM: &[&str] = &[
            "name",
            "algorithm",
            "scope",
            "window",
            "where",
            "features",
            "handle_invalid",
            "k",
            "seed",
            "init_mode",
            "covariance_type",
            "max_iter",
            "tol",
            "n_runs",
            "reg_covar",
        ];
        match self {
            Self::KMeans => KMEANS,
            Self::MiniBatch => MINI_BATCH,
            Self::Dbscan => DBSCAN,
            Self::Gmm => GMM,
        }
    }
}

/// Whole numbers end where Spark's do: it keeps 32 bits, and must be able to load what we save.
const SPARK_INT: i64 = i32::MAX as i64;

/// The parameters of the algorithm that a model's table names.
pub(super) fn algorithm(name: Name, table: &Table<'_>) -> Result<Algorithm, Error> {
    match name {
        Name::KMeans => kmeans(table).map(Algorithm::KMeans),
        Name::MiniBatch => mini_batch(table).map(Algorithm::MiniBatch),
        Name::Dbscan => dbscan(table).map(Algorithm::Dbscan),
        Name::Gmm => gmm(table).map(Algorithm::Gmm),
    }
}

/// Reads the value of a key that is there, and leaves the default where it is not.
fn set<T>(
    into: &mut T,
    entry: Option<Entry<'_>>,
    read: impl FnOnce(&Entry<'_>) -> Result<T, Error>,
) -> Result<(), Error> {
    if let Some(entry) = entry {
        *into = read(&entry)?;
    }
    Ok(())
}

fn count(least: i64) -> impl Fn(&Entry<'_>) -> Result<usize, Error> {
    move |entry| Ok(entry.integer(least, SPARK_INT)? as usize)
}

fn rounds(least: i64) -> impl Fn(&Entry<'_>) -> Result<u32, Error> {
    move |entry| Ok(entry.integer(least, SPARK_INT)? as u32)
}

fn any_seed(entry: &Entry<'_>) -> Result<i64, Error> {
    entry.integer(i64::MIN, i64::MAX)
}

/// A finite number that is not negative.
fn not_negative(entry: &Entry<'_>) -> Result<f64, Error> {
    entry.number(0.0, f64::MAX)
}

/// A finite number above 0.
fn above_zero(entry: &Entry<'_>) -> Result<f64, Error> {
    match entry.number(0.0, f64::MAX) {
        Ok(number) if number > 0.0 => Ok(number),
        _ => Err(entry.refuse(&"it must be a finite number above 0")),
    }
}

fn kmeans(table: &Table<'_>) -> Result<Params, Error> {
    let mut params = Params::default();
    set(&mut params.k, table.get("k"), count(2))?;
    set(&mut params.seed, table.get("seed"), any_seed)?;
    set(&mut params.max_iter, table.get("max_iter"), rounds(0))?;
    set(&mut params.tol, table.get("tol"), not_negative)?;
    set(&mut params.init_mode, table.get("init_mode"), |entry| {
        entry.choice(&[
            ("k-means||", InitMode::Parallel),
            ("random", InitMode::Random),
        ])
    })?;
    set(&mut params.init_steps, table.get("init_steps"), rounds(1))?;
    let measure = table.get("distance_measure");
    set(&mut params.distance_measure, measure, |entry| {
        entry.choice(&[
            ("euclidean", DistanceMeasure::Euclidean),
            ("cosine", DistanceMeasure::Cosine),
        ])
    })?;
    set(&mut params.solver, table.get("solver"), |entry| {
        entry.choice(&[
            ("auto", Solver::Auto),
            ("block", Solver::Block),
            ("row", Solver::Row),
        ])
    })?;
    Ok(params)
}

fn mini_batch(table: &Table<'_>) -> Result<MiniBatchParams, Error> {
    let mut params = MiniBatchParams::default();
    set(&mut params.k, table.get("k"), count(2))?;
    set(&mut params.seed, table.get("seed"), any_seed)?;
    set(&mut params.init_mode, table.get("init_mode"), |entry| {
        entry.choice(&[MiniBatchInit::PlusPlus, MiniBatchInit::Random].map(|m| (m.name(), m)))
    })?;
    set(&mut params.n_runs, table.get("n_runs"), rounds(1))?;
    Ok(params)
}

fn dbscan(table: &Table<'_>) -> Result<DbscanParams, Error> {
    let eps = table.need(
        "eps",
        "how far apart neighbours are at most, in the features' unit",
    )?;
    let mut params = DbscanParams {
        eps: above_zero(&eps)?,
        min_points: DbscanParams::DEFAULT_MIN_POINTS,
    };
    set(&mut params.min_points, table.get("min_points"), count(2))?;
    Ok(params)
}

fn gmm(table: &Table<'_>) -> Result<GmmParams, Error> {
    let mut params = GmmParams::default();
    set(&mut params.k, table.get("k"), count(1))?;
    set(&mut params.seed, table.get("seed"), any_seed)?;
    set(&mut params.init_mode, table.get("init_mode"), |entry| {
        entry.choice(&[GmmInit::KMeans, GmmInit::Random].map(|m| (m.name(), m)))
    })?;
    let covariance = table.get("covariance_type");
    set(&mut params.covariance_type, covariance, |entry| {
        entry.choice(&[Covariance::Full].map(|c| (c.name(), c)))
    })?;
    set(&mut params.max_iter, table.get("max_iter"), rounds(1))?;
    set(&mut params.tol, table.get("tol"), above_zero)?;
    set(&mut params.n_runs, table.get("n_runs"), rounds(1))?;
    set(&mut params.reg_covar, table.get("reg_covar"), not_negative)?;
    Ok(params)
}
