//! Work that ends when nobody waits for it any more.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use datafusion::parquet::arrow::ArrowWriter;
use gugus_features::{Expressions, FeaturePlan, FitSettings, WaveFile, Weighting, wave_plan};
use gugus_kmeans::{InitMode, Params};
use gugus_spec::{
    Algorithm, Column, ColumnType, Feature, HandleInvalid, Nullability, OtherColumns,
};
use gugus_submit::{InProcess, Submit};
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

/// The file of one batch. Its fit with [`long`] takes minutes.
fn write(path: &std::path::Path) -> WaveFile {
    let mut state = 7_u64;
    let mut unit = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64
    };
    let mut column = || -> ArrayRef {
        let numbers: Vec<f64> = (0..400_000).map(|_| unit()).collect();
        Arc::new(Float64Array::from(numbers))
    };
    let rows = RecordBatch::try_from_iter([("x", column()), ("y", column())]).unwrap();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    WaveFile {
        batch: 1,
        path: path.to_str().unwrap().trim_start_matches('/').to_owned(),
        size: path.metadata().unwrap().len(),
    }
}

fn long() -> FitSettings {
    FitSettings {
        algorithm: Algorithm::KMeans(Params {
            k: 2_000,
            max_iter: 100_000,
            tol: 0.0,
            init_mode: InitMode::Random,
            ..Params::default()
        }),
        features: vec!["x".to_owned(), "y".to_owned()],
        weighting: Weighting::Uniform,
        handle_invalid: HandleInvalid::Error,
    }
}

/// Waits until this process has computed for two more seconds. All but the fit takes a fraction of a second.
fn fit_begun() {
    let enough = computed() + 200;
    let deadline = Instant::now() + Duration::from_secs(60);
    while computed() < enough {
        assert!(Instant::now() < deadline, "no fit began");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How long this process has computed, in hundredths of a second.
fn computed() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program stands in parentheses, and may hold anything.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

#[test]
fn a_fit_ends_when_its_job_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(&folder.path().join("batch.parquet"));
    let columns = ["x", "y"].map(|name| Column {
        name: name.to_owned(),
        data_type: ColumnType::Float64,
        nullability: Nullability::Required,
    });
    let features = [Feature::column("x"), Feature::column("y")];
    let expressions = Expressions::features(&features);
    let plan = FeaturePlan::new(&columns, OtherColumns::Drop, &expressions).unwrap();
    let plan = wave_plan(&plan, long(), "file:///", &[file], 1).unwrap();

    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    // This thread is none of the runtime's: a fit keeps a thread busy, and timers of the runtime may wait for it.
    let run = runtime.spawn(async move {
        let (cluster, stop) = (InProcess::new(1), CancellationToken::new());
        cluster.run(plan, "long", &stop).await
    });
    fit_begun();
    assert!(!run.is_finished(), "the fit is too short");
    run.abort();
    let dropped = Instant::now();
    // It waits for the thread of the fit.
    drop(runtime);
    assert!(dropped.elapsed() < Duration::from_secs(20));
}
