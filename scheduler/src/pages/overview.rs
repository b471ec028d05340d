//! `/`: executors, runs and Ballista jobs.

use axum::extract::State;
use axum::response::Response;
use gugus_engine::About;
use maud::html;

use super::document::document;
use super::shown::Shown;
use super::tables;
use crate::runs::Runs;

pub(super) async fn page(State(shown): State<Shown>) -> Response {
    let (executors, jobs) = (shown.cluster.executors().await, shown.cluster.jobs());
    let runs = shown.runs.as_ref().map(Runs::list);
    let body = html! {
        h1 { "Gugus scheduler" }
        p.quiet { (About::ours()) }
        h2 { "Executors" }
        (tables::executors(&executors))
        @if let Some(runs) = &runs {
            h2 { "Runs" }
            (tables::runs(runs))
        }
        h2 { "Ballista jobs" }
        (tables::ballista_jobs(&jobs))
    };
    document("Gugus scheduler", &body)
}
