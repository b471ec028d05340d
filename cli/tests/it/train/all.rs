//! One model over all batches: `scope = "all"`.

use crate::kit::same::same;
use std::fmt::Write as _;

use serde_json::Value;

use crate::kit::machines::{executor, executors, figure, scheduler};
use crate::kit::process::{Signal, Up, run, up};
use crate::kit::work::{Work, comparable, lines};

const WHOLE: &str =
    "[[models]]\nname = \"whole\"\nfeatures = [\"x\", \"y\"]\nk = 4\nseed = 3\nscope = \"all\"\n";

/// `rows` points around four places, as CSV.
fn places(work: &Work, name: &str, rows: u64) -> String {
    let mut text = "x,y\n".to_owned();
    for i in 0..rows {
        let noise = |salt: u64| ((i * 7_919 + salt) % 1_009) as f64 / 1_009.0;
        let place = i % 4;
        let (x, y) = (
            noise(1) + 10.0 * (place / 2) as f64,
            noise(500) + 10.0 * (place % 2) as f64,
        );
        writeln!(text, "{x},{y}").unwrap();
    }
    work.write(name, text)
}

/// The centers, as bits.
fn centers(work: &Work, models: &str) -> Vec<Vec<u64>> {
    let models = work.path(models);
    let shown = run([
        "models", "show", "whole", "--models", &models, "--output", "json",
    ])
    .expect(0)
    .json();
    let centers: Vec<Vec<f64>> = serde_json::from_value(shown["centers"].clone()).unwrap();
    centers
        .into_iter()
        .map(|c| c.into_iter().map(f64::to_bits).collect())
        .collect()
}

#[test]
fn a_model_over_everything_is_the_same_on_any_cluster() {
    let work = Work::new();
    let job = work.job(70, WHOLE);
    work.import(&job, &places(&work, "points.csv", 3_000), &[])
        .expect(0);
    let embedded = work.train(&job, &[]).expect(0).json();
    for slots in ["1", "3"] {
        let scheduler = scheduler();
        let url = scheduler.url("grpc").to_owned();
        let executors = executors(&url, slots);
        let models = work.path(slots);
        let batches = work.path("batch");
        let remote = run([
            "train",
            "--job",
            &job,
            "--batches",
            &batches,
            "--models",
            &models,
            "--scheduler",
            &url,
            "--output",
            "json",
        ])
        .expect(0)
        .json();
        let line = |report: &Value| lines(report, "whole")[0].clone();
        assert_eq!(
            line(&remote),
            line(&embedded),
            "2 executors of {slots} slots"
        );
        assert_eq!(centers(&work, slots), centers(&work, "models"));
        for executor in executors {
            executor.stop(Signal::Term).expect(0);
        }
        scheduler.stop(Signal::Term).expect(0);
    }
}

/// Tasks go back to the executor that read their files, though either could run them.
#[test]
fn files_are_read_once_and_later_passes_find_them_in_memory() {
    let work = Work::new();
    let job = work.job(100, &format!("{WHOLE}tol = 0.0\nmax_iter = 30\n"));
    work.import(&job, &work.scattered("in.csv", 4_000), &[])
        .expect(0);
    let scheduler = scheduler();
    let url = scheduler.url("grpc").to_owned();
    let executors = [(); 2].map(|()| executor(&url, "2"));
    let training = work.training(&job, "models", &["--scheduler", &url]);
    assert_eq!(training.run().expect(0).json()["trained"], 1);
    let each = |name: &str| {
        let name = format!("gugus_executor_feature_cache_{name}");
        executors.each_ref().map(|executor| figure(executor, &name))
    };
    let (files, hits, misses) = (each("files"), each("hits_total"), each("misses_total"));
    let told = format!("{files:?} files, {hits:?} hits, {misses:?} misses");
    assert!(files.iter().sum::<u64>() >= 40, "{told}");
    // An executor that is late or busy lets the other read some of its files once; no pass after that reads any.
    assert!(misses.iter().sum::<u64>() <= 80, "{told}");
    assert!(hits.iter().sum::<u64>() >= 15 * 40, "{told}");
}

/// The most memory that a process ever had, in bytes.
fn peak(of: &Up) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", of.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    1024 * kilobytes.parse::<u64>().unwrap()
}

/// Eight features of two columns: what executors hold is eight times as large as what was imported.
#[test]
fn data_of_four_times_an_executors_memory_train_within_it() {
    const LIMIT: u64 = 16 << 20;
    const ROWS: u64 = 4 * LIMIT / (8 * 8);
    let work = Work::new();
    let features = [
        "x", "y", "x * y", "x + y", "x - y", "x * x", "y * y", "x / 2",
    ];
    let features = features.map(|sql| format!("{{ name = \"{sql}\", sql = \"{sql}\" }}"));
    let models = format!(
        "[[models]]\nname = \"whole\"\nfeatures = [{}]\nk = 3\nmax_iter = 2\ninit_steps = 1\nscope = \"all\"\n",
        features.join(", ")
    );
    let job = work.job(ROWS / 8, &models);
    let csv = work.scattered("in.csv", ROWS / 8);
    work.import(&job, &csv, &[]).expect(0);

    let scheduler = scheduler();
    let url = scheduler.url("grpc").to_owned();
    let executor = up([
        "--log",
        "debug",
        "executor",
        "--scheduler",
        &url,
        "--task-slots",
        "2",
        "--memory-limit",
        "16MiB",
        "--monitor",
        "127.0.0.1:0",
    ]);
    let train = |models: &str| {
        let training = work.training(&job, models, &["--scheduler", &url]);
        training.run().expect(0).json()
    };
    // The first batch fits. What it takes is what the process itself is, and a task's buffers.
    train("first");
    let before = peak(&executor);
    work.import(&job, &work.scattered("more.csv", 7 * ROWS / 8), &[])
        .expect(0);
    let small = train("small");
    let more = peak(&executor) - before;
    assert!(
        more < 2 * LIMIT,
        "{more} bytes more than for an eighth of the data"
    );
    let told = executor.stderr();
    assert!(told.contains("read again in every pass"), "{told}");

    let embedded = work.train(&job, &[]).expect(0).json();
    same(&comparable(&small), &comparable(&embedded));
    assert_eq!(centers(&work, "small"), centers(&work, "models"));
    assert_eq!(
        figure(&executor, "gugus_executor_memory_limit_bytes"),
        LIMIT
    );
    assert!(figure(&executor, "gugus_executor_memory_reserved_bytes") <= LIMIT);
}
