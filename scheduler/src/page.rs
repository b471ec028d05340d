//! The scheduler's page, which shows the present state. It has no script and loads nothing from other sites, so that it
//! works without the internet.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use gugus_engine::About;
use http::{HeaderValue, StatusCode, header};
use indicatif::HumanCount;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::cluster::{ClusterView, ExecutorSeen, JobSeen};
use crate::runs::{Run, RunDetail, RunError, RunId, RunState, Runs};

/// The most rows of a table; the REST interface has all of them.
const ROWS: usize = 50;

/// The most characters of a failure in a table; the run's own page has all of them.
const SHORT: usize = 300;

/// How long an executor may be silent. It sends a heartbeat every second and is given up after five.
const LATE: Duration = Duration::from_secs(4);

/// Seconds after which a browser loads the page again.
const REFRESH: &str = "5";

/// How many bytes of the end of a log the page shows.
const LOG_SHOWN: usize = 16 * 1024;

/// Permits nothing but this page and its style, so that no text of a job file or an error can become a script.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

const STYLE: &str = "
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 16%, transparent); --quiet: color-mix(in srgb, currentColor 62%, transparent); }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 74rem; padding: 0 1.2rem; }
h1 { font-size: 1.35rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 2.2rem 0 .4rem; }
p { margin: .3rem 0; } .quiet { color: var(--quiet); } a { color: inherit; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem 1.3rem .4rem 0; border-top: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
thead th { border-top: 0; font-weight: 600; color: var(--quiet); padding-bottom: .25rem; }
.n { text-align: right; font-variant-numeric: tabular-nums; } .rest { width: 100%; white-space: normal; }
.name { white-space: normal; overflow-wrap: anywhere; min-width: 14rem; }
tr.why td { border-top: 0; padding-top: 0; white-space: normal; }
.why p { color: var(--quiet); overflow-wrap: anywhere; margin: 0; max-width: 60rem; }
table.about { width: auto; } .about th { font-weight: 400; color: var(--quiet); } .about td { white-space: normal; overflow-wrap: anywhere; }
code, pre { font: 13px/1.5 ui-monospace, monospace; } h1 code { font-size: 1.2rem; }
pre { overflow-x: auto; border: 1px solid var(--line); border-radius: 4px; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
progress { width: 8rem; margin-right: .5rem; vertical-align: baseline; accent-color: #2f7d4f; }
.state::before { content: '●'; margin-right: .4em; color: #8a8a8a; }
.running::before, .queued::before { color: #2f6fd0; } .finished::before, .successful::before, .ready::before { color: #2f7d4f; }
.failed::before, .lost::before { color: #c2382b; } .cancelled::before, .interrupted::before, .some-failed::before { color: #b9770e; }
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

/// The page for a request that cannot be answered, with the reason.
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
                // An empty icon, because browsers ask for one.
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
            thead { tr { th { "Address" } th.n { "Slots" } th { "Last heartbeat" } th.rest { "Id" } } }
            tbody { @for executor in executors { tr {
                td { (executor.address) }
                td.n { (executor.slots) }
                td { @match executor.silent {
                    Some(silent) if silent < LATE => { span.state.ready { (silent.as_secs()) " s ago" } }
                    Some(silent) => { span.state.lost { (silent.as_secs()) " s ago" } }
                    None => { span.state { "none yet" } }
                } }
                td.rest { code { (executor.id) } }
            } } }
        } }
    }
}

fn runs_table(runs: &[Run]) -> Markup {
    if runs.is_empty() {
        return html! { p.quiet { "None was submitted. " code { "gugus submit --job FILE --scheduler df://HOST:PORT" } " hands a job file over. Runs of " code { "gugus train" } " are driven by their clients and show below, as Ballista jobs." } };
    }
    html! {
        div.wide { table {
            thead { tr { th { "Run" } th { "State" } th { "Job" } th.rest { "Progress" } th.n { "Trained" } th.n { "Failed" } th.n { "Skipped" } th { "Submitted (UTC)" } } }
            tbody { @for run in runs.iter().take(ROWS) {
                tr {
                    td { a href={ "/runs/" (run.id) } { code { (run.id) } } }
                    td { (run_state(run)) }
                    td { (run.job) }
                    td.rest { (progress(run)) }
                    @for models in [run.trained, run.failed, run.skipped] {
                        td.n { @if run.state.is_final() { (HumanCount(models)) } }
                    }
                    td { (moment(&run.submitted)) }
                }
                @if let Some(why) = &run.failure { tr.why { td { } td colspan="7" { p { (shortened(why)) } } } }
            } }
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
            thead { tr { th { "Ballista job" } th { "State" } th.rest { "Name" } th.n { "Stages" } th.n { "Time" } } }
            tbody { @for job in jobs.iter().take(ROWS) {
                tr {
                    td { code { (job.id) } }
                    td { span class={ "state " (job.state) } { (job.state) } }
                    td.rest.name { (job.name) }
                    td.n { (job.stages_done) " of " (job.stages) }
                    td.n { (format!("{:.2} s", job.took.as_secs_f64())) }
                }
                @if let Some(why) = &job.failure { tr.why { td { } td colspan="4" { p { (shortened(why)) } } } }
            } }
        } }
        @if jobs.len() > ROWS { p.quiet { "… and " (jobs.len() - ROWS) " older ones: " code { "/api/jobs" } } }
    }
}

fn run_body(detail: &RunDetail, log: &str) -> Markup {
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
                tr { th { "Trained" } td { (HumanCount(run.trained)) } }
                tr { th { "Failed" } td { (HumanCount(run.failed)) } }
                tr { th { "Skipped" } td { (HumanCount(run.skipped)) } }
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
                    td { span class={ "state " (job.state) } { (job.state) } }
                    td { (job.name) }
                } } }
            } }
        }
        h2 { "Job file" }
        pre { (detail.job_file) }
    }
}

