//! How long a pass over wide rows takes, beside one bare product in single precision of the same shape: rows times centers,
//! whose scores nobody reads. Run with `bench/pass/run`. The arguments are a number that divides the rows, and the number of
//! threads (1 and 2 unless given).
//!
//! The product is made by `faer`, the fastest of the libraries that were compared, on blocks of rows that fit a cache. That
//! is faster than one call for all rows, which has to write all scores to memory. The best size of blocks counts.

use std::error::Error;
use std::time::Instant;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use gugus_kmeans::{DistanceMeasure, HandleInvalid, Params};
use gugus_kmeans_all::{
    Kernel, Partial, PointOrder, Points, PointsBuilder, Step, Training, Weighting, key, run_step,
};

/// Rows, columns, clusters.
const SHAPES: [(usize, usize, usize); 2] = [(1_000_000, 16, 64), (500_000, 64, 100)];

/// Rows of a block of the product. The fastest counts.
const BLOCKS: [usize; 3] = [256, 1024, 4096];

/// As many products of each size as passes, and of all the median counts.
const TRIES: usize = 20;

type Answer<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Answer<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let divisor = arguments.next().unwrap_or(Ok(1))?;
    let threads = arguments.next().transpose()?;
    println!(
        "| rows x columns, k | data | threads | product ms | first pass | median pass | least | median / product |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|--:|");
    for threads in threads.map_or(vec![1, 2], |threads| vec![threads]) {
        for (rows, columns, k) in SHAPES {
            for blobs in [0, k] {
                let rows = rows / divisor / threads;
                let columns_of = |slice| columns_of(rows, columns, blobs, slice);
                let slices: Vec<_> = (0..threads).map(|slice| columns_of(slice as u64)).collect();
                let product = BLOCKS
                    .map(|block| product(&slices, k, block))
                    .into_iter()
                    .fold(f64::INFINITY, f64::min);
                let points: Vec<Points> = slices.iter().enumerate().map(points_of).collect();
                drop(slices);
                let mut passes = passes(&points, k)?;
                let first = passes[0];
                let median = median(&mut passes);
                let least = passes[0];
                println!(
                    "| {} x {columns}, {k} | {} | {threads} | {product:.1} | {first:.1} | {median:.1} | {least:.1} | {:.2} |",
                    rows * threads,
                    if blobs == 0 { "uniform" } else { "blobs" },
                    median / product
                );
            }
        }
    }
    Ok(())
}

/// The milliseconds of each pass of one training, all slices at once on a thread each.
fn passes(points: &[Points], k: usize) -> Answer<Vec<f64>> {
    let params = Params {
        k,
        seed: 1,
        tol: 0.0,
        ..Params::default()
    };
    let columns = points[0].dimensions();
    let mut training = Training::new(params, columns, Weighting::Uniform, HandleInvalid::Error)?;
    let mut passes = Vec::new();
    while let Some(step) = training.step() {
        let started = Instant::now();
        let partials = on_threads(points, |points| run_step(&step, points, Kernel::default()));
        if let Step::Lloyd { .. } = step {
            passes.push(milliseconds(started));
        }
        let mut merged = Partial::empty(&step, columns);
        for partial in partials {
            merged.merge(partial?)?;
        }
        training.absorb(merged)?;
    }
    Ok(passes)
}

/// The milliseconds of the product of all rows with `k` centers in such blocks, all slices at once on a thread each.
fn product(slices: &[Vec<Vec<f64>>], k: usize, block: usize) -> f64 {
    let columns = slices[0].len();
    let centers = Mat::<f32>::from_fn(columns, k, |column, center| {
        slices[0][column][center] as f32
    });
    // Each block has its columns one after another, which is the fastest order. The last one has the rows that are left.
    let blocks = on_threads(slices, |slice| {
        let rows = slice[0].len();
        let mut blocks = Vec::with_capacity(rows * columns);
        for first in (0..rows).step_by(block) {
            let rows = first..rows.min(first + block);
            for column in slice {
                blocks.extend(column[rows.clone()].iter().map(|value| *value as f32));
            }
        }
        blocks
    });
    let mut tries: Vec<f64> = (0..TRIES)
        .map(|_| {
            let started = Instant::now();
            on_threads(&blocks, |blocks| {
                let mut scores = Mat::<f32>::zeros(block, k);
                for values in blocks.chunks(block * columns) {
                    let count = values.len() / columns;
                    let rows = MatRef::from_column_major_slice(values, count, columns);
                    matmul(
                        scores.as_mut().subrows_mut(0, count),
                        Accum::Replace,
                        rows,
                        centers.as_ref(),
                        1.0,
                        Par::Seq,
                    );
                    std::hint::black_box(&mut scores);
                }
            });
            milliseconds(started)
        })
        .collect();
    median(&mut tries)
}

/// Rows in [0, 1), or around so many middles in [0, 1), as columns.
fn columns_of(rows: usize, columns: usize, blobs: usize, slice: u64) -> Vec<Vec<f64>> {
    let numbers = |mut state: u64| {
        move || {
            // Marsaglia's xorshift with Vigna's multiplier: any generator would do.
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
        }
    };
    let mut middle = numbers(1);
    let middles: Vec<f64> = (0..blobs * columns).map(|_| middle()).collect();
    let mut next = numbers(slice + 2);
    let mut values = vec![Vec::with_capacity(rows); columns];
    for _ in 0..rows {
        let blob = (next() * blobs as f64) as usize;
        for (column, values) in values.iter_mut().enumerate() {
            values.push(match middles.get(blob * columns + column) {
                // The sum of three numbers is close enough to a normal one.
                Some(middle) => middle + 0.1 * (next() + next() + next() - 1.5),
                None => next(),
            });
        }
    }
    values
}

fn points_of((slice, columns): (usize, &Vec<Vec<f64>>)) -> Points {
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let rows = columns[0].len() as i64;
    let keys: Vec<u64> = (0..rows).map(|row| key(slice as u64, 0, row)).collect();
    let (measure, weighting) = (DistanceMeasure::Euclidean, Weighting::Uniform);
    let mut builder = PointsBuilder::new(columns.len(), measure, weighting);
    builder.push(&columns, None, &keys);
    builder.finish(PointOrder::Auto)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Does the work on each item on a thread of its own.
fn on_threads<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if let [only] = items {
        return vec![work(only)];
    }
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = items
            .iter()
            .map(|item| scope.spawn(move || work(item)))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|joined| joined.expect("no thread panics"))
            .collect()
    })
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
