//! Which runs are listed, and in which order.

use std::cmp::Ordering;

use gugus_pages::run::{Run, RunState};
use gugus_pages::runs::{RunRow, RunsAsked};

use super::record::took;

/// The choices that a URL makes; `choice` gives the text of one, or none.
pub(crate) fn runs_asked<'a>(choice: impl Fn(&str) -> &'a str) -> RunsAsked {
    RunsAsked {
        text: choice("text").trim().to_owned(),
        state: RunState::of(choice("state")),
        job: choice("job").to_owned(),
        sort: choice("sort").to_owned(),
        descending: choice("order") == "desc",
        from: choice("from").parse().unwrap_or(0),
    }
}

/// Those of these runs that are asked for, in the order that is asked for.
pub(crate) fn listed(all: Vec<Run>, asked: &RunsAsked) -> Vec<RunRow> {
    let wanted = all.into_iter().filter(|run| is_wanted(run, asked));
    let mut rows: Vec<RunRow> = wanted
        .map(|run| RunRow {
            took: took(&run),
            run,
        })
        .collect();
    if !asked.sort.is_empty() {
        rows.sort_by(|a, b| {
            let ordering = compare(&asked.sort, a, b).then_with(|| a.run.id.cmp(&b.run.id));
            if asked.descending {
                ordering.reverse()
            } else {
                ordering
            }
        });
    }
    rows
}

fn is_wanted(run: &Run, asked: &RunsAsked) -> bool {
    let text = asked.text.to_lowercase();
    let holds = |within: &str| within.to_lowercase().contains(&text);
    asked.state.is_none_or(|state| run.state == state)
        && (asked.job.is_empty() || run.job == asked.job)
        && (text.is_empty()
            || holds(run.id.as_str())
            || [&run.job, &run.batches, &run.models]
                .into_iter()
                .any(|within| holds(within))
            || run.failure.as_deref().is_some_and(holds))
}

fn compare(sort: &str, a: &RunRow, b: &RunRow) -> Ordering {
    match sort {
        "state" => a.run.state.word().cmp(b.run.state.word()),
        "job" => a.run.job.cmp(&b.run.job),
        "trained" => a.run.trained.cmp(&b.run.trained),
        "failed" => a.run.failed.cmp(&b.run.failed),
        "skipped" => a.run.skipped.cmp(&b.run.skipped),
        "submitted" => a.run.submitted.cmp(&b.run.submitted),
        "duration" => a.took.cmp(&b.took),
        _ => Ordering::Equal,
    }
}
