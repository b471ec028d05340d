//! `/batches`: the batches of a store.

use gugus_look::{
    Bar, Column, Order, Pager, Section, Tone, badge, bars, count, count_signed, empty, fact, float,
    instant, plain_table, quantity, stretch, table,
};
use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

use crate::command::{shell_word, submit};
use crate::href;
use crate::page::Page;
use crate::place::Place;
use crate::stores::{Reason, choice, reasons, rejects_fact, unreadable};

/// The batches of a store, or the choice of one.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Batches {
    /// The stores that runs have used, the newest first.
    pub known: Vec<String>,
    /// The store that is shown.
    pub store: Option<String>,
    /// Why the store cannot be shown.
    pub trouble: Option<String>,
    /// What is in the store; null where there is no batch.
    pub log: Option<Log>,
}

/// What is in a store of batches.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Log {
    /// The job that the batches belong to.
    pub job: String,
    /// The topic.
    pub topic: String,
    /// `topic` or `imports`.
    pub fed_by: &'static str,
    /// The first batch.
    pub first: u64,
    /// The newest batch.
    pub newest: u64,
    /// When the newest batch was written.
    pub written: Option<String>,
    /// How many batches there are.
    pub batches: u64,
    /// Of how many the footer was read; the figures that follow are of these.
    pub read: u64,
    /// Accepted records.
    pub rows: u64,
    /// Rejected records.
    pub rejected: u64,
    /// Rows and rejects over time.
    pub timeline: Vec<Span>,
    /// Continuity by partition.
    pub partitions: Vec<Partition>,
    /// How many partitions there are.
    pub partitions_total: u64,
    /// Batches that do not continue the log, and batches that cannot be read; the newest first.
    pub problems: Vec<Problem>,
    /// How many there are.
    pub problems_total: u64,
    /// Numbers that are missing.
    pub gap: Option<String>,
    /// The newest rejects by reason.
    pub rejects: Vec<Reason>,
    /// The batches whose rejects were read for that.
    pub rejects_of: Vec<u64>,
    /// Where models of these batches are.
    pub models: Vec<String>,
    /// The number of the first footer that is shown, counted from the newest, from 0.
    pub from: u64,
    /// The footers that are shown, the newest first.
    pub footers: Vec<Line>,
}

/// Batches beside each other, as one bar of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Span {
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
    /// Their rows.
    pub rows: u64,
    /// Their rejects.
    pub rejected: u64,
}

/// The continuity of one partition.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Partition {
    /// Its number.
    pub partition: i32,
    /// The first offset in the log.
    pub first: i64,
    /// The offset of the next record that the log will take.
    pub next: i64,
    /// Where the log jumped, or does not continue.
    pub marks: Vec<Mark>,
}

/// A place where a partition does not simply go on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PartitionMark)]
pub struct Mark {
    /// The batch.
    pub batch: u64,
    /// What happened, in words.
    pub text: String,
}

/// A batch with something wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// The batch.
    pub batch: u64,
    /// What is wrong, in words.
    pub text: String,
}

/// A footer, as a line of the table.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Line {
    /// The batch.
    pub batch: u64,
    /// Accepted records.
    pub rows: u64,
    /// Rejected records.
    pub rejected: u64,
    /// What it took, in words.
    pub took: String,
    /// Its commit.
    pub commit_id: String,
    /// Why the footer cannot be read; the other fields say nothing then.
    pub trouble: Option<String>,
}

impl Page for Batches {
    const PLACE: Place = Place::Batches;

    fn title(&self) -> String {
        "Batches".to_owned()
    }

    fn sections(&self) -> Vec<Section> {
        let choice = choice(
            "/batches",
            "Folder of batches",
            &self.known,
            self.store.as_deref(),
        );
        let mut sections = vec![
            Section::fixed("choice", choice),
            Section::live("facts", self.facts()),
        ];
        if let (Some(store), Some(log)) = (&self.store, &self.log) {
            sections.extend([
                Section::live("timeline", log.timeline()).titled("Rows and rejects"),
                Section::live("continuity", log.continuity(store)).titled("Continuity"),
                Section::live("footers", log.footers(store)).titled("Footers"),
                Section::live("rejects", log.rejects(store)).titled("Rejects by reason"),
            ]);
        }
        sections
    }
}

impl Batches {
    fn facts(&self) -> Markup {
        let Some(store) = &self.store else {
            return empty(
                "No run has used a folder of batches yet. Submit a run, or name a folder above.",
                Some(&submit(None, None)),
            );
        };
        if let Some(trouble) = &self.trouble {
            return unreadable(trouble);
        }
        match &self.log {
            Some(log) => log.facts(),
            None => empty(
                "There is no batch in this folder yet. Batches come from a topic, or from files:",
                Some(&format!(
                    "gugus batches import FILE.csv --job JOB.toml --batches {}",
                    shell_word(store)
                )),
            ),
        }
    }
}