fn run_state(run: &Run) -> Markup {
    let some_failed = run.state == RunState::Finished && run.failed > 0;
    let class = if some_failed {
        "some-failed"
    } else {
        run.state.as_str()
    };
    html! { span class={ "state " (class) } { (run.state) } }
}

fn progress(run: &Run) -> Markup {
    let progress = &run.progress;
    let (done, total) = (HumanCount(progress.done), HumanCount(progress.total));
    html! {
        @if progress.total > 0 {
            progress value=(progress.done) max=(progress.total) { }
            (done) " of " (total)
            @if !progress.message.is_empty() { " " span.quiet { (progress.message) } }
        } @else if run.state == RunState::Running {
            span.quiet { "looking at batches and models" }
        } @else if run.state == RunState::Queued {
            span.quiet { "waits for its turn" }
        } @else if run.state == RunState::Finished {
            span.quiet { "there was nothing to train" }
        }
    }
}

/// The beginning of a long text.
fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let beginning: String = characters.by_ref().take(SHORT).collect();
    match characters.next() {
        None => beginning,
        Some(_) => format!("{beginning}…"),
    }
}

/// `2026-11-23 09:10:11`, from RFC 3339.
fn moment(text: &str) -> String {
    match text.split_once('T') {
        Some((day, time)) => format!("{day} {}", time.get(..8).unwrap_or(time)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Foreign executors and clients may choose any name for themselves and their Ballista jobs.
    #[test]
    fn what_others_say_is_text() {
        let hostile = || "\"><script>alert('x')</script><img src=x onerror=y>".to_owned();
        let executors = [ExecutorSeen {
            id: hostile(),
            address: hostile(),
            slots: 1,
            silent: None,
        }];
        let jobs = [JobSeen {
            id: hostile(),
            name: hostile(),
            state: "failed",
            failure: Some(hostile()),
            stages: 1,
            stages_done: 0,
            took: Duration::ZERO,
        }];
        for table in [executors_table(&executors), jobs_table(&jobs)] {
            let text = table.into_string();
            assert!(
                text.contains("&lt;script&gt;") && !text.contains("<script"),
                "{text}"
            );
            assert!(!text.contains("<img"), "{text}");
        }
    }

    #[test]
    fn long_failures_are_cut_between_characters() {
        let long = "ä".repeat(SHORT + 1);
        let short = shortened(&long);
        assert_eq!(short.chars().count(), SHORT + 1);
        assert!(short.ends_with("ä…"), "{short}");
        assert_eq!(shortened("short"), "short");
    }
}
