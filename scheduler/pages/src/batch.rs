//! `/batches/{n}`: one batch.

use gugus_look::{
    Column, Link, Section, Tone, badge, bytes, count, count_signed, empty, fact, instant,
    plain_table, wide,
};
use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

use crate::command::submit;
use crate::href;
use crate::page::Page;
use crate::place::Place;
use crate::stores::{Reason, reasons, rejects_fact};

/// One batch.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Batch {
    /// The store.
    pub store: String,
    /// Its number.
    pub batch: u64,
    /// The first batch of the store.
    pub first: u64,
    /// The newest batch of the store.
    pub newest: u64,
    /// The job that it belongs to.
    pub job: String,
    /// The topic.
    pub topic: String,
    /// Accepted records.
    pub rows: u64,
    /// Rejected records.
    pub rejected: u64,
    /// Bytes of the file.
    pub size: Option<u64>,
    /// When it was written.
    pub written: Option<String>,
    /// Its commit.
    pub commit_id: String,
    /// The commit before.
    pub previous: Option<String>,
    /// The offsets that it took.
    pub ranges: Vec<Range>,
    /// Imported files that it took rows of, in words.
    pub imported: Vec<String>,
    /// Rejects that it took again, in words.
    pub replayed: Vec<String>,
    /// Jumps, and ways in which it does not continue the log, in words.
    pub problems: Vec<String>,
    /// Its columns.
    pub schema: Vec<Field>,
    /// Its first rows.
    pub head: Head,
    /// Its rejects by reason.
    pub rejects: Vec<Reason>,
    /// Why rejects are not shown, though there are some.
    pub rejects_note: Option<String>,
    /// Models made of it.
    pub models: Vec<Made>,
}

/// The offsets taken from one partition.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Range {
    /// The partition.
    pub partition: i32,
    /// The first offset.
    pub first: i64,
    /// The next one to take.
    pub next: i64,
}

/// A column of the file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub r#type: String,
}

/// The first rows of a batch.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Head {
    /// The names of the columns that are shown.
    pub columns: Vec<String>,
    /// The rows, one text a column; null for null.
    pub rows: Vec<Vec<Option<String>>>,
    /// Why there are none, or that there are more columns.
    pub note: Option<String>,
}

/// A model made of a batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Made {
    /// The store of models.
    pub store: String,
    /// The model's name.
    pub model: String,
    /// The batch's number, or `all`.
    pub of: String,
    /// Why there is none.
    pub failure: Option<String>,
}

impl Page for Batch {
    const PLACE: Place = Place::Batches;

    fn title(&self) -> String {
        format!("Batch {}", self.batch)
    }

    fn way(&self) -> Vec<Link> {
        vec![
            Place::Batches.link(),
            Link::new(self.store.clone(), href::batches(&self.store)),
        ]
    }

    fn sections(&self) -> Vec<Section> {
        vec![
            Section::fixed("facts", self.facts()),
            Section::live("models", self.models()).titled("Models made of it"),
            Section::fixed("ranges", self.ranges()).titled("Ranges"),
            Section::fixed("head", self.head()).titled("First rows"),
            Section::fixed("rejects", self.rejects()).titled("Rejects"),
            Section::fixed("schema", self.schema()).titled("Schema"),
        ]
    }
}

impl Batch {
    fn facts(&self) -> Markup {
        html! {
            p.actions {
                @if self.batch > self.first { a rel="prev" href=(href::batch(&self.store, self.batch - 1)) { "Batch " (self.batch - 1) } }
                @if self.batch < self.newest { a rel="next" href=(href::batch(&self.store, self.batch + 1)) { "Batch " (self.batch + 1) } }
            }
            @for problem in &self.problems { div.note.bad { p { (badge(Tone::Bad, "continuity")) " " (problem) } } }
            dl.facts {
                (fact("Job", &html! { (self.job) }))
                (fact("Topic", &html! { (self.topic) }))
                (fact("Rows", &html! { (count(self.rows)) }))
                (rejects_fact(self.rejected))
                @if let Some(size) = self.size { (fact("Size", &html! { (bytes(size)) })) }
                @if let Some(written) = &self.written { (fact("Written", &html! { (instant(written)) })) }
                (fact("Commit", &html! { code { (self.commit_id) } }))
                (fact("Commit before", &html! { @match &self.previous { Some(previous) => { code { (previous) } } None => { "none: it is the first" } } }))
            }
        }
    }

