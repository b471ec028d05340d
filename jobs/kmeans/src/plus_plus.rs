//! Greedy k-means++ over a sample of the rows.
//!
//! It is the k-means++ of scikit-learn: for each center it draws a few rows, each with a probability in proportion to its
//! cost, and takes the row that leaves the least cost. A sample is enough, because a cluster without a row in the sample
//! is small. Then it swaps centers where a swap pays (Lattanzi and Sohler 2019), because even greedy draws often put two
//! centers into one cluster and none into another.
//!
//! Invariant: every sum is made in the order of the rows, so the answer depends on the rows and the draws alone. The
//! signal is looked at for each row that is compared with all others, so many clusters do not hold up an end.

use crate::stop::{Stop, Stopped};

/// How many rows a sample has for each cluster. With fewer, some clusters of equal size are missed; with more, the
/// centers do not get better.
const ROWS_PER_CLUSTER: usize = 32;

/// A sample has no more rows than this, unless it needs them for two rows per cluster. Beyond that the driver would
/// compute for minutes.
const MOST_ROWS: usize = 65_536;

/// Rows that are drawn for starts have no more numbers than this, unless one start needs more: 8 MiB. Executors send them to
/// the driver in one piece.
pub const MOST_NUMBERS: usize = 1 << 20;

/// A sample has at least so many rows, if they are not too wide, so that chance does not decide where there are few clusters.
const LEAST_ROWS: usize = 1_024;

/// How many rows are compared at once. Their costs stay in the processor's nearest cache.
const BLOCK: usize = 512;

/// How many rows of so many columns to draw for `k` clusters.
#[must_use]
pub fn sample_size(k: usize, columns: usize) -> usize {
    k.saturating_mul(ROWS_PER_CLUSTER)
        .clamp(LEAST_ROWS, MOST_ROWS)
        .min(MOST_NUMBERS / columns.max(1))
        .max(k.saturating_mul(2))
}

/// The numbers of at most `k` rows to begin with, fewer where there are fewer distinct rows. `uniform` gives the random
/// numbers, from 0 up to and without 1.
///
/// # Errors
/// [`Stopped`] soon after the signal of `stop`.
///
/// ```
/// use gugus_kmeans::{Stop, plus_plus::choose};
///
/// let rows = [[0.0], [0.1], [9.0], [9.1], [5.0], [5.1]];
/// let mut draws = [0.3, 0.1, 0.7, 0.2, 0.9].into_iter().cycle();
/// let mut chosen = choose(&rows, 3, || draws.next().unwrap_or(0.0), &Stop::default())?;
/// chosen.sort_unstable_by_key(|row| row / 2);
/// assert_eq!(chosen.iter().map(|row| row / 2).collect::<Vec<_>>(), [0, 1, 2]);
/// # Ok::<(), gugus_kmeans::Stopped>(())
/// ```
pub fn choose<R: AsRef<[f64]>>(
    rows: &[R],
    k: usize,
    mut uniform: impl FnMut() -> f64,
    stop: &Stop,
) -> Result<Vec<usize>, Stopped> {
    let Some(last) = rows.len().checked_sub(1) else {
        return Ok(Vec::new());
    };
    let columns = columns(rows);
    let trials = 2 + (k as f64).ln() as usize;
    let first = ((uniform() * rows.len() as f64) as usize).min(last);
    let mut chosen = vec![first];
    let mut costs = vec![f64::INFINITY; rows.len()];
    lower(&columns, rows[first].as_ref(), &mut costs);
    let mut trial = Vec::with_capacity(rows.len());
    let mut best = Vec::with_capacity(rows.len());
    while chosen.len() < k {
        // Otherwise every row equals a chosen row, or the numbers overflow.
        let Some(shares) = Shares::new(&costs) else {
            return Ok(chosen);
        };
        let mut found: Option<(f64, usize)> = None;
        for _ in 0..trials {
            stop.check()?;
            let row = shares.pick(uniform());
            trial.clone_from(&costs);
            let left = lower(&columns, rows[row].as_ref(), &mut trial);
            if found.is_none_or(|(least, _)| left < least) {
                found = Some((left, row));
                std::mem::swap(&mut best, &mut trial);
            }
        }
        let Some((_, row)) = found else { break };
        chosen.push(row);
        std::mem::swap(&mut costs, &mut best);
    }
    swap(rows, &columns, &mut chosen, &mut uniform, stop)?;
    Ok(chosen)
}

/// The costs of the rows, added up one after the other.
struct Shares(Vec<f64>);

