//! How fast files become batches.
//!
//! `cargo bench -p gugus-ingest --bench import_rate -- FILE ROWS` imports a file three times, into new folders, in batches
//! of so many rows, and prints seconds; `-- points N ROWS` writes a Parquet file of N points first.
//!
//! The job has the columns `LAT` and `LON`, both float64; other columns are kept as text.
#![allow(clippy::unwrap_used, reason = "whoever runs it reads the panic")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use gugus_files::Store;
use gugus_ingest::import::{Config, Cut, Repeat, run};
use gugus_progress::Progress;
use gugus_spec::Job;
use parquet::arrow::ArrowWriter;

/// Runs of which each is told: the first warms the caches.
const RUNS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let (file, rows) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["points", count, rows] => {
            let file = folder.path().join("points.parquet");
            write_points(&file, count.parse().unwrap());
            (file, rows.to_owned())
        }
        [file, rows] => (PathBuf::from(file), rows.to_owned()),
        _ => return println!("usage: import_rate FILE ROWS | import_rate points N ROWS"),
    };
    let job = format!(
        "name = \"rate\"\n[source]\ntopic = \"rate\"\n[source.columns]\nLAT = {{ type = \"float64\", required = true }}\n\
         LON = {{ type = \"float64\", required = true }}\n[batches]\nrows = {rows}\n"
    );
    let job = Job::parse(&job, "rate.toml").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for number in 1..=RUNS {
        let store = folder.path().join(format!("batches-{number}"));
        let config = Config {
            job: job.clone(),
            store: Store::open(store.to_str().unwrap()).unwrap(),
            files: vec![file.clone()],
            cut: Cut::ByRows,
            repeat: Repeat::Refuse,
            progress: Progress::default(),
        };
        let begun = Instant::now();
        let summary = runtime.block_on(run(config, Default::default())).unwrap();
        println!("{:.3} s: {summary:?}", begun.elapsed().as_secs_f64());
    }
}

/// Points that compress like real ones: four decimals.
fn write_points(file: &std::path::Path, count: usize) {
    let mut writer = None;
    for begin in (0..count).step_by(1_000_000) {
        let rows = begin..count.min(begin + 1_000_000);
        let column = |factor: usize, least: f64| -> ArrayRef {
            let values = rows
                .clone()
                .map(|row| least + ((row * factor) % 9_973) as f64 / 10_000.0);
            Arc::new(Float64Array::from_iter_values(values))
        };
        let batch = RecordBatch::try_from_iter([
            ("LAT", column(7_919, 33.5)),
            ("LON", column(6_271, -118.9)),
        ])
        .unwrap();
        let writer = writer.get_or_insert_with(|| {
            ArrowWriter::try_new(std::fs::File::create(file).unwrap(), batch.schema(), None)
                .unwrap()
        });
        writer.write(&batch).unwrap();
    }
    writer.unwrap().close().unwrap();
}
