//! `/jobs`: Ballista jobs.

use gugus_look::{Column, Order, Pager, Section, count, shortened, table};
use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

use crate::href;
use crate::job::{JobState, Row};
use crate::moment::{moment, span};
use crate::page::Page;
use crate::place::Place;

/// The most characters of a name in the table.
const NAME: usize = 120;

/// By what jobs are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// When they came.
    #[default]
    When,
    /// Their names.
    Name,
    /// Their states.
    State,
    /// How many tasks they had.
    Tasks,
    /// How long they took.
    Time,
}

impl Sort {
    const ALL: [(Self, &'static str); 5] = [
        (Self::When, "when"),
        (Self::Name, "name"),
        (Self::State, "state"),
        (Self::Tasks, "tasks"),
        (Self::Time, "time"),
    ];

    fn word(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(sort, _)| *sort == self)
            .map_or("when", |(_, word)| word)
    }
}

/// What a viewer chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// A part of an id or a name.
    pub search: String,
    /// Only jobs of this state.
    pub state: Option<JobState>,
    /// By what they are sorted.
    pub sort: Sort,
    /// Whether the smallest or the oldest comes first. Usually it comes last.
    pub ascending: bool,
    /// The first row.
    pub from: u64,
}

impl Choice {
    /// Reads a URL's choices. Choices that mean nothing are ignored.
    #[must_use]
    pub fn read<'a>(choice: impl Fn(&str) -> &'a str) -> Self {
        let sort = Sort::ALL.iter().find(|(_, word)| *word == choice("sort"));
        Self {
            search: choice("q").to_owned(),
            state: JobState::of(choice("state")),
            sort: sort.map_or(Sort::When, |(sort, _)| *sort),
            ascending: choice("order") == "asc",
            from: choice("from").parse().unwrap_or(0),
        }
    }

    /// Whether a job is one of those that were asked for.
    #[must_use]
    pub fn takes(&self, row: &Row) -> bool {
        self.state.is_none_or(|state| row.state == state)
            && (self.search.is_empty()
                || row.id.contains(&self.search)
                || row.name.contains(&self.search))
    }

    /// Puts jobs into the order that was asked for.
    pub fn sort(&self, rows: &mut [&Row], now: u64) {
        match self.sort {
            Sort::When => rows.sort_by_key(|row| row.when()),
            Sort::Name => rows.sort_by(|a, b| a.name.cmp(&b.name)),
            Sort::State => rows.sort_by_key(|row| row.state.word()),
            Sort::Tasks => rows.sort_by_key(|row| row.tasks),
            Sort::Time => rows.sort_by_key(|row| row.took(now)),
        }
        if !self.ascending {
            rows.reverse();
        }
    }

    fn order(&self) -> Order {
        let state = self.state.map_or("", JobState::word);
        let others = [("q", self.search.as_str()), ("state", state)];
        Order::new(self.sort.word(), !self.ascending, &others)
    }
}

/// Ballista jobs, those that were asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JobsPage {
    /// The jobs of this page.
    pub jobs: Vec<Row>,
    /// The number of the first of them.
    pub from: u64,
    /// How many were asked for.
    pub total: u64,
    /// How many there are.
    pub all: u64,
    /// How many ended and were not kept, because they came too fast.
    pub not_kept: u64,
    /// The runs among those of these jobs that this scheduler has.
    #[serde(skip)]
    pub runs: Vec<String>,
    /// What was asked for.
    #[serde(skip)]
    pub choice: Choice,
    /// Milliseconds since 1970, now.
    #[serde(skip)]
    pub now: u64,
}

impl Page for JobsPage {
    const PLACE: Place = Place::Jobs;

    fn title(&self) -> String {
        "Ballista jobs".to_owned()
    }

    fn sections(&self) -> Vec<Section> {
        vec![
            Section::fixed("filter", self.filter()),
            Section::live("jobs", self.table()),
        ]
    }
}

impl JobsPage {
    fn filter(&self) -> Markup {
        let choice = &self.choice;
        html! {
            p.quiet { "A run is made of Ballista jobs: a wave of up to 500 batches is one, and so is a pass over all batches." }
            form.filter method="get" action="/jobs" role="search" {
                label { span { "Id or name" } input type="search" name="q" value=(choice.search); }
                label { span { "State" } select name="state" {
                    option value="" { "all" }
                    @for state in JobState::ALL { option value=(state.word()) selected[choice.state == Some(state)] { (state.word()) } }
                } }
                button type="submit" { "Show" }
                @if *choice != Choice::default() { a.button href="/jobs" { "Show all" } }
            }
        }
    }

