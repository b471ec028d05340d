//! How long the passes of a training over all batches take: ten slices of a million rows of two uniform columns on two threads, and one
//! slice of ten columns on one. Run with `cargo run --release -p gugus-kmeans-all --example all_speed`; a number of rows as argument
//! replaces the million.

use std::error::Error;
use std::time::Instant;

use gugus_kmeans::{DistanceMeasure, HandleInvalid, Params};
use gugus_kmeans_all::{
    Kernel, Partial, PointOrder, Points, PointsBuilder, Step, Training, Weighting, key, run_step,
};

const SLICES: usize = 10;
const THREADS: usize = 2;

type Answer<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Answer<()> {
    let rows = match std::env::args().nth(1) {
        Some(rows) => rows.parse()?,
        None => 1_000_000,
    };
    let started = Instant::now();
    let slices: Vec<usize> = (0..SLICES).collect();
    let points = on_threads(&slices, |slice| Answer::Ok(uniform(rows, 2, *slice as u64)))?;
    let size: usize = points.iter().map(Points::heap_size).sum();
    println!(
        "{} rows x 2 made and built in {:.1} ms on {THREADS} threads, {:.2} times the columns' bytes",
        SLICES * rows,
        milliseconds(started),
        size as f64 / (SLICES * rows * 2 * size_of::<f64>()) as f64
    );
    for k in [5, 64] {
        train(k, &points)?;
    }
    let wide = [uniform(rows, 10, 0)];
    println!("{rows} rows x 10, one thread");
    train(64, &wide)?;
    Ok(())
}

/// Trains once and prints what each pass took.
fn train(k: usize, points: &[Points]) -> Answer<()> {
    let dimensions = points[0].dimensions();
    let params = Params {
        k,
        seed: 1,
        tol: 0.0,
        ..Params::default()
    };
    let mut training = Training::new(params, dimensions, Weighting::Uniform, HandleInvalid::Error)?;
    let began = Instant::now();
    let mut iterations = Vec::new();
    while let Some(step) = training.step() {
        let started = Instant::now();
        let partials = on_threads(points, |points| run_step(&step, points, Kernel::Vector))?;
        let mut merged = Partial::empty(&step, dimensions);
        for partial in partials {
            merged.merge(partial)?;
        }
        let progress = training.absorb(merged)?;
        match step {
            Step::Lloyd { .. } => iterations.push(milliseconds(started)),
            _ => println!(
                "  k = {k}: {} {:.1} ms",
                progress.step,
                milliseconds(started)
            ),
        }
    }
    let texts: Vec<String> = iterations.iter().map(|took| format!("{took:.1}")).collect();
    println!("  k = {k}: lloyd {} ms", texts.join(" "));
    println!("  k = {k}: all {:.1} ms", milliseconds(began));
    Ok(())
}

/// Points of made-up numbers in [0, 1).
fn uniform(rows: usize, dimensions: usize, slice: u64) -> Points {
    let started = Instant::now();
    let mut state = slice + 1;
    let mut next = || {
        // Marsaglia's xorshift with Vigna's multiplier: any generator would do.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let columns: Vec<Vec<f64>> = (0..dimensions)
        .map(|_| (0..rows).map(|_| next()).collect())
        .collect();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let keys: Vec<u64> = (0..rows as i64).map(|row| key(slice, 0, row)).collect();
    let made = milliseconds(started);
    let mut builder =
        PointsBuilder::new(dimensions, DistanceMeasure::Euclidean, Weighting::Uniform);
    builder.reserve(rows);
    builder.push(&columns, None, &keys);
    let points = builder.finish(PointOrder::Auto);
    println!(
        "  slice {slice}: made in {made:.1} ms, built in {:.1} ms",
        milliseconds(started) - made
    );
    points
}

/// One answer for each of `items`, computed on [`THREADS`] threads.
fn on_threads<I: Sync, T: Send, E: Into<Box<dyn Error + Send + Sync>> + Send>(
    items: &[I],
    compute: impl Fn(&I) -> Result<T, E> + Sync,
) -> Answer<Vec<T>> {
    let answers = std::thread::scope(|scope| {
        let threads: Vec<_> = items
            .chunks(items.len().div_ceil(THREADS))
            .map(|items| {
                let compute = &compute;
                scope.spawn(move || items.iter().map(compute).collect::<Result<Vec<T>, E>>())
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join())
            .collect::<Vec<_>>()
    });
    let mut all = Vec::new();
    for answer in answers {
        all.extend(
            answer
                .map_err(|_| "a thread panicked")?
                .map_err(Into::into)?,
        );
    }
    Ok(all)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
