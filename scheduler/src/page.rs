//! The scheduler's page: what there is, as it is now. No script and nothing from elsewhere, so that it works where there
//! is no way to the internet.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use gugus_engine::About;
use http::{HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::cluster::{ClusterView, ExecutorSeen, JobSeen};
use crate::runs::{Run, RunDetail, RunError, RunId, RunState, Runs};

/// Rows of a table; the interface has all.
const ROWS: usize = 50;

/// Seconds after which a browser asks again.
const REFRESH: &str = "5";

/// The end of a log that is shown, in bytes.
const LOG_SHOWN: usize = 16 * 1024;

/// Nothing but this page and its style: what a job file or an error says cannot become a script.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

const STYLE: &str = "
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --quiet: color-mix(in srgb, currentColor 62%, transparent); }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1.2rem; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
p { margin: .3rem 0; } .quiet { color: var(--quiet); } a { color: inherit; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .32rem .9rem .32rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--quiet); white-space: nowrap; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code, pre { font: 13px/1.45 ui-monospace, monospace; } pre { overflow-x: auto; border: 1px solid var(--line); padding: .7rem; white-space: pre-wrap; overflow-wrap: anywhere; }
progress { width: 9rem; vertical-align: middle; accent-color: #2f7d4f; }
.state { white-space: nowrap; } .state::before { content: '●'; margin-right: .4em; color: #8a8a8a; }
.running::before, .queued::before { color: #2f6fd0; } .finished::before, .successful::before, .ready::before { color: #2f7d4f; }
.failed::before, .lost::before { color: #c2382b; } .cancelled::before, .interrupted::before { color: #b9770e; }
.why { color: var(--quiet); overflow-wrap: anywhere; }
";

/// What the page shows.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) cluster: ClusterView,
    pub(crate) runs: Option<Runs>,
}

/// `/` and `/runs/{id}`.
pub(crate) fn routes(page: Page) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/runs/{id}", get(run))
        .with_state(page)
}

async fn front(State(page): State<Page>) -> Response {
    let (executors, jobs) = (page.cluster.executors().await, page.cluster.jobs().await);
    let runs = page.runs.as_ref().map(Runs::list);
    let body = html! {
        h1 { "Gugus scheduler" }
        p.quiet { (About::ours()) }
        h2 { "Executors" }
        (executors_table(&executors))
        @if let Some(runs) = &runs {
            h2 { "Runs" }
            (runs_table(runs))
        }
        h2 { "Ballista jobs" }
        (jobs_table(&jobs))
    };
    document("Gugus scheduler", &body)
}

async fn run(State(page): State<Page>, Path(id): Path<String>) -> Response {
    let Some(runs) = page.runs else {
        return nothing(StatusCode::NOT_FOUND, "this scheduler takes no runs");
    };
    let id: RunId = match id.parse() {
        Ok(id) => id,
        Err(error) => return nothing(StatusCode::NOT_FOUND, &error.to_string()),
    };
    let looked = tokio::task::spawn_blocking(move || {
        let detail = runs.detail(&id)?;
        Ok::<_, RunError>((detail, runs.log_end(&id, LOG_SHOWN)?))
    });
    match looked.await {
        Ok(Ok((detail, log))) => {
            let title = format!("Run {}", detail.run.id);
            document(&title, &run_body(&detail, &log))
        }
        Ok(Err(error @ RunError::NoSuchRun { .. })) => {
            nothing(StatusCode::NOT_FOUND, &error.to_string())
        }
        Ok(Err(error)) => nothing(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        Err(error) => nothing(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// A page that says why there is none.
fn nothing(status: StatusCode, why: &str) -> Response {
    let body = html! {
        p { a href="/" { "Gugus scheduler" } }
        p { (why) }
    };
    (status, document("Gugus scheduler", &body)).into_response()
}

fn document(title: &str, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content=(REFRESH);
                title { (title) }
                // An icon of no bytes: browsers would ask for one.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    let mut response = Html(page.into_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn executors_table(executors: &[ExecutorSeen]) -> Markup {
    if executors.is_empty() {
        return html! { p.quiet { "None has registered. Start one with " code { "gugus executor --scheduler df://HOST:PORT" } "." } };
    }
    html! {
        div.wide { table {
            thead { tr { th { "Address" } th.n { "Slots" } th { "Last heartbeat" } th { "Id" } } }
            tbody { @for executor in executors { tr {
                td { (executor.address) }
                td.n { (executor.slots) }
                td { @match executor.silent {
                    Some(silent) if silent.as_secs() < 4 => { span.state.ready { (silent.as_secs()) " s ago" } }
                    Some(silent) => { span.state.lost { (silent.as_secs()) " s ago" } }
                    None => { span.state { "none yet" } }
                } }
                td { code { (executor.id) } }
            } } }
        } }
    }
}

fn runs_table(runs: &[Run]) -> Markup {
    if runs.is_empty() {
        return html! { p.quiet { "None was submitted. " code { "gugus submit --job FILE --scheduler df://HOST:PORT" } " hands a job file over; runs of " code { "gugus train" } " are driven by their clients and show below, as Ballista jobs." } };
    }
    html! {
        div.wide { table {
            thead { tr { th { "Run" } th { "State" } th { "Job" } th { "Progress" } th.n { "Trained" } th.n { "Failed" } th.n { "Skipped" } th { "Submitted" } } }
            tbody { @for run in runs.iter().take(ROWS) { tr {
                td { a href={ "/runs/" (run.id) } { code { (run.id) } } }
                td { (run_state(run.state)) @if let Some(why) = &run.failure { div.why { (why) } } }
                td { (run.job) }
                td { (progress(run)) }
                td.n { (run.trained) }
                td.n { (run.failed) }
                td.n { (run.skipped) }
                td { (moment(&run.submitted)) }
            } } }
        } }
        @if runs.len() > ROWS { p.quiet { "… and " (runs.len() - ROWS) " older ones: " code { "gugus runs list" } } }
    }
}

fn jobs_table(jobs: &[JobSeen]) -> Markup {
    if jobs.is_empty() {
        return html! { p.quiet { "None in the last minutes." } };
    }
    html! {
        div.wide { table {
            thead { tr { th { "Ballista job" } th { "State" } th { "Name" } th.n { "Stages" } th.n { "Time" } } }
            tbody { @for job in jobs.iter().take(ROWS) { tr {
                td { code { (job.id) } }
                td { span class={ "state " (job.state) } { (job.state) } @if let Some(why) = &job.failure { div.why { (why) } } }
                td { (job.name) }
                td.n { (job.stages_done) " of " (job.stages) }
                td.n { (format!("{:.2} s", job.took.as_secs_f64())) }
            } } }
        } }
        @if jobs.len() > ROWS { p.quiet { "… and " (jobs.len() - ROWS) " older ones: " code { "/api/jobs" } } }
    }
}

fn run_body(detail: &RunDetail, log: &str) -> Markup {
    let run = &detail.run;
    html! {
        p { a href="/" { "Gugus scheduler" } }
        h1 { "Run " code { (run.id) } }
        p { (run_state(run.state)) " " (progress(run)) }
        @if let Some(why) = &run.failure { p.why { (why) } }
        div.wide { table { tbody {
            tr { th { "Job" } td { (run.job) } }
            tr { th { "Batches" } td { code { (run.batches) } } }
            tr { th { "Models" } td { code { (run.models) } } }
            tr { th { "Submitted" } td { (moment(&run.submitted)) } }
            tr { th { "Started" } td { (run.started.as_deref().map_or("—".to_owned(), moment)) } }
            tr { th { "Ended" } td { (run.ended.as_deref().map_or("—".to_owned(), moment)) } }
            tr { th { "Attempts" } td { (run.attempts) } }
            tr { th { "Trained, failed, skipped" } td { (run.trained) ", " (run.failed) ", " (run.skipped) } }
        } } }
        h2 { "Log" }
        @if log.is_empty() { p.quiet { "Nothing yet." } } @else { pre { (log) } }
        @if !run.ballista_jobs.is_empty() {
            h2 { "Ballista jobs" }
            div.wide { table {
                thead { tr { th { "Ballista job" } th { "State" } th { "Name" } } }
                tbody { @for job in run.ballista_jobs.iter().rev().take(ROWS) { tr {
                    td { code { (job.id) } }
                    td { span class={ "state " (job.state) } { (job.state) } }
                    td { (job.name) }
                } } }
            } }
        }
        h2 { "Job file" }
        pre { (detail.job_file) }
    }
}

fn run_state(state: RunState) -> Markup {
    html! { span class={ "state " (state.as_str()) } { (state.as_str()) } }
}

fn progress(run: &Run) -> Markup {
    let progress = &run.progress;
    html! {
        @if progress.total > 0 {
            progress value=(progress.done) max=(progress.total) { }
            " " (progress.done) " of " (progress.total)
        } @else if run.state == RunState::Running {
            span.quiet { "looking at batches and models" }
        }
        @if !progress.message.is_empty() { div.why { (progress.message) } }
    }
}

/// `2026-11-23 09:10:11 UTC`, from RFC 3339.
fn moment(text: &str) -> String {
    match text.split_once('T') {
        Some((day, time)) => format!("{day} {} UTC", time.get(..8).unwrap_or(time)),
        None => text.to_owned(),
    }
}
