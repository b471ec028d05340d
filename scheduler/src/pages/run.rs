//! `/runs/{id}`: one run with its log and its job file.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};

use super::document::{document, refusal};
use super::parts::{count, moment, progress, run_state, state};
use super::shown::Shown;
use crate::runs::{RunDetail, RunError, RunId};

/// The most Ballista jobs that the page names.
const ROWS: usize = 50;

/// How many bytes of the end of a log the page shows.
const LOG_SHOWN: usize = 16 * 1024;

pub(super) async fn page(State(shown): State<Shown>, Path(id): Path<String>) -> Response {
    let Some(runs) = shown.runs else {
        return refusal(StatusCode::NOT_FOUND, "this scheduler takes no runs");
    };
    let id: RunId = match id.parse() {
        Ok(id) => id,
        Err(error) => return refusal(StatusCode::NOT_FOUND, &error.to_string()),
    };
    let read = tokio::task::spawn_blocking(move || {
        let detail = runs.detail(&id)?;
        Ok::<_, RunError>((detail, runs.log_end(&id, LOG_SHOWN)?))
    });
    match read.await {
        Ok(Ok((detail, log))) => {
            let title = format!("Run {}", detail.run.id);
            document(&title, &body(&detail, &log))
        }
        Ok(Err(error @ RunError::NoSuchRun { .. })) => {
            refusal(StatusCode::NOT_FOUND, &error.to_string())
        }
        Ok(Err(error)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn body(detail: &RunDetail, log: &str) -> Markup {
    let run = &detail.run;
    html! {
        p { a href="/" { "Gugus scheduler" } }
        h1 { "Run " code { (run.id) } }
        p { (run_state(run)) }
        @if let Some(why) = &run.failure { div.why { p { (why) } } }
        table.about { tbody {
            tr { th { "Job" } td { (run.job) } }
            tr { th { "Batches" } td { code { (run.batches) } } }
            tr { th { "Models" } td { code { (run.models) } } }
            @if !run.only.is_empty() { tr { th { "Only" } td { (run.only.join(", ")) } } }
            tr { th { "Progress" } td { (progress(run)) } }
            @if run.state.is_final() {
                tr { th { "Trained" } td { (count(run.trained)) } }
                tr { th { "Failed" } td { (count(run.failed)) } }
                tr { th { "Skipped" } td { (count(run.skipped)) } }
            }
            tr { th { "Submitted" } td { (moment(&run.submitted)) " UTC" } }
            @if let Some(started) = &run.started { tr { th { "Started" } td { (moment(started)) " UTC" } } }
            @if let Some(ended) = &run.ended { tr { th { "Ended" } td { (moment(ended)) " UTC" } } }
            tr { th { "Attempts" } td { (run.attempts) } }
        } }
        h2 { "Log" }
        @if log.is_empty() { p.quiet { "Nothing yet." } } @else { pre { (log) } }
        @if !run.ballista_jobs.is_empty() {
            h2 { "Ballista jobs" }
            div.wide { table {
                thead { tr { th { "Ballista job" } th { "State" } th.rest { "Name" } } }
                tbody { @for job in run.ballista_jobs.iter().rev().take(ROWS) { tr {
                    td { code { (job.id) } }
                    td { (state(&job.state)) }
                    td { (job.name) }
                } } }
            } }
        }
        h2 { "Job file" }
        pre { (detail.job_file) }
    }
}
