//! Spark's `RDD.takeSample` without replacement, as row numbers.

use std::ops::Range;

use crate::random::{JavaRandom, Random, XorShiftRandom};

/// Up to this fraction, Spark draws how many rows to skip; above it, it draws for every row.
const GAP_SAMPLING_UP_TO: f64 = 0.4;

/// Keeps the logarithm of a draw finite.
const SMALLEST_DRAW: f64 = 5e-11;

/// Draws `num` of the rows in `partitions`, in random order; all of them, when there are no more.
pub(crate) fn take_sample(partitions: &[Range<usize>], num: usize, seed: i32) -> Vec<usize> {
    let total = partitions.last().map_or(0, |last| last.end);
    let mut random = JavaRandom::new(i64::from(seed));
    if num >= total {
        let mut rows: Vec<usize> = (0..total).collect();
        random.shuffle(&mut rows);
        return rows;
    }
    let fraction = fraction_for(num, total);
    let mut rows = Vec::new();
    loop {
        let mut seeds = JavaRandom::new(i64::from(random.next_int()));
        for partition in partitions {
            let mut draws = XorShiftRandom::new(seeds.next_long());
            bernoulli(partition.clone(), fraction, &mut draws, &mut rows);
        }
        // The fraction is such that one try in ten thousand comes back with too few rows.
        if rows.len() >= num {
            break;
        }
        rows.clear();
    }
    random.shuffle(&mut rows);
    rows.truncate(num);
    rows
}

/// The fraction at which a Bernoulli sample of `total` rows has at least `num` rows with probability 0.9999.
fn fraction_for(num: usize, total: usize) -> f64 {
    let total = total as f64;
    let fraction = num as f64 / total;
    let gamma = -(1e-4_f64.ln()) / total;
    let fraction = fraction + gamma + (gamma * gamma + 2.0 * gamma * fraction).sqrt();
    fraction.clamp(1e-10, 1.0)
}

/// Appends the rows of one partition that the draws pick.
fn bernoulli(
    rows: Range<usize>,
    fraction: f64,
    draws: &mut XorShiftRandom,
    picked: &mut Vec<usize>,
) {
    if fraction >= 1.0 {
        picked.extend(rows);
    } else if fraction <= GAP_SAMPLING_UP_TO {
        let log = (-fraction).ln_1p();
        let mut row = rows.start;
        loop {
            // A gap beyond the largest integer saturates, and so it ends the partition as any large one does.
            let gap = (draws.next_double().max(SMALLEST_DRAW).ln() / log) as usize;
            row = row.saturating_add(gap);
            if row >= rows.end {
                break;
            }
            picked.push(row);
            row += 1;
        }
    } else {
        picked.extend(rows.filter(|_| draws.next_double() <= fraction));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_rows_as_asked_for_each_once() {
        for (num, total) in [
            (1, 1),
            (1, 100),
            (5, 100),
            (60, 100),
            (99, 100),
            (100, 100),
            (7, 3),
        ] {
            for seed in 0..50 {
                let mut rows = take_sample(&[0..total / 3, total / 3..total], num, seed);
                assert_eq!(rows.len(), num.min(total));
                rows.sort_unstable();
                rows.dedup();
                assert_eq!(rows.len(), num.min(total));
                assert!(rows.iter().all(|row| *row < total));
            }
        }
    }

    #[test]
    fn every_row_has_its_chance() {
        let mut seen = [0_u32; 20];
        for seed in 0..2000 {
            for row in take_sample(&[0..12, 12..12, 12..20], 3, seed) {
                seen[row] += 1;
            }
        }
        // 300 are expected for each; 5 standard deviations are about 80.
        assert!(
            seen.iter().all(|count| (220..380).contains(count)),
            "{seen:?}"
        );
    }
}
