//! One model over everything: one Ballista job a pass, until the fit is done.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::Instant;

use arrow::array::{Array, AsArray, RecordBatch};
use gugus_engine::ClusterError;
use gugus_features::{AllFile, PARTIAL_COLUMN, Pass, PointSettings, WaveError, pass_plan};
use gugus_kmeans::{DistanceMeasure, Params};
use gugus_kmeans_all::{AllError, AllFit, Partial, Step, StepReport, Training};
use gugus_spec::CommitId;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::prepare::ModelWork;
use crate::retry::{Attempts, Pace};
use crate::wave::{self, WaveContext};

/// What a fit over everything gave.
pub(crate) enum AllOutcome {
    /// A model.
    Trained(AllFit),
    /// The data allow none; why, and how many rows were given.
    Failed { reason: String, rows: u64 },
}

/// Fits `work` on all of `files`.
pub(crate) async fn fit(
    context: &WaveContext<'_>,
    work: &ModelWork,
    params: &Params,
    files: &[AllFile],
    progress: &impl Fn(&StepReport),
    stop: &CancellationToken,
) -> Result<AllOutcome, Error> {
    let mut passes = Passes::new(context, work, params.distance_measure, files);
    let dimensions = passes.points.dimensions;
    let (weighting, invalid) = (work.plan.weighting(), work.model.handle_invalid);
    let failed = |reason: String, rows: u64| Ok(AllOutcome::Failed { reason, rows });
    let mut training = match Training::new(params.clone(), dimensions, weighting, invalid) {
        Ok(training) => training,
        Err(error) => return failed(error.to_string(), 0),
    };
    while let Some(step) = training.step() {
        let began = Instant::now();
        let merged = match passes.run(&step, stop).await? {
            Passed::All(merged) => merged,
            Passed::Failed(reason) => return failed(reason, 0),
        };
        match training.absorb(merged) {
            Ok(done) => {
                let seconds = began.elapsed().as_secs_f64();
                tracing::debug!(
                    model = %work.model.name, pass = done.pass, step = done.step, cost = done.cost, moved = done.moved,
                    seconds, "step ended"
                );
                progress(&done);
            }
            Err(error) => {
                let (reason, rows) = describe(work, error)?;
                return failed(reason, rows);
            }
        }
    }
    match training.finish() {
        Some(fit) => Ok(AllOutcome::Trained(fit)),
        None => failed("the fit ended without a model".to_owned(), 0),
    }
}

/// Passes over the same files, each of which is a Ballista job.
pub(crate) struct Passes<'a> {
    context: &'a WaveContext<'a>,
    work: &'a ModelWork,
    points: PointSettings,
    files: &'a [AllFile],
    pace: Pace,
    begun: u32,
}

/// What a pass came to.
pub(crate) enum Passed {
    /// The answer over all files.
    All(Partial),
    /// The files cannot be read or an expression fails on one of their rows; in the words for a user.
    Failed(String),
}

impl<'a> Passes<'a> {
    /// Passes over `files`, whose rows become points as `work` says; under cosine as directions.
    pub(crate) fn new(
        context: &'a WaveContext<'a>,
        work: &'a ModelWork,
        measure: DistanceMeasure,
        files: &'a [AllFile],
    ) -> Self {
        Self {
            context,
            work,
            points: work.plan.point_settings(measure),
            files,
            pace: Pace::default(),
            begun: 0,
        }
    }

    /// Computes a step on all files.
    pub(crate) async fn run(
        &mut self,
        step: &Step,
        stop: &CancellationToken,
    ) -> Result<Passed, Error> {
        self.begun += 1;
        let (context, work) = (self.context, self.work);
        let name = format!(
            "{} {} pass {} {}",
            context.label,
            work.model.name,
            self.begun,
            step.name()
        );
        let of = Pass {
            step: step.clone(),
            points: self.points.clone(),
            run: context.label.clone(),
        };
        let plan = || {
            pass_plan(
                &work.plan,
                of.clone(),
                context.store,
                self.files,
                context.groups,
            )
        };
        let began = Instant::now();
        let result = Attempts::new(context.cluster, &name, self.pace.limit())
            .run(plan, stop)
            .await;
        let rows = match result {
            Ok(rows) => rows,
            // An expression failed on some row, or a file cannot be read: that is about the data, so no other model fails.
            Err(Error::Cluster(ClusterError::Failed { ref message, .. }))
                if wave::is_about_data(message) =>
            {
                return Ok(Passed::Failed(wave::reason(message)));
            }
            Err(error) => return Err(error),
        };
        self.pace.took(began.elapsed());
        merge(step, self.points.dimensions, &rows).map(Passed::All)
    }
}

/// All partial results as one. Their order does not matter.
fn merge(step: &Step, dimensions: usize, rows: &[RecordBatch]) -> Result<Partial, Error> {
    let layout = || WaveError::Layout {
        column: PARTIAL_COLUMN.to_owned(),
    };
    let mut whole = Partial::empty(step, dimensions);
    for rows in rows {
        let column = rows.column_by_name(PARTIAL_COLUMN).ok_or_else(layout)?;
        let column = column.as_binary_opt::<i32>().ok_or_else(layout)?;
        for index in 0..column.len() {
            let part = Partial::decode(column.value(index)).map_err(Error::Partial)?;
            whole.merge(part).map_err(Error::Partial)?;
        }
    }
    Ok(whole)
}

/// What the data cannot give, in the words of the per-batch fits, and of how many rows.
pub(crate) fn describe(work: &ModelWork, error: AllError) -> Result<(String, u64), Error> {
    let name = |column: usize| match work.model.features.get(column) {
        Some(feature) => format!("feature \"{}\"", feature.name),
        None => "the weight".to_owned(),
    };
    let list = |columns: &[(usize, u64)], rows: u64, what: &str| {
        let part = |(column, count): &(usize, u64)| {
            format!("{}: {count} of {rows} rows are {what}", name(*column))
        };
        columns.iter().map(part).collect::<Vec<_>>().join(", ")
    };
    let (reason, rows) = match &error {
        AllError::Partial(_) => return Err(Error::All(error)),
        AllError::NoRows => (wave::NO_ROWS.to_owned(), 0),
        AllError::NotANumber { columns, rows } => (
            format!(
                "{}; filter them with `where` or set handle_invalid = \"skip\"",
                list(columns, *rows, "null or NaN")
            ),
            *rows,
        ),
        AllError::Infinite { columns, rows } => (list(columns, *rows, "infinite"), *rows),
        _ => (error.to_string(), 0),
    };
    Ok((reason, rows))
}

/// A number that tells this commit from any other of the same file's name.
pub(crate) fn commit_number(commit: &CommitId) -> u64 {
    // Of fixed keys: the same in every process of one version, so that a second run finds what a first one cached.
    let mut hasher = DefaultHasher::new();
    commit.as_str().hash(&mut hasher);
    hasher.finish()
}
