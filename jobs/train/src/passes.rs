//! Passes over all rows: each is one Ballista job, and a fit over all rows is some of them.

use std::time::Instant;

use arrow::array::{Array, AsArray, RecordBatch};
use gugus_clusters::Fitted;
use gugus_features::{
    AllFile, EncodedRows, FitOutcome, PARTIAL_COLUMN, Pass, PointSettings, WaveError, pass_plan,
};
use gugus_kmeans::{DistanceMeasure, Stop};
use gugus_kmeans_all::{AllError, Partial, Step, StepReport, Training};
use gugus_submit::{Jobs, Pace, SubmitError};

use crate::batches::Batches;
use crate::error::Error;
use crate::wave::NO_ROWS;
use crate::work::ModelWork;

/// Passes over the same rows.
#[derive(Debug)]
pub struct Passes<'a> {
    jobs: &'a Jobs<'a>,
    work: &'a ModelWork,
    points: PointSettings,
    rows: EncodedRows,
    store: &'a str,
    files: Vec<AllFile>,
    pace: Pace,
    begun: u32,
}

/// What a pass came to.
#[derive(Debug)]
pub enum Passed {
    /// The answer over all files.
    All(Partial),
    /// The files cannot be read or an expression fails on one of their rows; in the words for a user.
    Failed(String),
}

impl<'a> Passes<'a> {
    /// Passes over all rows of these batches, which become points as `work` says; under cosine as directions.
    ///
    /// # Errors
    /// [`Error`] when DataFusion refuses the plan.
    pub fn new(
        jobs: &'a Jobs<'a>,
        work: &'a ModelWork,
        measure: DistanceMeasure,
        batches: &'a Batches,
    ) -> Result<Self, Error> {
        let store = batches.url();
        let rows = EncodedRows::new(&work.plan, store).map_err(SubmitError::from)?;
        Ok(Self {
            jobs,
            work,
            points: work.plan.point_settings(measure),
            rows,
            store,
            files: batches.pass_files(&work.model),
            pace: Pace::default(),
            begun: 0,
        })
    }

    /// Fits the model of `work` on all rows of these batches. It begins with the centers `start`, or draws its own.
    ///
    /// # Errors
    /// [`Error`], where the rows are not to blame.
    pub async fn fit(
        jobs: &Jobs<'_>,
        work: &ModelWork,
        batches: &Batches,
        start: Option<Vec<Vec<f64>>>,
        progress: &(dyn Fn(&StepReport) + Sync),
    ) -> Result<FitOutcome, Error> {
        let model = &work.model;
        let Some(params) = model.algorithm.kmeans() else {
            return Err(Error::algorithm(model));
        };
        let failed = |reason: String, rows: u64| Ok(FitOutcome::Failed { reason, rows });
        let mut passes = Passes::new(jobs, work, params.distance_measure, batches)?;
        let (dimensions, weighting) = (passes.points.dimensions, work.plan.weighting());
        let training = Training::new(
            params.clone(),
            dimensions,
            weighting,
            work.model.handle_invalid,
        );
        let mut training = match training {
            Ok(training) => training.starting_from(start),
            Err(error) => return failed(error.to_string(), 0),
        };
        while let Some(step) = training.step() {
            let began = Instant::now();
            let merged = match passes.run(&step).await? {
                Passed::All(merged) => merged,
                Passed::Failed(reason) => return failed(reason, 0),
            };
            // The choice of the first centers of many clusters takes minutes, so a thread that may block makes it.
            let stop = Stop::default();
            let _ends_with_this_fit = stop.on_drop();
            training = training.until(&stop);
            let absorbing = tokio::task::spawn_blocking(move || {
                let absorbed = training.absorb(merged);
                (training, absorbed)
            });
            let (after, absorbed) = tokio::select! {
                done = absorbing => done.map_err(|source| Error::Thread {
                    model: model.name.clone(),
                    source,
                })?,
                () = jobs.stop().cancelled() => return Err(SubmitError::Cancelled.into()),
            };
            training = after;
            match absorbed {
                Ok(done) => {
                    let seconds = began.elapsed().as_secs_f64();
                    tracing::debug!(
                        model = %model.name, pass = done.pass, step = done.step, cost = done.cost, moved = done.moved,
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
        let Some(fit) = training.finish() else {
            return failed("the fit ended without a model".to_owned(), 0);
        };
        Ok(FitOutcome::Trained(fit.fit.of(Fitted::Centers)))
    }

    /// Computes a step on all files.
    ///
    /// # Errors
    /// [`Error`], where the rows are not to blame.
    pub async fn run(&mut self, step: &Step) -> Result<Passed, Error> {
        self.begun += 1;
        let (jobs, model, pass) = (self.jobs, &self.work.model.name, self.begun);
        let of = Pass {
            step: step.clone(),
            points: self.points.clone(),
            rows: self.rows.clone(),
            run: jobs.label().to_owned(),
        };
        let plan =
            pass_plan(of, self.store, &self.files, jobs.groups()).map_err(SubmitError::from)?;
        let name = format!("{model} pass {pass} {}", step.name());
        match jobs.run(&name, &self.pace, plan).await {
            Ok(rows) => merge(step, self.points.dimensions, &rows).map(Passed::All),
            // That is about the data, so no other model fails.
            Err(SubmitError::Data { reason }) => Ok(Passed::Failed(reason)),
            Err(error) => Err(error.into()),
        }
    }
}

/// All partial results as one. Their order does not matter.
fn merge(step: &Step, dimensions: usize, rows: &[RecordBatch]) -> Result<Partial, Error> {
    let layout = || {
        let column = PARTIAL_COLUMN.to_owned();
        SubmitError::from(WaveError::Layout { column })
    };
    let mut all = Partial::empty(step, dimensions);
    for rows in rows {
        let column = rows.column_by_name(PARTIAL_COLUMN).ok_or_else(layout)?;
        let column = column.as_binary_opt::<i32>().ok_or_else(layout)?;
        for index in 0..column.len() {
            let part = Partial::decode(column.value(index)).map_err(Error::Partial)?;
            all.merge(part).map_err(Error::Partial)?;
        }
    }
    Ok(all)
}

/// What the data cannot give, in the words of the per-batch fits, and of how many rows.
///
/// # Errors
/// [`Error::Passes`], where not the data but the passes are to blame.
pub fn describe(work: &ModelWork, error: AllError) -> Result<(String, u64), Error> {
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
        AllError::Partial(_) => return Err(Error::Passes(error)),
        AllError::NoRows => (NO_ROWS.to_owned(), 0),
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
