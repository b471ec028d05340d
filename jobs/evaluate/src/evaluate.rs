//! The evaluation of a saved model.

use std::ops::RangeInclusive;
use std::time::Instant;

use gugus_kmeans_all::Assessed;
use gugus_progress::Progress;
use gugus_submit::{Jobs, Submit};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::figures::Evaluation;
use crate::subject::Subject;

impl Subject {
    /// Evaluates the model on this cluster. For comparison it also fits models with these numbers of clusters.
    ///
    /// # Errors
    /// [`Error::Stopped`] after `stop`; [`Error::Train`] when the cluster fails; [`Error::Rows`] when the rows cannot be
    /// evaluated on.
    pub async fn evaluate(
        &self,
        cluster: &dyn Submit,
        elbow: Option<RangeInclusive<usize>>,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<Evaluation, Error> {
        let began = Instant::now();
        let elbow = self.elbow(elbow)?;
        progress.set_total(1 + elbow.len() as u64);
        let jobs = self.jobs(cluster, stop).await;
        let work = async {
            progress.say(format!("{}: silhouette", self.work.model.name));
            let assessed = self.assess(&jobs, &self.centers).await?;
            progress.advance(1);
            let mut points = Vec::new();
            for with in &elbow {
                points.push(self.elbow_point(&jobs, with, progress).await?);
                progress.advance(1);
            }
            Ok((assessed, points))
        };
        let result = work.await;
        jobs.settle().await;
        let (assessed, elbow) = result.map_err(Error::or_stopped)?;
        Ok(self.figures(assessed, elbow, began.elapsed()))
    }

    /// The figures of `centers` on all rows.
    pub(crate) async fn assess(
        &self,
        jobs: &Jobs<'_>,
        centers: &[Vec<f64>],
    ) -> Result<Assessed, Error> {
        let model = (centers, self.measure);
        let assessed = gugus_train::assess(jobs, &self.work, model, &self.batches).await?;
        assessed.map_err(|reason| self.rows_do_not_allow(reason))
    }
}
