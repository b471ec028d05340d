//! `/jobs/{id}`: one Ballista job.

use gugus_pages::job::JobPage;
use http::StatusCode;

use super::served::Asked;
use super::shown::Shown;
use crate::clock;
use crate::problem::Problem;

pub(super) async fn gather(shown: Shown, asked: Asked) -> Result<JobPage, Problem> {
    let job = shown.cluster.job(asked.part("id")).await;
    let job = job.ok_or_else(|| {
        let why = "there is no such Ballista job, or its record was removed; /jobs lists those that are kept";
        Problem::new(StatusCode::NOT_FOUND, why)
    })?;
    let has_run = job.row.run.as_ref().is_some_and(|run| shown.has_run(run));
    Ok(JobPage {
        job,
        now: clock::now(),
        has_run,
    })
}
