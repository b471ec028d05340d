//! `/runs`: all runs that the scheduler knows.

use std::time::Duration;

use gugus_look::{
    Column, Order, Pager, Section, count, duration, empty, instant, path_part, query_value,
    shortened, table,
};
use maud::{Markup, html};
use serde::Serialize;

use crate::page::Page;
use crate::place::Place;
use crate::run::{Run, RunState, progress, run_state};

/// The most characters of a failure in the table; the run's own page has all of them.
const FAILURE_SHOWN: usize = 200;

/// Which runs a viewer wants to see, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunsAsked {
    /// A text that the run's id, job, stores or failure hold.
    pub text: String,
    /// Only runs in this state.
    pub state: Option<RunState>,
    /// Only runs of this job.
    pub job: String,
    /// The column that they are sorted by; empty for the newest first.
    pub sort: String,
    /// Whether the largest comes first.
    pub descending: bool,
    /// How many come before the first row.
    pub from: u64,
}

/// One run in the list.
#[derive(Clone, Debug, Serialize)]
pub struct RunRow {
    /// The run.
    pub run: Run,
    /// How long its last attempt took, or takes until now, in milliseconds.
    pub took: Option<u64>,
}

/// All runs, or those that a viewer asked for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunsPage {
    /// Whether the scheduler takes runs.
    pub takes_runs: bool,
    /// What was asked for.
    pub asked: RunsAsked,
    /// One page of them.
    pub rows: Vec<RunRow>,
    /// How many rows a page has.
    pub size: u64,
    /// How many were asked for.
    pub total: u64,
    /// How many runs the scheduler knows.
    pub known: u64,
    /// The jobs of all runs.
    pub jobs: Vec<String>,
}

impl Page for RunsPage {
    const PLACE: Place = Place::Runs;

    fn title(&self) -> String {
        "Runs".to_owned()
    }

    fn sections(&self) -> Vec<Section> {
        if !self.takes_runs {
            let why = "This scheduler takes no runs. Start one that does:";
            let next = "gugus scheduler --listen 127.0.0.1:50050";
            return vec![Section::fixed("runs", empty(why, Some(next)))];
        }
        vec![
            Section::fixed("filter", self.filter()),
            Section::live("runs", self.list()),
        ]
    }
}

impl RunsPage {
    fn filter(&self) -> Markup {
        let asked = &self.asked;
        html! {
            ul.actions { li { a class="button first" href="/submit" { "Submit a job" } } }
            form.filter method="get" action="/runs" role="search" {
                label { span { "Text" } input type="search" name="text" value=(asked.text); }
                label { span { "State" } select name="state" {
                    option value="" { "all" }
                    @for state in RunState::ALL { option value=(state) selected[asked.state == Some(state)] { (state) } }
                } }
                label { span { "Job" } select name="job" {
                    option value="" { "all" }
                    @for job in &self.jobs { option value=(job) selected[*job == asked.job] { (job) } }
                } }
                @if !asked.sort.is_empty() {
                    input type="hidden" name="sort" value=(asked.sort);
                    input type="hidden" name="order" value=(if asked.descending { "desc" } else { "asc" });
                }
                button type="submit" { "Search" }
            }
        }
    }

