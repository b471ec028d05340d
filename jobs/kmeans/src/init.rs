//! The first centers: k-means||, rows drawn at random, or greedy k-means++.

use std::ops::Range;

use crate::centers::CenterList;
use crate::distance::{Cosine, Euclidean, Measure, Points};
use crate::local;
use crate::params::{DistanceMeasure, Init, InitMode, Params};
use crate::plus_plus::{choose, sample_size};
use crate::random::{Random, XorShiftRandom};
use crate::sample::take_sample;
use crate::stop::{Stop, Stopped};
use crate::vectors::scale;

/// Rounds of Lloyd's iterations over the candidates of k-means||.
pub(crate) const LOCAL_ROUNDS: u32 = 30;

/// Finds at most `k` first centers of one of the starts, fewer when fewer distinct rows are drawn. Weights play no part
/// here. The first start is Spark's.
pub(crate) fn first_centers(
    params: &Params,
    start: u32,
    points: &Points<'_>,
    partitions: &[Range<usize>],
    stop: &Stop,
) -> Result<CenterList, Stopped> {
    let mut seeds = XorShiftRandom::new(params.seed);
    for _ in 0..start {
        seeds.next_int();
    }
    let seed = seeds.next_int();
    if params.init == Init::PlusPlus {
        let centers = plus_plus(params, seed, points, partitions, stop)?;
        // A sample of many equal rows may lack what the others have. Then k-means|| looks at all of them.
        if centers.len() == params.k || points.len() <= sample_size(params.k, points.dimensions()) {
            return Ok(centers);
        }
    } else if params.init_mode == InitMode::Random {
        return Ok(random(params.k, seed, points, partitions));
    }
    match params.distance_measure {
        DistanceMeasure::Euclidean => parallel::<Euclidean>(params, seed, points, partitions, stop),
        DistanceMeasure::Cosine => parallel::<Cosine>(params, seed, points, partitions, stop),
    }
}

/// Rows drawn without replacement; what was drawn twice, because it stands in several rows, is dropped.
fn random(k: usize, seed: i32, points: &Points<'_>, partitions: &[Range<usize>]) -> CenterList {
    let mut centers = CenterList::new(points.dimensions());
    for row in take_sample(partitions, k, seed) {
        // Unlike the candidates of k-means||, these keep the form of their rows.
        centers.push(points.get(row));
    }
    centers.distinct()
}

/// Greedy k-means++ on a sample. Under the cosine distance only the directions of the rows count.
fn plus_plus(
    params: &Params,
    seed: i32,
    points: &Points<'_>,
    partitions: &[Range<usize>],
    stop: &Stop,
) -> Result<CenterList, Stopped> {
    let sample = take_sample(partitions, sample_size(params.k, points.dimensions()), seed);
    let rows: Vec<Vec<f64>> = sample
        .iter()
        .map(|row| {
            let mut values = points.values(*row).to_vec();
            if params.distance_measure == DistanceMeasure::Cosine {
                scale(&mut values, 1.0 / points.norms()[*row]);
            }
            values
        })
        .collect();
    let mut draws = XorShiftRandom::new(i64::from(seed));
    let mut centers = CenterList::new(points.dimensions());
    for row in choose(&rows, params.k, || draws.next_double(), stop)? {
        centers.push(points.get(sample[row]).dense());
    }
    Ok(centers)
}

/// k-means||: in each step, rows join the candidates with a probability in proportion to their cost; what comes out is
/// weighted by the rows nearest to it and reduced to `k` centers.
fn parallel<M: Measure>(
    params: &Params,
    seed: i32,
    points: &Points<'_>,
    partitions: &[Range<usize>],
    stop: &Stop,
) -> Result<CenterList, Stopped> {
    let mut candidates = CenterList::new(points.dimensions());
    for row in take_sample(partitions, 1, seed) {
        candidates.push(points.get(row).dense());
    }
    let mut costs = vec![f64::INFINITY; points.len()];
    let mut newest = 0..candidates.len();
    for step in 0..params.init_steps {
        let mut total = 0.0;
        let work = newest.len() * points.dimensions();
        for partition in partitions {
            let mut sum = 0.0;
            for piece in stop.pieces(partition.clone(), work) {
                for row in piece? {
                    let cost = candidates.nearest::<M>(newest.clone(), points.get(row)).1;
                    costs[row] = cost.min(costs[row]);
                    sum += costs[row];
                }
            }
            total += sum;
        }
        let known = candidates.len();
        for (index, partition) in partitions.iter().enumerate() {
            let mut draws =
                XorShiftRandom::new(i64::from(seed ^ ((step as i32) << 16) ^ index as i32));
            for row in partition.clone() {
                if draws.next_double() < 2.0 * costs[row] * params.k as f64 / total {
                    candidates.push(points.get(row).dense());
                }
            }
        }
        newest = known..candidates.len();
    }
    let candidates = candidates.distinct();
    if candidates.len() <= params.k {
        return Ok(candidates);
    }
    let mut weights = vec![0.0; candidates.len()];
    let work = candidates.len() * points.dimensions();
    for piece in stop.pieces(0..points.len(), work) {
        for row in piece? {
            weights[candidates
                .nearest::<M>(0..candidates.len(), points.get(row))
                .0] += 1.0;
        }
    }
    local::k_means_plus_plus(&candidates, &weights, params.k, LOCAL_ROUNDS, stop)
}
