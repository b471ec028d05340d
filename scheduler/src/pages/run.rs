//! `/runs/{id}`: one run.

use gugus_pages::run::{ParseRunIdError, RunId, RunPage};
use gugus_spec::Job;
use http::StatusCode;

use super::served::Asked;
use super::shown::Shown;
use crate::problem::Problem;
use crate::runs::{ModelsAsked, Runs, blocking, took};

/// How many bytes of the end of a log the page shows.
const LOG_SHOWN: usize = 16 * 1024;

pub(super) async fn gather(shown: Shown, asked: Asked) -> Result<RunPage, Problem> {
    let (runs, id) = named(shown, asked.part("id"))?;
    let models = ModelsAsked::read(|name| asked.choice(name));
    blocking(move || {
        let (run, job_file) = runs.with_job_file(&id)?;
        let understood = match Job::parse(&job_file, "job file") {
            Ok(job) => job.to_string(),
            Err(error) => gugus_error::chain(&error),
        };
        Ok(RunPage {
            took: took(&run),
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
    let none = || Problem::new(StatusCode::NOT_FOUND, "this scheduler takes no runs");
    let runs = shown.runs.ok_or_else(none)?;
    let id = id
        .parse()
        .map_err(|error: ParseRunIdError| Problem::new(StatusCode::NOT_FOUND, error.to_string()))?;
    Ok((runs, id))
}