    fn models(&self) -> Markup {
        if self.models.is_empty() {
            return empty(
                "No run has made a model of this batch. Submit a run that trains it:",
                Some(&submit(None, None)),
            );
        }
        html! { ul { @for made in &self.models { li {
            a href=(href::model(&made.store, &made.model, &made.of)) { (made.model) @if made.of == "all" { " over all batches" } }
            " " span.quiet { "in " (made.store) }
            @if let Some(failure) = &made.failure { " " (badge(Tone::Bad, "failed")) " " (failure) }
        } } } }
    }

    fn ranges(&self) -> Markup {
        html! {
            @if self.ranges.is_empty() { p.quiet { "It took no offsets." } } @else {
                @let columns = [Column::numbers("Partition"), Column::numbers("First offset"), Column::numbers("Next offset"), Column::numbers("Offsets")];
                @let rows: Vec<Vec<Markup>> = self.ranges.iter().map(|range| vec![
                    html! { (range.partition) },
                    html! { (count_signed(range.first)) },
                    html! { (count_signed(range.next)) },
                    html! { (count_signed(range.next.saturating_sub(range.first))) },
                ]).collect();
                (plain_table("Ranges", &columns, &rows))
            }
            @for part in self.imported.iter().chain(&self.replayed) { p { (part) } }
        }
    }

    fn head(&self) -> Markup {
        html! {
            @if let Some(note) = &self.head.note { p.quiet { (note) } }
            @if !self.head.rows.is_empty() { (wide("First rows", &html! { table {
                thead { tr { @for column in &self.head.columns { th scope="col" { (column) } } } }
                tbody { @for row in &self.head.rows { tr { @for cell in row {
                    td { @match cell { Some(text) => { (text) } None => { span.quiet { "null" } } } }
                } } } }
            } })) }
        }
    }

    fn rejects(&self) -> Markup {
        html! {
            @if let Some(note) = &self.rejects_note { p { (note) } }
            @if self.rejected == 0 { p.quiet { "No record was rejected." } }
            @if !self.rejects.is_empty() { (reasons(&self.store, &self.rejects)) }
        }
    }

    fn schema(&self) -> Markup {
        let columns = [Column::text("Column"), Column::text("Type")];
        let rows: Vec<Vec<Markup>> = self
            .schema
            .iter()
            .map(|field| vec![html! { code { (field.name) } }, html! { (field.r#type) }])
            .collect();
        plain_table("Schema", &columns, &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{HOSTILE, assert_harmless};

    #[test]
    fn a_batch_tells_its_rows_jumps_and_models_and_hostile_text_is_text() {
        let page = Batch {
            store: format!("/data/{HOSTILE}"),
            batch: 7,
            first: 1,
            newest: 9,
            job: HOSTILE.to_owned(),
            rows: 2,
            rejected: 1,
            problems: vec![format!("partition 0 jumps from offset 40 to 60 {HOSTILE}")],
            ranges: vec![Range {
                partition: 0,
                first: 60,
                next: 1062,
            }],
            schema: vec![Field {
                name: HOSTILE.to_owned(),
                r#type: "utf8".to_owned(),
            }],
            head: Head {
                columns: vec![HOSTILE.to_owned()],
                rows: vec![vec![Some(HOSTILE.to_owned())], vec![None]],
                note: None,
            },
            models: vec![Made {
                store: "/data/m".to_owned(),
                model: "places".to_owned(),
                of: "7".to_owned(),
                failure: Some(HOSTILE.to_owned()),
            }],
            ..Batch::default()
        };
        let text = crate::render(&page, "/gugus/v1/batches/7", false);
        for part in [
            "jumps from offset 40 to 60",
            "1,062",
            "href=\"/models/places/7?in=/data/m\"",
            ">null<",
            "1 reject",
            "rel=\"next\"",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_harmless(&text);
    }
}
