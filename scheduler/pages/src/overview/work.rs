//! What is under way, and what failed lately.

use std::time::Duration;

use gugus_look::{Column, Tone, badge, done_of, duration, instant, plain_table, shortened};
use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

use crate::href;
use crate::run::{Following, RunState};

/// The most characters of a failure or a name; the page that its link leads to has all of them.
const SHORT: usize = 300;

/// A run that trains, waits, follows or is paused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Running {
    /// Its id.
    pub id: String,
    /// Its job.
    pub job: String,
    /// `running`, `queued`, `following` or `paused`.
    pub state: RunState,
    /// How far a standing run is behind; null for any other run.
    pub follow: Option<Following>,
    /// How many models are done.
    pub done: u64,
    /// Of how many; 0 while that is unknown.
    pub total: u64,
    /// The current work, in words.
    pub message: String,
    /// About how many seconds are left.
    pub seconds_left: Option<u64>,
}

/// A Ballista job that is under way, of a run or of a client.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BallistaRunning {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How many of its stages are done.
    pub done: u64,
    /// How many stages it has.
    pub stages: u64,
    /// Seconds since its start.
    pub seconds: u64,
}

/// Something that failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Failure {
    /// What failed, as `run 2026…`.
    pub what: String,
    /// Where its page is.
    pub href: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Option<String>,
}

/// The runs as a table.
pub(super) fn runs(runs: &[Running]) -> Markup {
    let columns = [
        Column::text("Run"),
        Column::text("State"),
        Column::text("Job"),
        Column::text("Progress"),
        Column::numbers("Time left"),
    ];
    let rows: Vec<Vec<Markup>> = runs
        .iter()
        .map(|run| {
            let busy = matches!(run.state, RunState::Running | RunState::Following);
            let tone = if busy { Tone::Busy } else { Tone::Quiet };
            vec![
                html! { a href=(href::run(&run.id)) { code { (run.id) } } },
                badge(tone, run.state.word()),
                html! { (run.job) },
                html! {
                    @if run.total > 0 { (done_of(run.done, run.total, "progress of the run")) " " }
                    span.quiet { (run.message) }
                },
                html! { @if let Some(left) = run.seconds_left { "about " (duration(Duration::from_secs(left))) } },
            ]
        })
        .collect();
    plain_table("Running work", &columns, &rows)
}

/// The Ballista jobs as a table.
pub(super) fn ballista_jobs(jobs: &[BallistaRunning]) -> Markup {
    let columns = [
        Column::text("Ballista job"),
        Column::text("Name"),
        Column::numbers("Stages done"),
        Column::numbers("For"),
    ];
    let rows: Vec<Vec<Markup>> = jobs
        .iter()
        .map(|job| {
            vec![
                html! { a href=(href::job(&job.id)) { code { (job.id) } } },
                html! { (shortened(&job.name, SHORT)) },
                html! { (job.done) " of " (job.stages) },
                html! { (duration(Duration::from_secs(job.seconds))) },
            ]
        })
        .collect();
    plain_table("Ballista jobs", &columns, &rows)
}

/// The failures as a list.
pub(super) fn failures(failures: &[Failure]) -> Markup {
    if failures.is_empty() {
        return html! { p { (badge(Tone::Good, "none")) " Nothing has failed that this scheduler remembers." } };
    }
    html! { ul { @for failure in failures { li {
        (badge(Tone::Bad, "failed")) " " a href=(failure.href) { (failure.what) }
        @if let Some(at) = &failure.at { ", " (instant(at)) }
        ": " span.reason { (shortened(&failure.why, SHORT)) }
    } } } }
}
