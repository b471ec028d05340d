//! Weighted k-means++ over the few candidates of k-means||, then Lloyd's iterations over them.
//!
//! It stays Euclidean also where the fit is not, as in Spark.

use crate::centers::CenterList;
use crate::distance::{Euclidean, Measure, Point};
use crate::random::{JavaRandom, Random};
use crate::stop::{Stop, Stopped};
use crate::vectors::{add_scaled, norm, scale};

/// Reduces weighted candidates to `k` centers in at most `rounds` rounds.
pub(crate) fn k_means_plus_plus(
    candidates: &CenterList,
    weights: &[f64],
    k: usize,
    rounds: u32,
    stop: &Stop,
) -> Result<CenterList, Stopped> {
    let mut random = JavaRandom::new(0);
    let mut centers = seed_centers(candidates, weights, k, &mut random, stop)?;
    lloyd(candidates, weights, &mut centers, rounds, &mut random, stop)?;
    Ok(centers)
}

/// Draws `k` candidates, each with a probability in proportion to its weighted cost so far.
fn seed_centers(
    candidates: &CenterList,
    weights: &[f64],
    k: usize,
    random: &mut JavaRandom,
    stop: &Stop,
) -> Result<CenterList, Stopped> {
    let mut centers = CenterList::new(candidates.dimensions());
    let first = pick(weights.iter().copied(), random);
    centers.push(candidates.get(first));
    let mut costs: Vec<f64> = (0..candidates.len())
        .map(|i| Euclidean::cost(candidates.get(i), centers.get(0)))
        .collect();
    while centers.len() < k {
        stop.check()?;
        let picked = pick(
            weights
                .iter()
                .zip(&costs)
                .map(|(weight, cost)| weight * cost),
            random,
        );
        centers.push(candidates.get(picked));
        let newest = centers.get(centers.len() - 1);
        for (i, cost) in costs.iter_mut().enumerate() {
            *cost = Euclidean::cost(candidates.get(i), newest).min(*cost);
        }
    }
    Ok(centers)
}

/// Walks the cumulated shares up to a random part of their sum and gives the last one walked.
fn pick(shares: impl Iterator<Item = f64> + Clone, random: &mut JavaRandom) -> usize {
    let sum = shares.clone().fold(0.0, |sum, share| sum + share);
    let target = random.next_double() * sum;
    let mut walked = 0;
    let mut cumulated = 0.0;
    for share in shares {
        // If the sum is no number, no step is taken, and the first candidate wins.
        if !matches!(
            cumulated.partial_cmp(&target),
            Some(std::cmp::Ordering::Less)
        ) {
            break;
        }
        cumulated += share;
        walked += 1;
    }
    // If all candidates cost nothing, no step is taken.
    walked.max(1) - 1
}

/// Weighted Lloyd's iterations until no candidate changes its center.
fn lloyd(
    candidates: &CenterList,
    weights: &[f64],
    centers: &mut CenterList,
    rounds: u32,
    random: &mut JavaRandom,
    stop: &Stop,
) -> Result<(), Stopped> {
    let dimensions = candidates.dimensions();
    let mut assigned = vec![usize::MAX; candidates.len()];
    let mut sums = vec![0.0; centers.len() * dimensions];
    let mut totals = vec![0.0; centers.len()];
    for _ in 0..rounds {
        sums.fill(0.0);
        totals.fill(0.0);
        let mut moved = false;
        for piece in stop.pieces(0..candidates.len(), centers.len() * dimensions) {
            for i in piece? {
                let nearest = centers
                    .nearest::<Euclidean>(0..centers.len(), candidates.get(i))
                    .0;
                add_scaled(
                    &mut sums[nearest * dimensions..][..dimensions],
                    weights[i],
                    candidates.values(i),
                );
                totals[nearest] += weights[i];
                if assigned[i] != nearest {
                    moved = true;
                    assigned[i] = nearest;
                }
            }
        }
        if !moved {
            break;
        }
        for j in 0..centers.len() {
            if totals[j] == 0.0 {
                let taken = random.next_index(candidates.len());
                centers.set(j, candidates.get(taken));
            } else {
                let sum = &mut sums[j * dimensions..][..dimensions];
                scale(sum, 1.0 / totals[j]);
                centers.set(
                    j,
                    Point {
                        values: sum,
                        norm: norm(sum),
                        sparse: false,
                    },
                );
            }
        }
    }
    Ok(())
}
