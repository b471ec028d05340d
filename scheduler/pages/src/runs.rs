//! `/runs`: all runs that the scheduler knows.

use gugus_look::{Column, Order, Pager, Section, count, empty, instant, shortened, table};
use maud::{Markup, html};

use crate::href;
use crate::moment::span;
use crate::page::Page;
use crate::place::Place;
use crate::run::{Run, RunState, progress, run_state};

/// The most characters of a failure in the table; the run's own page has all of them.
const FAILURE_SHOWN: usize = 200;

/// Which runs a viewer wants to see, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug)]
pub struct RunRow {
    /// The run.
    pub run: Run,
    /// How long its last attempt took, or takes until now, in milliseconds.
    pub took: Option<u64>,
}

/// All runs, or those that a viewer asked for.
#[derive(Clone, Debug, Default)]
pub struct RunsPage {
    /// Whether the scheduler takes runs.
    pub takes_runs: bool,
    /// What was asked for.
    pub asked: RunsAsked,
    /// One page of them.
    pub rows: Vec<RunRow>,
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
    fn order(&self) -> Order {
        let asked = &self.asked;
        let state = asked.state.map_or("", RunState::word);
        let others = [
            ("text", asked.text.as_str()),
            ("state", state),
            ("job", &asked.job),
        ];
        Order::new(&asked.sort, asked.descending, &others)
    }

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
                (self.order().kept())
                button type="submit" { "Search" }
            }
        }
    }

    fn list(&self) -> Markup {
        if self.known == 0 {
            let why = "No run was submitted yet. Submit a job from this page, or by a command. Clients drive runs of gugus train, so only their Ballista jobs are listed.";
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
        let pager = Pager {
            from: self.asked.from,
            size: crate::ROWS,
            total: self.total,
        };
        let rows: Vec<_> = self.rows.iter().map(cells).collect();
        table("Runs", &columns, &rows, &self.order(), Some(pager))
    }
}

fn cells(row: &RunRow) -> Vec<Markup> {
    let run = &row.run;
    let counts = run.state.is_final() || run.follow.is_some();
    let ended = |number: u64| html! { @if counts { (count(number)) } };
    vec![
        html! { a href=(href::run(run.id.as_str())) { code { (run.id) } } },
        html! {
            (run_state(run))
            @if let Some(why) = &run.failure { p class="reason" { (shortened(why, FAILURE_SHOWN)) } }
        },
        html! { (run.job) },
        progress(run),
        ended(run.trained),
        html! { @if counts { @if run.failed > 0 {
            a href={ (href::run(run.id.as_str())) "?status=failed#models" } { (count(run.failed)) " failed" }
        } @else { "0" } } },
        ended(run.skipped),
        instant(&run.submitted),
        html! { @if let Some(took) = row.took { (span(took)) } },
    ]
}

#[cfg(test)]
mod tests {
    use gugus_look::query_value;

    use super::*;
    use crate::page::render;
    use crate::samples::{self, HOSTILE, assert_harmless};

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
                    run: samples::run(RunState::Running),
                    took: Some(61_000),
                },
                RunRow {
                    run: samples::run(RunState::Failed),
                    took: None,
                },
                RunRow {
                    run: samples::run(RunState::Following),
                    took: None,
                },
            ],
            total: 250,
            known: 300,
            jobs: vec![HOSTILE.to_owned()],
        }
    }

    #[test]
    fn runs_are_listed_and_links_keep_what_was_asked_for() {
        let text = render(&page(), "/gugus/v1/runs", false);
        assert_harmless(&text);
        let next = format!(
            "href=\"?text=a%26b&amp;state=running&amp;job={}&amp;sort=duration&amp;order=desc&amp;from=200\"",
            query_value(HOSTILE)
        );
        for part in [
            "href=\"/runs/1m7x2k9q4\"",
            "1 min 1 s",
            "1 failed",
            "<option value=\"running\" selected>",
            "<option value=\"following\">",
            "3 batches behind, the oldest for 12.0 s",
            &next,
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