impl Log {
    fn facts(&self) -> Markup {
        html! {
            dl.facts {
                (fact("Job", &html! { (self.job) }))
                (fact(if self.fed_by == "topic" { "Topic" } else { "Imported, as of topic" }, &html! { (self.topic) }))
                (fact("Batches", &html! { (count(self.batches)) @if self.batches > 0 { ", " (self.first) " to " (self.newest) } }))
                (fact("Rows", &html! { (count(self.rows)) }))
                (rejects_fact(self.rejected))
                @if let Some(written) = &self.written { (fact("Newest batch", &html! { (instant(written)) })) }
                @if !self.models.is_empty() { (fact("Models", &html! { @for (at, models) in self.models.iter().enumerate() {
                    @if at > 0 { br; }
                    a href=(href::models(models)) { (models) }
                } })) }
            }
            @if self.read < self.batches { p.quiet { "The figures cover " (count(self.read)) " of " (count(self.batches)) " footers. The scheduler is reading the others." } }
        }
    }

    fn timeline(&self) -> Markup {
        let all: Vec<Bar> = self
            .timeline
            .iter()
            .map(|span| {
                let name = if span.first == span.last {
                    format!("batch {}", span.first)
                } else {
                    format!("batches {} to {}", span.first, span.last)
                };
                Bar {
                    // Of many bars only the ends are named.
                    label: if span.last == self.newest {
                        span.last
                    } else {
                        span.first
                    }
                    .to_string(),
                    up: span.rows,
                    down: span.rejected,
                    title: format!(
                        "{name}: {}, {}",
                        quantity(span.rows, "row", "rows"),
                        quantity(span.rejected, "reject", "rejects")
                    ),
                }
            })
            .collect();
        let most = |of: fn(&Span) -> u64| self.timeline.iter().map(of).max().unwrap_or(0);
        let (rows, rejected) = (most(|span| span.rows), most(|span| span.rejected));
        let each = match self.timeline.first() {
            Some(span) if span.last > span.first => {
                format!("Each bar is {} batches.", count(span.last - span.first + 1))
            }
            _ => "Each bar is one batch.".to_owned(),
        };
        let name = format!(
            "Rows upwards and rejects downwards, from batch {} to {}",
            self.first, self.newest
        );
        html! {
            (bars(&name, &all))
            p.quiet { (each) " Rows go up, at most " (count(rows)) "; rejects go down, at most " (count(rejected)) ", on a scale of their own." }
        }
    }

    fn continuity(&self, store: &str) -> Markup {
        let marks: usize = self
            .partitions
            .iter()
            .map(|partition| partition.marks.len())
            .sum();
        let whole = marks == 0 && self.problems.is_empty() && self.gap.is_none();
        html! {
            @if whole && self.read == self.batches {
                p { (badge(Tone::Good, "no gap")) " Each range begins where the log ended before." }
            }
            @if let Some(gap) = &self.gap { div.note.bad { p { (badge(Tone::Bad, "gap")) " " (gap) } } }
            @if !self.partitions.is_empty() { (self.partitions_table(store)) }
            @if self.partitions_total > self.partitions.len() as u64 {
                p.quiet { "… and " (count(self.partitions_total - self.partitions.len() as u64)) " more partitions: " code { "gugus batches verify" } }
            }
            @if !self.problems.is_empty() {
                h3 { "Problems" }
                ul { @for problem in &self.problems { li { (badge(Tone::Bad, "problem")) " " a href=(href::batch(store, problem.batch)) { "batch " (problem.batch) } ": " (problem.text) } } }
                @if self.problems_total > self.problems.len() as u64 { p.quiet { "… and " (count(self.problems_total - self.problems.len() as u64)) " older ones." } }
            }
        }
    }

    fn partitions_table(&self, store: &str) -> Markup {
        let columns = [
            Column::numbers("Partition"),
            Column::numbers("First offset"),
            Column::numbers("Next offset"),
            Column::text("Batches"),
            Column::text("Gaps and jumps"),
        ];
        let span = float(self.newest.saturating_sub(self.first).max(1));
        let rows: Vec<Vec<Markup>> = self
            .partitions
            .iter()
            .map(|partition| {
                let marks = &partition.marks;
                let places: Vec<f64> = marks
                    .iter()
                    .map(|mark| float(mark.batch.saturating_sub(self.first)) / span)
                    .collect();
                let name = format!(
                    "partition {} from batch {} to {}: {}",
                    partition.partition,
                    self.first,
                    self.newest,
                    quantity(marks.len() as u64, "gap or jump", "gaps and jumps")
                );
                vec![
                    html! { (partition.partition) },
                    html! { (count_signed(partition.first)) },
                    html! { (count_signed(partition.next)) },
                    stretch(&name, &places),
                    html! {
                        @if marks.is_empty() { (badge(Tone::Good, "none")) }
                        @for mark in marks { div { (badge(Tone::Bad, "batch")) " " a href=(href::batch(store, mark.batch)) { (mark.batch) } ": " (mark.text) } }
                    },
                ]
            })
            .collect();
        plain_table("Continuity by partition", &columns, &rows)
    }

