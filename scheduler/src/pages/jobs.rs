//! `/jobs`: Ballista jobs.

use gugus_pages::jobs::{Choice, JobsPage};

use super::served::Asked;
use super::shown::Shown;
use crate::clock;
use crate::problem::Problem;

pub(super) async fn gather(shown: Shown, asked: Asked) -> Result<JobsPage, Problem> {
    let choice = Choice::read(|name| asked.choice(name));
    let listed = shown.cluster.list_jobs(&choice).await;
    let named = listed.rows.iter().filter_map(|row| row.run.clone());
    let mut runs: Vec<String> = named.filter(|run| shown.has_run(run)).collect();
    runs.sort_unstable();
    runs.dedup();
    Ok(JobsPage {
        jobs: listed.rows,
        from: listed.from,
        total: listed.total,
        all: listed.all,
        not_kept: shown.cluster.records().history.without_record(),
        runs,
        choice,
        now: clock::now(),
    })
}
