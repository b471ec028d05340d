//! One model over all batches: `scope = "all"`.

use crate::kit::same::{contains, same};
use std::fmt::Write as _;

use serde_json::Value;

use crate::kit::machines::{Cluster, executor_with, figure, scheduler};
use crate::kit::process::Up;
use crate::kit::work::{Work, comparable, lines, model};

/// A model over all batches.
fn all(more: &str) -> String {
    model("all", &format!("k = 4\nseed = 3\nscope = \"all\"\n{more}"))
}

/// `rows` points around four places, as CSV.
fn places(work: &Work, name: &str, rows: u64) -> String {
    let mut text = "x,y\n".to_owned();
    for i in 0..rows {
        let noise = |salt: u64| ((i * 7_919 + salt) % 1_009) as f64 / 1_009.0;
        let x = noise(1) + 10.0 * (i % 4 / 2) as f64;
        let y = noise(500) + 10.0 * (i % 2) as f64;
        writeln!(text, "{x},{y}").unwrap();
    }
    work.write(name, text)
}

/// The centers, as bits.
fn centers(work: &Work, models: &str) -> Vec<Vec<u64>> {
    let centers = work.centers_of(models, "all").into_iter();
    centers
        .map(|c| c.into_iter().map(f64::to_bits).collect())
        .collect()
}

#[test]
fn a_model_over_all_batches_is_the_same_on_any_cluster() {
    let work = Work::new();
    let job = work.job(70, &all(""));
    work.imported(&job, &places(&work, "points.csv", 3_000));
    let embedded = work.train(&job, &[]).expect(0).json();
    for slots in ["1", "3"] {
        let cluster = Cluster::<2>::new(slots);
        let remote = cluster.trained(&work, &job, slots);
        let line = |report: &Value| lines(report, "all")[0].clone();
        assert_eq!(
            line(&remote),
            line(&embedded),
            "2 executors of {slots} slots"
        );
        assert_eq!(centers(&work, slots), centers(&work, "models"));
        cluster.stop();
    }
}

/// Every place is found by a model over all batches, of a window, and of a batch.
#[test]
fn better_starts_find_every_place_on_any_cluster() {
    let work = Work::new();
    let start = "init = \"k-means++\"\nn_init = 3\n";
    let of = |name: &str, scope: &str| model(name, &format!("k = 4\nseed = 3\n{scope}{start}"));
    let window = "scope = \"window\"\nwindow = { last = 100 }\n";
    let models = all(start) + &of("newest", window) + &of("each", "");
    let job = work.job(400, &models);
    work.imported(&job, &places(&work, "points.csv", 1_600));
    let embedded = work.train(&job, &[]).expect(0).json();
    for (name, size) in [("all", 400), ("newest", 400), ("each", 100)] {
        for line in lines(&embedded, name) {
            assert_eq!(line["sizes"], serde_json::json!(vec![size; 4]), "{line}");
        }
    }
    let cluster = Cluster::<2>::new("1");
    let remote = cluster.trained(&work, &job, "remote");
    same(&comparable(&remote), &comparable(&embedded));
    assert_eq!(centers(&work, "remote"), centers(&work, "models"));
    cluster.stop();
}

/// Tasks go back to the executor that read their files, though either could run them.
#[test]
fn files_are_read_once_and_later_passes_find_them_in_memory() {
    let work = Work::new();
    let job = work.job(100, &all("tol = 0.0\nmax_iter = 30\n"));
    work.imported(&job, &work.scattered("in.csv", 4_000));
    let cluster = Cluster::<2>::new("2");
    assert_eq!(cluster.trained(&work, &job, "models")["trained"], 1);
    let each = |name: &str| {
        let name = format!("gugus_executor_feature_cache_{name}");
        let executors = cluster.executors.each_ref();
        executors.map(|executor| figure(executor, &name))
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
        "[[models]]\nname = \"all\"\nfeatures = [{}]\nk = 3\nmax_iter = 2\ninit_steps = 1\nscope = \"all\"\n",
        features.join(", ")
    );
    let job = work.job(ROWS / 8, &models);
    work.imported(&job, &work.scattered("in.csv", ROWS / 8));

    let scheduler = scheduler();
    let url = scheduler.url("grpc").to_owned();
    let executor = executor_with(&url, "2", "--memory-limit 16MiB --log debug");
    let train = |models: &str| work.trained(&job, models, &["--scheduler", &url]);
    // The first batch fits. It takes the memory of the process itself and of a task's buffers.
    train("first");
    let before = peak(&executor);
    work.imported(&job, &work.scattered("more.csv", 7 * ROWS / 8));
    let small = train("small");
    let more = peak(&executor) - before;
    assert!(
        more < 2 * LIMIT,
        "{more} bytes more than for an eighth of the data"
    );
    contains(&executor.stderr(), &["its points do not fit into memory"]);

    let embedded = work.train(&job, &[]).expect(0).json();
    same(&comparable(&small), &comparable(&embedded));
    assert_eq!(centers(&work, "small"), centers(&work, "models"));
    let memory = |of: &str| figure(&executor, &format!("gugus_executor_memory_{of}_bytes"));
    assert_eq!(memory("limit"), LIMIT);
    assert!(memory("reserved") <= LIMIT);
}
