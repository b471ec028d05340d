//! `/runs/{id}`: one run.

use gugus_pages::run::{RunId, RunPage};
use gugus_spec::Job;

use super::served::Asked;
use super::shown::Shown;
use crate::blocking::blocking;
use crate::problem::Problem;
use crate::runs::{ModelsAsked, RunError, Runs, took};

/// How many bytes of the end of a log the page shows.
const LOG_SHOWN: usize = 16 * 1024;

pub(super) async fn gather(shown: Shown, asked: Asked) -> Result<RunPage, Problem> {
    let has_executor = !shown.cluster.slots().await.is_empty();
    let (runs, id) = named(shown, asked.part("id"))?;
    let models = ModelsAsked::read(|name| asked.choice(name));
    blocking(move || {
        let (run, job_file) = runs.with_job_file(&id)?;
        let understood = match Job::parse(&job_file, "job file") {
            Ok(job) => job.to_string(),
            Err(error) => gugus_error::chain(&error),
        };
        Ok::<_, RunError>(RunPage {
            took: took(&run),
            has_executor,
            course: runs.course(&id, &models)?,
            log: runs.log_end(&id, LOG_SHOWN)?,
            run,
            job_file,
            understood,
        })
    })
    .await
}

/// The runs, and the one that a path names.
pub(super) fn named(shown: Shown, id: &str) -> Result<(Runs, RunId), Problem> {
    Ok((shown.runs()?, id.parse::<RunId>()?))
}