impl Shares {
    /// `None` if there is no cost, or if the costs overflow.
    fn new(costs: &[f64]) -> Option<Self> {
        let cumulated = costs.iter().scan(0.0, |sum, cost| {
            *sum += cost;
            Some(*sum)
        });
        let shares = Self(cumulated.collect());
        let total = shares.total();
        (total > 0.0 && total.is_finite()).then_some(shares)
    }

    fn total(&self) -> f64 {
        self.0.last().copied().unwrap_or_default()
    }

    /// The first row beyond this part of the sum. Its cost is above 0.
    fn pick(&self, uniform: f64) -> usize {
        let target = uniform * self.total();
        let row = self.0.partition_point(|sum| *sum <= target);
        row.min(self.0.len().saturating_sub(1))
    }
}

/// The two centers that are nearest to a row: the squared distance, and the place among the chosen.
#[derive(Clone, Copy)]
struct Nearest([(f64, usize); 2]);

impl Nearest {
    const NONE: Self = Self([(f64::INFINITY, usize::MAX); 2]);

    fn offer(&mut self, square: f64, center: usize) {
        if square < self.0[0].0 {
            self.0 = [(square, center), self.0[0]];
        } else if square < self.0[1].0 {
            self.0[1] = (square, center);
        }
    }
}

/// Draws a row as often as there are centers, each with a probability in proportion to its cost, and puts it in the place
/// of the center that is needed least, if that lowers the cost.
fn swap<R: AsRef<[f64]>>(
    rows: &[R],
    columns: &[Vec<f64>],
    chosen: &mut [usize],
    uniform: &mut impl FnMut() -> f64,
    stop: &Stop,
) -> Result<(), Stopped> {
    if chosen.len() < 2 {
        return Ok(());
    }
    let mut nearest = vec![Nearest::NONE; rows.len()];
    let mut squares = vec![0.0; rows.len()];
    for (center, row) in chosen.iter().enumerate() {
        stop.check()?;
        squares.fill(f64::INFINITY);
        lower(columns, rows[*row].as_ref(), &mut squares);
        for (nearest, square) in nearest.iter_mut().zip(&squares) {
            nearest.offer(*square, center);
        }
    }
    for _ in 0..chosen.len() {
        stop.check()?;
        let costs: Vec<f64> = nearest.iter().map(|nearest| nearest.0[0].0).collect();
        let Some(shares) = Shares::new(&costs) else {
            return Ok(());
        };
        let row = shares.pick(uniform());
        squares.fill(f64::INFINITY);
        lower(columns, rows[row].as_ref(), &mut squares);
        // What is left with one more center, and what each of the others is needed for then.
        let mut left = 0.0;
        let mut needed = vec![0.0; chosen.len()];
        for (Nearest([first, second]), square) in nearest.iter().zip(&squares) {
            let with = first.0.min(*square);
            left += with;
            needed[first.1] += second.0.min(*square) - with;
        }
        let least = (0..chosen.len()).min_by(|a, b| needed[*a].total_cmp(&needed[*b]));
        let Some(center) = least.filter(|center| left + needed[*center] < shares.total()) else {
            continue;
        };
        chosen[center] = row;
        for ((nearest, square), row) in nearest.iter_mut().zip(&squares).zip(rows) {
            if nearest.0.iter().any(|of| of.1 == center) {
                stop.check()?;
                *nearest = Nearest::NONE;
                for (center, other) in chosen.iter().enumerate() {
                    nearest.offer(square_of(row.as_ref(), rows[*other].as_ref()), center);
                }
            } else {
                nearest.offer(*square, center);
            }
        }
    }
    Ok(())
}

/// A squared distance, by the operations of [`lower`].
fn square_of(row: &[f64], center: &[f64]) -> f64 {
    row.iter().zip(center).fold(0.0, |sum, (value, place)| {
        let difference = value - place;
        sum + difference * difference
    })
}

/// The rows, column by column.
fn columns<R: AsRef<[f64]>>(rows: &[R]) -> Vec<Vec<f64>> {
    let width = rows.first().map_or(0, |row| row.as_ref().len());
    let column = |at: usize| rows.iter().map(|row| row.as_ref()[at]).collect();
    (0..width).map(column).collect()
}

