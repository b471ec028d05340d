//! Passes over all batches, run by DataFusion itself over real Parquet files.
//!
//! What they answer is held against the same fit over points in memory, bit by bit.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, RecordBatch};
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::TaskContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use gugus_kmeans::{DistanceMeasure, HandleInvalid, Params};
use gugus_kmeans_all::{
    AllFit, Kernel, Partial, PointOrder, PointsBuilder, Training, Weighting, key, run_step,
};
use gugus_spec::{ColumnType, Feature, OtherColumns};

use super::files::{self, codec};
use crate::{
    AllFile, EncodedRows, Expressions, FeatureCache, FeaturePlan, PARTIAL_COLUMN, Pass,
    YieldingPool, pass_plan,
};

const ROWS: u64 = 700;

/// A batch of so many rows that they are computed in several chunks if they do not fit into memory.
const LONG: u64 = 111;
const LONG_ROWS: u64 = 150_000;

/// Points of batch `number`, some of them equal to others.
fn points(number: u64) -> (Vec<f64>, Vec<f64>) {
    let at = |i: u64, salt: u64| {
        let noise = (i * 7_919 + number * 104_729 + salt) % 97;
        ((i % 5) * 10) as f64 + noise as f64 / 50.0
    };
    let rows = if number == LONG { LONG_ROWS } else { ROWS };
    (0..rows).map(|i| (at(i, 1), at(i, 2))).unzip()
}

fn write(folder: &Path, number: u64) -> AllFile {
    let (x, y) = points(number);
    let partitions = vec![0; x.len()];
    let offsets: Vec<i64> = (0..x.len() as i64).collect();
    let rows = RecordBatch::try_from_iter([
        ("x", Arc::new(Float64Array::from(x)) as ArrayRef),
        ("y", Arc::new(Float64Array::from(y)) as ArrayRef),
        ("_partition", Arc::new(Int32Array::from(partitions))),
        ("_offset", Arc::new(Int64Array::from(offsets))),
    ])
    .unwrap();
    AllFile {
        file: files::write(folder, number, &rows),
        commit: number + 1_000,
        points: None,
    }
}

fn plan() -> FeaturePlan {
    files::plan(Some("x < 45"))
}

fn params() -> Params {
    Params {
        k: 6,
        seed: 3,
        ..Params::default()
    }
}

fn training() -> Training {
    Training::new(params(), 2, Weighting::Uniform, HandleInvalid::Error).unwrap()
}

/// The same fit over points in memory.
fn expected(numbers: &[u64]) -> AllFit {
    let weighting = Weighting::Uniform;
    let mut builder = PointsBuilder::new(2, DistanceMeasure::Euclidean, weighting);
    for number in numbers {
        let (x, y) = points(*number);
        for (i, (x, y)) in x.into_iter().zip(y).enumerate() {
            if x < 45.0 {
                builder.push(&[&[x], &[y]], None, &[key(*number, 0, i as i64)]);
            }
        }
    }
    let points = builder.finish(PointOrder::Auto);
    let mut training = training();
    while let Some(step) = training.step() {
        let partial = run_step(&step, &points, Kernel::Scalar).unwrap();
        training.absorb(partial).unwrap();
    }
    training.finish().unwrap()
}

fn pass(training: &Training, plan: &FeaturePlan, run: &str) -> Pass {
    Pass {
        step: training.step().unwrap(),
        points: plan.point_settings(DistanceMeasure::Euclidean),
        rows: EncodedRows::new(plan, "file:///").unwrap(),
        run: run.to_owned(),
    }
}

async fn partials(plan: Arc<dyn ExecutionPlan>, context: &Arc<TaskContext>) -> Vec<Partial> {
    let rows = collect(plan, Arc::clone(context)).await.unwrap();
    let read = |rows: &RecordBatch| {
        let column = rows
            .column_by_name(PARTIAL_COLUMN)
            .unwrap()
            .as_binary::<i32>()
            .clone();
        column
            .iter()
            .map(|bytes| Partial::decode(bytes.unwrap()).unwrap())
            .collect::<Vec<_>>()
    };
    rows.iter().flat_map(read).collect()
}

fn merged(of: &Pass, partials: Vec<Partial>) -> Partial {
    let mut all = Partial::empty(&of.step, of.points.dimensions);
    for partial in partials {
        all.merge(partial).unwrap();
    }
    all
}

/// A fit over all batches. Every pass runs as on a cluster: it is written to bytes and read back.
async fn fit(files: &[AllFile], groups: usize, run: &str, context: &Arc<TaskContext>) -> AllFit {
    fit_of(&plan(), training(), files, groups, run, context).await
}

