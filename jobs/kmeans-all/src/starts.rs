//! The starts of a training: the rows that are drawn for them, the centers that each begins with, and what each came to.
//!
//! Invariant: the first pass draws the rows of all starts, by hash. So a start costs no pass of its own before its first
//! centers, and no cut of the rows changes it.

use gugus_kmeans::{Init, InitMode, Params, Stop, Stopped, candidates, plus_plus};

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
        Init::Spark => {
            let each = sparks_rows(params);
            let most = (plus_plus::MOST_NUMBERS / columns.max(1)).max(each);
            each.saturating_mul(params.n_init as usize).min(most)
        }
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
///
/// # Errors
/// [`Stopped`] after the signal of `stop`.
pub(crate) fn first(
    params: &Params,
    start: u32,
    drawn: &[Drawn],
    stop: &Stop,
) -> Result<Vec<Vec<f64>>, Stopped> {
    Ok(match params.init {
        Init::PlusPlus => {
            let stream = stream(seed(params, start), CHOICES);
            let mut numbers = (0_u64..).map(|number| uniform(draw(stream, number)));
            let rows: Vec<&[f64]> = drawn.iter().map(|row| row.values.as_slice()).collect();
            let uniform = || numbers.next().unwrap_or(0.0);
            let chosen = plus_plus::choose(&rows, params.k, uniform, stop)?;
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
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_all_starts_have_a_bound() {
        let wanted = |init, k, n_init, columns| {
            let params = Params {
                init,
                init_mode: InitMode::Random,
                k,
                n_init,
                ..Params::default()
            };
            rows_wanted(&params, columns)
        };
        assert_eq!(wanted(Init::Spark, 100, 20, 64), 2_000);
        for init in [Init::Spark, Init::PlusPlus] {
            for columns in [0, 1, 64, 1_000, 4_096, 1 << 16] {
                for n_init in [1, 1_000, u32::MAX] {
                    let numbers = wanted(init, 8, n_init, columns) * columns;
                    assert!(numbers <= 1 << 20, "{init} {n_init} {columns}: {numbers}");
                }
            }
        }
        // One start needs them.
        assert_eq!(wanted(Init::Spark, 5_000, 9, 1_000), 5_000);
        assert_eq!(wanted(Init::PlusPlus, 5_000, 9, 1_000), 10_000);
        // A sample of narrow rows is never small.
        assert_eq!(wanted(Init::PlusPlus, 2, 1, 1_024), 1_024);
    }
}
