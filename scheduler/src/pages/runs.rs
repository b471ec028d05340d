//! `/runs`: all runs, or those that a viewer asks for.

use std::collections::BTreeSet;

use gugus_pages::ROWS;
use gugus_pages::runs::RunsPage;

use super::served::Asked;
use super::shown::Shown;
use crate::problem::Problem;
use crate::runs::{listed, runs_asked};

#[allow(clippy::unused_async, reason = "every page is gathered by a future")]
pub(super) async fn gather(shown: Shown, asked: Asked) -> Result<RunsPage, Problem> {
    let Some(runs) = shown.runs else {
        return Ok(RunsPage::default());
    };
    let asked = runs_asked(|name| asked.choice(name));
    let all = runs.list();
    let known = all.len() as u64;
    let jobs: BTreeSet<String> = all.iter().map(|run| run.job.clone()).collect();
    let rows = listed(all, &asked);
    let total = rows.len() as u64;
    let [from, size] = [asked.from, ROWS].map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
    Ok(RunsPage {
        takes_runs: true,
        rows: rows.into_iter().skip(from).take(size).collect(),
        total,
        known,
        jobs: jobs.into_iter().collect(),
        asked,
    })
}