async fn fit_of(
    plan: &FeaturePlan,
    mut training: Training,
    files: &[AllFile],
    groups: usize,
    run: &str,
    context: &Arc<TaskContext>,
) -> AllFit {
    while training.step().is_some() {
        let of = pass(&training, plan, run);
        let made = pass_plan(of.clone(), "file:///", files, groups).unwrap();
        let sent = PhysicalPlanNode::try_from_physical_plan(made, &codec()).unwrap();
        let read = sent.try_into_physical_plan(context, &codec()).unwrap();
        let partials = partials(read, context).await;
        training.absorb(merged(&of, partials)).unwrap();
    }
    training.finish().unwrap()
}

fn with_cache(context: TaskContext, cache: Arc<FeatureCache>) -> Arc<TaskContext> {
    let config = context.session_config().clone().with_extension(cache);
    Arc::new(context.with_session_config(config))
}

/// A context with a cache and no limit.
fn caching() -> Arc<TaskContext> {
    with_cache(TaskContext::default(), Arc::default())
}

fn pool(bytes: usize) -> (Arc<dyn MemoryPool>, Arc<TaskContext>) {
    pool_and_disk(bytes, DiskManagerBuilder::default())
}

fn pool_and_disk(
    bytes: usize,
    disk: DiskManagerBuilder,
) -> (Arc<dyn MemoryPool>, Arc<TaskContext>) {
    let cache = Arc::new(FeatureCache::default());
    let counting = Arc::new(GreedyMemoryPool::new(bytes));
    let pool: Arc<dyn MemoryPool> = Arc::new(YieldingPool::new(counting, Arc::clone(&cache)));
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::clone(&pool))
        .with_disk_manager_builder(disk)
        .build_arc()
        .unwrap();
    let context = TaskContext::default().with_runtime(runtime);
    (pool, with_cache(context, cache))
}

#[tokio::test]
async fn a_model_over_all_batches_is_the_same_however_its_files_are_grouped() {
    let folder = tempfile::tempdir().unwrap();
    let numbers: Vec<u64> = (1..=9).collect();
    let files: Vec<AllFile> = numbers.iter().map(|n| write(folder.path(), *n)).collect();
    let expected = expected(&numbers);
    assert!(
        expected.fit.model.centers.len() > 3 && expected.fit.summary.iterations > 1,
        "{expected:?}"
    );
    let context = caching();
    for groups in [1, 2, 7, 64] {
        assert_eq!(
            fit(&files, groups, "grouped", &context).await,
            expected,
            "{groups} groups"
        );
    }
    let mut backwards = files;
    backwards.reverse();
    assert_eq!(
        fit(&backwards, 3, "grouped", &context).await,
        expected,
        "backwards"
    );
}

/// The scan below `plan` with only the groups of `slice`, as Ballista cuts a task.
fn sliced(plan: &Arc<dyn ExecutionPlan>, slice: std::ops::Range<usize>) -> Arc<dyn ExecutionPlan> {
    use datafusion::common::tree_node::{Transformed, TreeNode};
    let cut = Arc::clone(plan).transform_up(|node| {
        let Some(scan) = node.downcast_ref::<DataSourceExec>() else {
            return Ok(Transformed::no(node));
        };
        let config = scan.data_source().downcast_ref::<FileScanConfig>().unwrap();
        let groups = config.file_groups[slice.clone()].to_vec();
        let config = FileScanConfigBuilder::from(config.clone())
            .with_file_groups(groups)
            .build();
        Ok(Transformed::yes(
            DataSourceExec::from_data_source(config) as _
        ))
    });
    cut.unwrap().data
}

#[tokio::test]
async fn every_way_of_slicing_the_tasks_counts_each_row_once() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<AllFile> = (21..=26).map(|n| write(folder.path(), n)).collect();
    let plan = plan();
    let context = caching();
    let of = pass(&training(), &plan, "sliced");
    let groups = 6;
    let made = pass_plan(of.clone(), "file:///", &files, groups).unwrap();
    let all = merged(&of, partials(Arc::clone(&made), &context).await);
    // Each set of cuts between neighbouring groups is one way of slicing: 32 of them.
    for cuts in 0..1_u32 << (groups - 1) {
        let mut found = Vec::new();
        let mut first = 0;
        for next in 1..=groups {
            if next == groups || cuts & (1 << (next - 1)) != 0 {
                let task = partials(sliced(&made, first..next), &context).await;
                assert_eq!(task.len(), next - first, "one answer a group");
                found.extend(task);
                first = next;
            }
        }
        assert_eq!(merged(&of, found), all, "cuts {cuts:05b}");
    }
}

