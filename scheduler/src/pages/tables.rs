//! Tables of executors, runs and Ballista jobs.

use std::time::Duration;

use maud::{Markup, html};

use super::parts::{count, moment, progress, run_state, shortened, state};
use crate::ballista::view::{ExecutorSeen, JobSeen};
use gugus_pages::run::Run;

/// The most rows of a table; the REST interface has all of them.
pub(super) const ROWS: usize = 50;

/// How long an executor may be silent. It sends a heartbeat every second and is given up after five.
const LATE: Duration = Duration::from_secs(4);

/// All executors.
pub(super) fn executors(executors: &[ExecutorSeen]) -> Markup {
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

/// The newest runs.
pub(super) fn runs(runs: &[Run]) -> Markup {
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
                        td.n { @if run.state.is_final() { (count(models)) } }
                    }
                    td { (moment(&run.submitted)) }
                }
                @if let Some(why) = &run.failure { tr.why { td { } td colspan="7" { p { (shortened(why)) } } } }
            } }
        } }
        @if runs.len() > ROWS { p.quiet { "… and " (runs.len() - ROWS) " older ones: " code { "gugus runs list" } } }
    }
}

/// The newest Ballista jobs.
pub(super) fn ballista_jobs(jobs: &[JobSeen]) -> Markup {
    if jobs.is_empty() {
        return html! { p.quiet { "None in the last minutes." } };
    }
    html! {
        div.wide { table {
            thead { tr { th { "Ballista job" } th { "State" } th.rest { "Name" } th.n { "Stages" } th.n { "Time" } } }
            tbody { @for job in jobs.iter().take(ROWS) {
                tr {
                    td { code { (job.id) } }
                    td { (state(job.state)) }
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
        for table in [super::executors(&executors), ballista_jobs(&jobs)] {
            let text = table.into_string();
            assert!(
                text.contains("&lt;script&gt;") && !text.contains("<script"),
                "{text}"
            );
            assert!(!text.contains("<img"), "{text}");
        }
    }
}