/// Lowers the cost of each row to its squared distance from `center`, where that is less. Returns the sum of the costs.
fn lower(columns: &[Vec<f64>], center: &[f64], costs: &mut [f64]) -> f64 {
    let mut sum = 0.0;
    let mut squares = [0.0; BLOCK];
    for (block, costs) in costs.chunks_mut(BLOCK).enumerate() {
        let squares = &mut squares[..costs.len()];
        squares.fill(0.0);
        for (column, place) in columns.iter().zip(center) {
            for (square, value) in squares.iter_mut().zip(&column[block * BLOCK..]) {
                let difference = value - place;
                *square += difference * difference;
            }
        }
        for (cost, square) in costs.iter_mut().zip(squares) {
            *cost = square.min(*cost);
            sum += *cost;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, XorShiftRandom};

    fn draws(seed: i64) -> impl FnMut() -> f64 {
        let mut random = XorShiftRandom::new(seed);
        move || random.next_double()
    }

    fn chosen<R: AsRef<[f64]>>(rows: &[R], k: usize, uniform: impl FnMut() -> f64) -> Vec<usize> {
        choose(rows, k, uniform, &Stop::default()).unwrap()
    }

    /// 1,030 rows around each of 20 places that lie far apart, so that there is more than one block.
    fn places() -> Vec<[f64; 2]> {
        let mut next = draws(7);
        (0..20 * 103)
            .map(|row| {
                let (x, y) = (row % 5, row % 20 / 5);
                [100.0 * x as f64 + next(), 100.0 * y as f64 + next()]
            })
            .collect()
    }

    #[test]
    fn a_row_of_each_cluster_is_chosen() {
        let rows = places();
        for seed in 0..20 {
            let mut found: Vec<usize> = chosen(&rows, 20, draws(seed))
                .into_iter()
                .map(|row| row % 20)
                .collect();
            found.sort_unstable();
            found.dedup();
            // One draw per center would miss some of them nearly always.
            assert_eq!(found.len(), 20, "seed {seed}: {found:?}");
        }
    }

    #[test]
    fn no_row_is_chosen_twice_and_no_twin_of_a_row() {
        let rows: Vec<[f64; 1]> = (0..300).map(|row| [f64::from(row % 7)]).collect();
        for k in [1, 2, 7, 8, 100] {
            let chosen = chosen(&rows, k, draws(3));
            let mut values: Vec<f64> = chosen.iter().map(|row| rows[*row][0]).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            assert_eq!(values.len(), chosen.len());
            assert_eq!(chosen.len(), k.min(7));
        }
    }

    #[test]
    fn a_swap_mends_two_centers_in_one_cluster() {
        let rows = places();
        for seed in 0..20 {
            // Two rows of place 0, and none of place 19.
            let mut chosen: Vec<usize> = (0..20)
                .map(|row| if row == 19 { 20 } else { row })
                .collect();
            let (columns, mut draws) = (columns(&rows), draws(seed));
            swap(&rows, &columns, &mut chosen, &mut draws, &Stop::default()).unwrap();
            let mut found: Vec<usize> = chosen.iter().map(|row| row % 20).collect();
            found.sort_unstable();
            assert_eq!(found, (0..20).collect::<Vec<_>>(), "seed {seed}");
        }
    }

    #[test]
    fn the_rest_of_the_sum_is_right() {
        let rows = places();
        let mut costs = vec![f64::INFINITY; rows.len()];
        let center = [250.0, 120.0];
        let sum = lower(&columns(&rows), &center, &mut costs);
        let of = |row: &[f64; 2]| (row[0] - center[0]).powi(2) + (row[1] - center[1]).powi(2);
        assert!(costs.iter().zip(&rows).all(|(cost, row)| *cost == of(row)));
        assert_eq!(sum, costs.iter().fold(0.0, |sum, cost| sum + cost));
    }

    #[test]
    fn rows_that_are_none_or_overflow_end_it() {
        assert!(chosen::<[f64; 1]>(&[], 3, draws(1)).is_empty());
        let huge = [[1e200], [-1e200], [1e199]];
        assert_eq!(chosen(&huge, 3, draws(1)).len(), 1);
        assert_eq!(chosen(&[[1.0]], 3, || 1.0 - f64::EPSILON / 2.0), [0]);
    }

    #[test]
    fn a_signal_ends_draws_and_swaps_at_once() {
        let rows = places();
        // The first center, then four draws for each of the others, then a swap for each.
        let (draws_of_centers, all) = (1 + 19 * 4, 1 + 19 * 4 + 20);
        for last in [1, 30, draws_of_centers + 1, all - 1] {
            let (stop, mut drawn, mut next) = (Stop::default(), 0, draws(1));
            let uniform = || {
                drawn += 1;
                if drawn == last {
                    stop.now();
                }
                next()
            };
            assert_eq!(choose(&rows, 20, uniform, &stop), Err(Stopped), "{last}");
            assert_eq!(drawn, last);
        }
    }
}