#[tokio::test]
async fn a_pool_of_any_size_gives_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let numbers: Vec<u64> = (41..=44).collect();
    let files: Vec<AllFile> = numbers.iter().map(|n| write(folder.path(), *n)).collect();
    let expected = expected(&numbers);
    // One file's points take some 20 kB, and 60 while they are put in order.
    for bytes in [0, 1_000, 100_000, 10_000_000] {
        let (pool, context) = pool(bytes);
        let run = format!("pool of {bytes}");
        assert_eq!(fit(&files, 2, &run, &context).await, expected, "{run}");
        assert!(pool.reserved() <= bytes);
    }
}

/// A disk manager that makes its files below `folder`.
fn disk(folder: &Path) -> DiskManagerBuilder {
    let folders = vec![folder.to_owned()];
    DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(folders))
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let below = |folder: &Path| {
        folder
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    below(folder).flat_map(|inner| below(&inner)).collect()
}

/// Room for the points of one or two of [`spilling`]'s files, not for all.
const TIGHT: usize = 100_000;

fn spilling(folder: &Path) -> (Vec<AllFile>, AllFit) {
    let numbers: Vec<u64> = (101..=106).collect();
    let files = numbers.iter().map(|n| write(folder, *n)).collect();
    (files, expected(&numbers))
}