    fn footers(&self, store: &str) -> Markup {
        let columns = [
            Column::text("Batch"),
            Column::numbers("Rows"),
            Column::numbers("Rejects"),
            Column::text("Took"),
            Column::text("Commit"),
        ];
        let rows: Vec<Vec<Markup>> = self
            .footers
            .iter()
            .map(|line| {
                let batch = html! { a href=(href::batch(store, line.batch)) { "batch " (line.batch) } };
                match &line.trouble {
                    Some(trouble) => vec![batch, html! {}, html! {}, html! { (badge(Tone::Bad, "cannot be read")) " " (trouble) }, html! {}],
                    None => vec![
                        batch,
                        html! { (count(line.rows)) },
                        html! { @if line.rejected > 0 { (badge(Tone::Warning, &count(line.rejected))) } @else { "0" } },
                        html! { (line.took) },
                        html! { code { (line.commit_id) } },
                    ],
                }
            })
            .collect();
        let order = Order::new("", false, &[("in", store)]);
        let pager = Pager {
            from: self.from,
            size: crate::ROWS,
            total: self.batches,
        };
        table("Footers", &columns, &rows, &order, Some(pager))
    }

    fn rejects(&self, store: &str) -> Markup {
        if self.rejects.is_empty() {
            return html! { p.quiet { @if self.rejected == 0 { "No record was rejected." } @else { "The newest batches have no reject that can be shown; see the pages of older ones." } } };
        }
        let of = self
            .rejects_of
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        html! {
            p.quiet { "Of the newest batches with rejects: " (of) ". " code { "gugus rejected list --batches " (shell_word(store)) } " lists all." }
            (reasons(store, &self.rejects))
        }
    }
}

#[cfg(test)]
mod tests {
    use gugus_look::query_value;

    use super::*;
    use crate::samples::{HOSTILE, assert_harmless};
    use crate::stores::RejectSample;

    fn page() -> Batches {
        Batches {
            known: vec!["/data/batch".to_owned(), HOSTILE.to_owned()],
            store: Some(HOSTILE.to_owned()),
            trouble: None,
            log: Some(Log {
                job: HOSTILE.to_owned(),
                topic: HOSTILE.to_owned(),
                fed_by: "topic",
                first: 1,
                newest: 250,
                batches: 250,
                read: 200,
                rows: 12_345,
                rejected: 7,
                timeline: vec![Span {
                    first: 1,
                    last: 2,
                    rows: 90,
                    rejected: 7,
                }],
                partitions: vec![
                    Partition {
                        partition: 0,
                        first: 0,
                        next: 5_000,
                        marks: vec![Mark {
                            batch: 7,
                            text: format!("it jumps from offset 40 to 60 {HOSTILE}"),
                        }],
                    },
                    Partition {
                        partition: 1,
                        first: 0,
                        next: 5_000,
                        marks: vec![],
                    },
                ],
                partitions_total: 2,
                problems: vec![Problem {
                    batch: 9,
                    text: HOSTILE.to_owned(),
                }],
                problems_total: 1,
                rejects: vec![Reason {
                    reason: HOSTILE.to_owned(),
                    records: 7,
                    samples: vec![RejectSample {
                        batch: 7,
                        partition: 0,
                        offset: 41,
                        value: Some(HOSTILE.to_owned()),
                    }],
                }],
                rejects_of: vec![7],
                models: vec![HOSTILE.to_owned()],
                from: 100,
                footers: vec![Line {
                    batch: 150,
                    rows: 100,
                    rejected: 7,
                    took: HOSTILE.to_owned(),
                    commit_id: "c".to_owned(),
                    trouble: None,
                }],
                ..Log::default()
            }),
        }
    }

    #[test]
    fn rows_rejects_jumps_and_pages_are_told() {
        let text = crate::render(&page(), "/gugus/v1/batches", false);
        let href = format!("href=\"/batches/7?in={}\"", query_value(HOSTILE));
        for part in [
            "12,345",
            "7 rejects",
            "it jumps from offset 40 to 60",
            "class=\"mark\"",
            "200 of 250",
            "101 to 200 of 250",
            &href,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_harmless(&text);
    }

    #[test]
    fn an_empty_page_says_what_to_do() {
        let text = crate::render(&Batches::default(), "/gugus/v1/batches", false);
        assert!(text.contains("gugus submit --job"), "{text}");
        let none = Batches {
            store: Some("/data/b".to_owned()),
            ..Batches::default()
        };
        assert!(
            crate::render(&none, "", false)
                .contains("gugus batches import FILE.csv --job JOB.toml --batches /data/b")
        );
        let trouble = Batches {
            trouble: Some(HOSTILE.to_owned()),
            ..none
        };
        let text = crate::render(&trouble, "", false);
        assert!(text.contains("cannot be read"), "{text}");
        assert_harmless(&text);
    }
}
