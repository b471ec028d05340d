//! How good a saved model is: what it costs, how its clusters lie to each other, and what other numbers of clusters would
//! come to.
//!
//! Invariant: rows become points by what `model.json` says, through the same plan node as in a training. So an evaluation
//! sees the rows that the model was trained on and no others, whatever the job file says by now.

mod elbow;
mod error;
mod figures;
mod sample;
mod subject;

use std::ops::RangeInclusive;
use std::time::Instant;

use gugus_engine::{Access, ClusterError};
use gugus_features::AllFile;
use gugus_kmeans_all::{Assessed, Assessment};
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

pub use self::error::EvaluationError;
pub use self::figures::{ClusterFigures, ElbowPoint, Evaluation};
pub use self::sample::Sample;
pub use self::subject::{On, Subject, Which};

use crate::all::{Passed, Passes, describe};
use crate::error::Error;
use crate::retry::Pace;
use crate::run::connect;
use crate::wave::WaveContext;

impl Subject {
    /// Evaluates the model on the cluster at `scheduler`, and fits others of so many clusters to compare it with.
    ///
    /// # Errors
    /// [`Error::Stopped`] after `stop`; [`Error::Cluster`] when the cluster fails; [`EvaluationError::Rows`] when the rows
    /// cannot be evaluated on.
    pub async fn evaluate(
        &self,
        scheduler: impl Into<Access>,
        elbow: Option<RangeInclusive<usize>>,
        progress: &ProgressBar,
        stop: &CancellationToken,
    ) -> Result<Evaluation, Error> {
        let began = Instant::now();
        let elbow = self.elbow(elbow)?;
        progress.set_length(1 + elbow.len() as u64);
        let (cluster, groups) = connect(scheduler.into()).await?;
        let context = self.context(&cluster, groups);
        let files = self.files();
        let work = async {
            progress.set_message(format!("{}: silhouette", self.work.model.name));
            let assessed = self.assess(&context, &self.centers, &files, stop).await?;
            progress.inc(1);
            let mut points = Vec::new();
            for with in &elbow {
                let point = self.elbow_point(&context, with, &files, progress, stop);
                points.push(point.await?);
                progress.inc(1);
            }
            Ok((assessed, points))
        };
        let result = work.await;
        cluster.settle().await;
        let (assessed, elbow) = result.map_err(stopped)?;
        Ok(self.figures(assessed, elbow, began.elapsed()))
    }

    /// What `centers` come to on all of `files`.
    async fn assess(
        &self,
        context: &WaveContext<'_>,
        centers: &[Vec<f64>],
        files: &[AllFile],
        stop: &CancellationToken,
    ) -> Result<Assessed, Error> {
        let (work, measure) = (&self.work, self.measure);
        let mut assessment = Assessment::new(
            centers.to_vec(),
            measure,
            work.plan.width(),
            work.plan.weighting(),
            work.model.handle_invalid,
        );
        let mut passes = Passes::new(context, work, measure, files);
        while let Some(step) = assessment.step() {
            let merged = match passes.run(&step, stop).await? {
                Passed::All(merged) => merged,
                Passed::Failed(reason) => return Err(self.rows_do_not_allow(reason)),
            };
            if let Err(error) = assessment.absorb(merged) {
                let (reason, _) = describe(work, error)?;
                return Err(self.rows_do_not_allow(reason));
            }
        }
        assessment
            .finish()
            .ok_or_else(|| self.rows_do_not_allow("it ended without a result".to_owned()))
    }

    /// What a pass needs to know of the cluster.
    fn context<'a>(&'a self, cluster: &'a gugus_engine::Cluster, groups: usize) -> WaveContext<'a> {
        let run = uuid::Uuid::new_v4().simple().to_string();
        WaveContext {
            cluster,
            store: self.store.registry_url(),
            groups,
            label: format!("{} evaluation {}", self.about.job, &run[..8]),
            pace: Pace::default(),
        }
    }

    /// The files that have rows, as passes read them.
    fn files(&self) -> Vec<AllFile> {
        let with_rows = self.batches.values().filter(|facts| facts.rows > 0);
        with_rows.map(|facts| facts.all_file()).collect()
    }

    fn rows_do_not_allow(&self, reason: String) -> Error {
        Error::Evaluation(EvaluationError::Rows {
            model: self.work.model.name.to_string(),
            reason,
        })
    }
}

/// A Ballista job that was cancelled was so by the user.
fn stopped(error: Error) -> Error {
    match error {
        Error::Cluster(ClusterError::Cancelled) => Error::Stopped,
        other => other,
    }
}