#[tokio::test]
async fn points_that_do_not_fit_into_memory_lie_in_one_file_until_their_run_is_over() {
    let (folder, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (files, expected) = spilling(folder.path());
    let (pool, context) = pool_and_disk(TIGHT, disk(temporary.path()));
    assert_eq!(fit(&files, 2, "first", &context).await, expected);
    assert_eq!(files_below(temporary.path()).len(), 1, "one file for a run");
    // A pass reads no batch: some points are in memory, all others on disk.
    for file in &files {
        std::fs::remove_file(Path::new("/").join(&file.file.path)).unwrap();
    }
    assert_eq!(fit(&files, 3, "second", &context).await, expected);
    let disk = &context.runtime_env().disk_manager;
    let each = 24 * ROWS;
    assert!(disk.used_disk_space() > 2 * each && disk.used_disk_space() < 6 * each + 6 * 256);
    // The memory that is taken beside is given back, and the points stay.
    let other = MemoryConsumer::new("a fit").register(&pool);
    other.try_grow(TIGHT).unwrap();
    assert_eq!(pool.reserved(), TIGHT);
    assert_eq!(files_below(temporary.path()).len(), 1);
    let cache = context.session_config().get_extension::<FeatureCache>();
    cache.unwrap().clear();
    assert_eq!(
        files_below(temporary.path()),
        Vec::<std::path::PathBuf>::new()
    );
    assert_eq!(disk.used_disk_space(), 0);
}

#[tokio::test]
async fn a_batch_that_is_larger_than_the_pool_lies_on_disk_in_chunks() {
    let (folder, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = [write(folder.path(), LONG)];
    let expected = expected(&[LONG]);
    let (_, context) = pool_and_disk(1_000_000, disk(temporary.path()));
    assert_eq!(fit(&files, 1, "first", &context).await, expected);
    std::fs::remove_file(Path::new("/").join(&files[0].file.path)).unwrap();
    assert_eq!(fit(&files, 1, "second", &context).await, expected);
}

#[tokio::test]
async fn without_a_disk_that_takes_all_points_a_fit_gives_the_same() {
    let (folder, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (files, expected) = spilling(folder.path());
    let disabled = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    // The second has room for the points of one file and a half.
    let full = disk(temporary.path()).with_max_temp_directory_size(36 * ROWS);
    for disk in [disabled, full] {
        let told = format!("{disk:?}");
        let (_, context) = pool_and_disk(TIGHT, disk);
        assert_eq!(
            fit(&files, 2, "no disk", &context).await,
            expected,
            "{told}"
        );
        assert_eq!(
            sources(&files[5], "no disk", &context).await,
            (1, 0),
            "{told}"
        );
    }
}

#[tokio::test]
async fn batches_are_read_again_if_somebody_removes_the_file_of_points() {
    let (folder, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (files, expected) = spilling(folder.path());
    let (_, context) = pool_and_disk(TIGHT, disk(temporary.path()));
    assert_eq!(fit(&files, 2, "removed", &context).await, expected);
    assert_eq!(sources(&files[5], "removed", &context).await, (0, 1));
    for file in files_below(temporary.path()) {
        std::fs::remove_file(file).unwrap();
    }
    assert_eq!(fit(&files, 2, "removed", &context).await, expected);
    assert_eq!(sources(&files[5], "removed", &context).await, (1, 0));
}

#[tokio::test]
async fn the_cache_makes_room_when_the_pool_is_asked_for_memory() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<AllFile> = (61..=64).map(|n| write(folder.path(), n)).collect();
    let (pool, context) = pool(400_000);
    fit(&files, 2, "making room", &context).await;
    let kept = pool.reserved();
    assert!(kept > 0, "points stay for the next pass");
    let other = MemoryConsumer::new("a fit").register(&pool);
    other.try_grow(400_000 - kept / 2).unwrap();
    assert!(pool.reserved() <= 400_000);
}

/// The columns of a stream may have the names of what a scan carries.
#[tokio::test]
async fn columns_may_have_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = points(99);
    let names = ["_batch", "_commit", "_points", "__points"];
    let columns =
        [&x, &y, &x, &y].map(|values| Arc::new(Float64Array::from(values.clone())) as ArrayRef);
    let offsets: Vec<i64> = (0..x.len() as i64).collect();
    let identity = [
        (
            "_partition",
            Arc::new(Int32Array::from(vec![0; x.len()])) as ArrayRef,
        ),
        ("_offset", Arc::new(Int64Array::from(offsets))),
    ];
    let rows = RecordBatch::try_from_iter(names.into_iter().zip(columns).chain(identity)).unwrap();
    let file = AllFile {
        file: files::write(folder.path(), 99, &rows),
        commit: 5,
        points: Some(ROWS),
    };
    let columns = names.map(|name| files::column(name, ColumnType::Float64));
    let params = Training::new(params(), 2, Weighting::Uniform, HandleInvalid::Error).unwrap();
    for pair in [["_batch", "_commit"], ["_points", "__points"]] {
        let features = pair.map(Feature::column);
        let expressions = Expressions {
            condition: Some(if pair[0] == "_batch" {
                "\"_points\" < 45"
            } else {
                "\"_batch\" < 45"
            }),
            ..Expressions::features(&features)
        };
        let plan = FeaturePlan::new(&columns, OtherColumns::Drop, &expressions).unwrap();
        let fit = fit_of(
            &plan,
            params.clone(),
            std::slice::from_ref(&file),
            1,
            pair[0],
            &caching(),
        )
        .await;
        assert_eq!(fit, expected(&[99]), "{pair:?}");
    }
}

/// Rows of ten features can lie in single precision beside the points. They go when the points of another file need the room.
#[tokio::test]
async fn rounded_rows_make_room_for_points() {
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<AllFile> = (91..=96).map(|n| write(folder.path(), n)).collect();
    // A file that tells how many points it gives, one that tells too few, and one that cannot be believed.
    for (file, points) in files.iter_mut().zip([ROWS, ROWS / 3, u64::MAX]) {
        file.points = Some(points);
    }
    let features = (1..=10).map(|n| format!("x * {n} + y / {n}"));
    let plan = files::plan_of(&features.collect::<Vec<_>>(), None);
    let params = Params { k: 12, ..params() };
    let training = || Training::new(params.clone(), 10, Weighting::Uniform, HandleInvalid::Error);
    let fit = |pool: usize| {
        let (pool, context) = pool_and_disk(pool, DiskManagerBuilder::default());
        let (plan, files, training) = (&plan, &files, training().unwrap());
        async move {
            let fit = fit_of(plan, training, files, 1, "rounded", &context).await;
            let cache = context.session_config().get_extension::<FeatureCache>();
            let figures = cache.unwrap().figures();
            assert_eq!((figures.files, figures.misses), (6, 6));
            assert!(figures.bytes <= pool.reserved());
            (fit, figures.bytes)
        }
    };
    let (expected, with_all) = fit(100_000_000).await;
    let (few, with_few) = fit(800_000).await;
    assert_eq!(few, expected);
    let rounded = ROWS as usize * 10 * size_of::<f32>();
    assert!(
        with_few + 4 * rounded < with_all,
        "{with_few} of {with_all}"
    );
}

/// How many files a first pass over `file` read, and how many it found in memory.
async fn sources(file: &AllFile, run: &str, context: &Arc<TaskContext>) -> (usize, usize) {
    let plan = plan();
    let of = pass(&training(), &plan, run);
    let made = pass_plan(of, "file:///", std::slice::from_ref(file), 1).unwrap();
    partials(Arc::clone(&made), context).await;
    let metrics = made.metrics().unwrap();
    let count = |name: &str| metrics.sum_by_name(name).unwrap().as_usize();
    (count("files_read"), count("files_cached"))
}

#[tokio::test]
async fn a_file_is_read_once_and_anew_when_another_commit_has_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let before = write(folder.path(), 81);
    let context = caching();
    assert_eq!(sources(&before, "first", &context).await, (1, 0));
    assert_eq!(
        sources(&before, "second", &context).await,
        (0, 1),
        "another run finds it, too"
    );
    let after = AllFile {
        commit: before.commit + 1,
        ..before
    };
    assert_eq!(sources(&after, "third", &context).await, (1, 0));
    let without = Arc::new(TaskContext::default());
    assert_eq!(
        sources(&after, "fourth", &without).await,
        (1, 0),
        "no cache"
    );
}
