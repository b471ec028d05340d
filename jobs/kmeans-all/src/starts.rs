//! The starts of a training: the rows that are drawn for them, the centers that each begins with, and what each came to.
//!
//! Invariant: the first pass draws the rows of all starts, by hash. So a start costs no pass of its own before its first
//! centers, and no cut of the rows changes it.

use gugus_kmeans::{Init, InitMode, Params, candidates, plus_plus};

use crate::draws::Drawn;
use crate::hash::{draw, stream, uniform};

/// The step whose stream gives the seeds of the starts after the first. Rounds of k-means|| have lower numbers.
const SEEDS: u32 = u32::MAX;

/// The step whose stream gives the random numbers of k-means++.
const CHOICES: u32 = u32::MAX - 1;

/// What a start came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ended {
    pub(crate) centers: Vec<Vec<f64>>,
    pub(crate) iterations: u32,
    pub(crate) converged: bool,
    pub(crate) training_cost: f64,
    pub(crate) cost: f64,
    pub(crate) sizes: Vec<u64>,
}

impl Ended {
    /// Whether this start is kept and not `other`. Without iterations there is no training cost.
    pub(crate) fn is_better_than(&self, other: &Self) -> bool {
        (self.training_cost, self.cost) < (other.training_cost, other.cost)
    }
}

/// How many rows of so many columns the first pass draws, for all starts together.
pub(crate) fn rows_wanted(params: &Params, columns: usize) -> usize {
    match params.init {
        // All starts choose from one sample.
        Init::PlusPlus => plus_plus::sample_size(params.k, columns),
        Init::Spark => sparks_rows(params).saturating_mul(params.n_init as usize),
    }
}

/// How many rows one start begins with in Spark's ways.
fn sparks_rows(params: &Params) -> usize {
    match params.init_mode {
        InitMode::Random => params.k,
        InitMode::Parallel => 1,
    }
}

/// The seed of the draws of a start, from 0. The first has the seed of the training.
pub(crate) fn seed(params: &Params, start: u32) -> u64 {
    let seed = params.seed.cast_unsigned();
    match start {
        0 => seed,
        _ => draw(stream(seed, SEEDS), u64::from(start)),
    }
}

/// The centers, or the candidates, that a start begins with. `drawn` are the rows of the first pass, in the order of their
/// hashes.
pub(crate) fn first(params: &Params, start: u32, drawn: &[Drawn]) -> Vec<Vec<f64>> {
    match params.init {
        Init::PlusPlus => {
            let stream = stream(seed(params, start), CHOICES);
            let mut numbers = (0_u64..).map(|number| uniform(draw(stream, number)));
            let rows: Vec<&[f64]> = drawn.iter().map(|row| row.values.as_slice()).collect();
            let chosen = plus_plus::choose(&rows, params.k, || numbers.next().unwrap_or(0.0));
            chosen.into_iter().map(|row| rows[row].to_vec()).collect()
        }
        Init::Spark => {
            // Where there are too few rows for all starts, later starts share rows with the first.
            let each = sparks_rows(params);
            let skipped = (start as usize).wrapping_mul(each) % drawn.len().max(1);
            let rows = drawn.iter().cycle().skip(skipped);
            let rows = rows.take(each.min(drawn.len()));
            let rows: Vec<_> = rows.map(|row| row.values.clone()).collect();
            match params.init_mode {
                InitMode::Random => candidates::distinct(&rows),
                InitMode::Parallel => rows,
            }
        }
    }
}