    fn list(&self) -> Markup {
        if self.known == 0 {
            let why = "No run was submitted yet. Submit a job from this page, or by a command. Runs of `gugus train` are driven by their clients: only their Ballista jobs show.";
            return empty(
                why,
                Some("gugus submit --job job.toml --scheduler df://HOST:PORT"),
            );
        }
        if self.total == 0 {
            return html! { div.empty { p { "No run is like this. The scheduler knows " (count(self.known)) ". " } } };
        }
        let columns = [
            Column::text("Run").sorted_by("id"),
            Column::text("State").sorted_by("state"),
            Column::text("Job").sorted_by("job"),
            Column::text("Progress"),
            Column::numbers("Trained").sorted_by("trained"),
            Column::numbers("Failed").sorted_by("failed"),
            Column::numbers("Skipped").sorted_by("skipped"),
            Column::text("Submitted").sorted_by("submitted"),
            Column::numbers("Duration").sorted_by("duration"),
        ];
        let asked = &self.asked;
        let state = asked.state.map(RunState::as_str).unwrap_or_default();
        let others = [
            ("text", asked.text.as_str()),
            ("state", state),
            ("job", &asked.job),
        ];
        let others = others.into_iter().filter(|(_, value)| !value.is_empty());
        let order = Order {
            sort: asked.sort.clone(),
            descending: asked.descending,
            others: others
                .map(|(name, value)| (name.to_owned(), query_value(value)))
                .collect(),
        };
        let pager = Pager {
            from: asked.from,
            size: self.size,
            total: self.total,
        };
        let rows: Vec<_> = self.rows.iter().map(cells).collect();
        table("Runs", &columns, &rows, &order, Some(pager))
    }
}

fn cells(row: &RunRow) -> Vec<Markup> {
    let run = &row.run;
    let ended = |number: u64| html! { @if run.state.is_final() { (count(number)) } };
    vec![
        html! { a href={ "/runs/" (path_part(run.id.as_str())) } { code { (run.id) } } },
        html! {
            (run_state(run))
            @if let Some(why) = &run.failure { p class="reason" { (shortened(why, FAILURE_SHOWN)) } }
        },
        html! { (run.job) },
        progress(run),
        ended(run.trained),
        html! { @if run.state.is_final() { @if run.failed > 0 {
            a href={ "/runs/" (path_part(run.id.as_str())) "?status=failed#models" } { (count(run.failed)) " failed" }
        } @else { "0" } } },
        ended(run.skipped),
        instant(&run.submitted),
        html! { @if let Some(took) = row.took { (duration(Duration::from_millis(took))) } },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::render;
    use crate::run::sample::{self, HOSTILE};

    fn page() -> RunsPage {
        RunsPage {
            takes_runs: true,
            asked: RunsAsked {
                text: "a&b".to_owned(),
                state: Some(RunState::Running),
                job: HOSTILE.to_owned(),
                sort: "duration".to_owned(),
                descending: true,
                from: 100,
            },
            rows: vec![
                RunRow {
                    run: sample::run(RunState::Running),
                    took: Some(61_000),
                },
                RunRow {
                    run: sample::run(RunState::Failed),
                    took: None,
                },
            ],
            size: 100,
            total: 250,
            known: 300,
            jobs: vec![HOSTILE.to_owned()],
        }
    }

    #[test]
    fn runs_are_listed_and_links_keep_what_was_asked_for() {
        let text = render(&page(), "/gugus/v1/runs", false);
        assert!(!text.contains("<script>alert"), "{text}");
        for part in [
            "href=\"/runs/1m7x2k9q4\"",
            "1 min 1 s",
            "1 failed",
            "<option value=\"running\" selected>",
            "href=\"?text=a%26b&amp;state=running&amp;job=%22%3E%3Cscript%3Ealert(%27x%27)%3C/script%3E&amp;sort=duration&amp;order=desc&amp;from=200\"",
            "href=\"/submit\"",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn an_empty_list_says_what_to_do() {
        let empty = RunsPage {
            takes_runs: true,
            ..RunsPage::default()
        };
        let text = render(&empty, "/gugus/v1/runs", false);
        assert!(
            text.contains("gugus submit --job") && text.contains("href=\"/submit\""),
            "{text}"
        );
        let none = render(&RunsPage::default(), "/gugus/v1/runs", false);
        assert!(
            none.contains("takes no runs") && !none.contains("/submit"),
            "{none}"
        );
        let other = RunsPage { known: 3, ..empty };
        let text = render(&other, "/gugus/v1/runs", false);
        assert!(
            text.contains("No run is like this") && text.contains("knows 3"),
            "{text}"
        );
    }
}