    fn table(&self) -> Markup {
        if self.all == 0 {
            return gugus_look::empty(
                "No Ballista job has run. Training is made of Ballista jobs.",
                Some("gugus submit --job FILE --scheduler df://HOST:PORT"),
            );
        }
        if self.total == 0 {
            return gugus_look::empty("No Ballista job is like that.", None);
        }
        let columns = [
            Column::text("Ballista job"),
            Column::text("Name").sorted_by("name"),
            Column::text("Run"),
            Column::text("State").sorted_by("state"),
            Column::numbers("Stages"),
            Column::numbers("Tasks").sorted_by("tasks"),
            Column::numbers("Time").sorted_by("time"),
            Column::text("When").sorted_by("when"),
        ];
        let rows: Vec<_> = self.jobs.iter().map(|row| self.row(row)).collect();
        let pager = Pager {
            from: self.from,
            size: crate::ROWS,
            total: self.total,
        };
        html! {
            (table("Ballista jobs", &columns, &rows, &self.choice.order(), Some(pager)))
            @if self.not_kept > 0 { p.quiet {
                (gugus_look::quantity(self.not_kept, "job", "jobs")) " ended faster than records could be written, and left none."
            } }
        }
    }

    fn row(&self, row: &Row) -> Vec<Markup> {
        vec![
            html! { a href=(href::job(&row.id)) { code { (row.id) } } },
            html! { (shortened(&row.name, NAME)) @if let Some(why) = &row.failure { div.quiet { (why) } } },
            html! { @if let Some(run) = &row.run {
                @if self.runs.contains(run) { a href=(href::run(run)) { (run) } } @else { (shortened(run, 20)) }
            } },
            row.state.badge(),
            html! { (count(row.stages_done)) " of " (count(row.stages_total)) },
            // A job has at least one task: 0 means that its tasks are still being counted.
            html! { @if row.tasks > 0 { (count(row.tasks)) } @if row.tasks_lost > 0 { " (" (count(row.tasks_lost)) " lost)" } },
            html! { (span(row.took(self.now))) },
            moment(row.when()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn page(jobs: Vec<Row>) -> JobsPage {
        let total = jobs.len() as u64;
        JobsPage {
            jobs,
            from: 0,
            total,
            all: total,
            not_kept: 0,
            runs: vec!["01kx3q2n8".to_owned()],
            choice: Choice::default(),
            now: samples::NOW,
        }
    }

    #[test]
    fn jobs_link_to_their_pages_and_runs() {
        let text = crate::render(&page(vec![samples::job().row]), "/gugus/v1/jobs", false);
        for part in [
            "href=\"/jobs/a1b2c3d\"",
            "href=\"/runs/01kx3q2n8\"",
            "2 of 2",
            "10.0 s",
            "successful",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn an_empty_page_says_how_to_begin() {
        let text = crate::render(&page(Vec::new()), "/gugus/v1/jobs", false);
        assert!(text.contains("gugus submit --job FILE"), "{text}");
    }

    #[test]
    fn a_hundred_jobs_stay_small_and_hostile_names_are_text() {
        let mut row = samples::job().row;
        row.name = samples::HOSTILE.to_owned();
        row.run = Some(samples::HOSTILE.to_owned());
        row.id = samples::HOSTILE.to_owned();
        row.failure = Some(samples::HOSTILE.repeat(4));
        let row = row.listed();
        let text = crate::render(&page(vec![row; 100]), "/gugus/v1/jobs", false);
        samples::assert_harmless(&text);
        assert!(text.len() < 200_000, "{}", text.len());
    }

    #[test]
    fn choices_are_read_from_the_url_and_kept_in_links() {
        let url = [
            ("q", "a b&c"),
            ("state", "failed"),
            ("sort", "time"),
            ("order", "asc"),
            ("from", "100"),
        ];
        let choice = Choice::read(|name| {
            url.iter()
                .find(|(known, _)| *known == name)
                .map_or("", |(_, value)| value)
        });
        assert_eq!(
            (choice.state, choice.sort, choice.from),
            (Some(JobState::Failed), Sort::Time, 100)
        );
        let others = choice.order().others;
        assert_eq!(others[0], ("q".to_owned(), "a%20b%26c".to_owned()));
        let (mut short, mut long) = (samples::job().row, samples::job().row);
        (short.ended, long.name) = (short.started + 1, "x a b&c".to_owned());
        assert!(!choice.takes(&long));
        long.state = JobState::Failed;
        assert!(choice.takes(&long) && !choice.takes(&short));
        let mut rows = [&long, &short];
        choice.sort(&mut rows, samples::NOW);
        assert_eq!(rows[0], &short);
        assert_eq!(Choice::read(|_| "nonsense").state, None);
    }
}
