//! Parts that pages about batches and models share: the choice of a store, rejects, a store that cannot be read.

use gugus_look::{Tone, badge, count, count_signed, fact, quantity, query_value, wide};
use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

use crate::href;

/// Rejects of one reason.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Reason {
    /// The reason, in words.
    pub reason: String,
    /// How many records were rejected for it.
    pub records: u64,
    /// Some of these records.
    pub samples: Vec<RejectSample>,
}

/// The beginning of one rejected record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RejectSample {
    /// The batch whose commit refused it.
    pub batch: u64,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// The first bytes of its value. Bytes that are no text are written as `\xNN`. Null for a record without a value.
    pub value: Option<String>,
}

/// A form that chooses the store: one of those that runs have used, or another by its path.
pub(crate) fn choice(action: &str, label: &str, known: &[String], chosen: Option<&str>) -> Markup {
    html! {
        form.filter method="get" action=(action) {
            label { span { (label) } input type="text" name="in" size="44" list="known" required value=[chosen]; }
            datalist id="known" { @for store in known { option value=(store) { } } }
            button type="submit" { "Show" }
        }
        @if known.len() > 1 { p.quiet { "Used by runs: " @for (at, store) in known.iter().enumerate() {
            @if at > 0 { " · " }
            a href={ (action) "?in=" (query_value(store)) } aria-current=[(Some(store.as_str()) == chosen).then_some("true")] { (store) }
        } } }
    }
}

/// Rejects by reason, the most frequent first.
pub(crate) fn reasons(store: &str, reasons: &[Reason]) -> Markup {
    let table = html! { table {
        thead { tr { th scope="col" { "Reason" } th.n scope="col" { "Rejects" } th scope="col" { "Samples" } } }
        tbody { @for reason in reasons { tr {
            td.reason { (reason.reason) }
            td.n { (count(reason.records)) }
            td { @for sample in &reason.samples { div {
                a href=(href::batch(store, sample.batch)) { "batch " (sample.batch) }
                ", partition " (sample.partition) ", offset " (count_signed(sample.offset)) ": "
                @match &sample.value { Some(value) => { code { (value) } } None => { span.quiet { "no value" } } }
            } } }
        } } }
    } };
    wide("Rejects by reason", &table)
}

/// How many records were rejected, as a fact.
pub(crate) fn rejects_fact(rejected: u64) -> Markup {
    let words = quantity(rejected, "reject", "rejects");
    fact(
        "Rejects",
        &html! { @if rejected > 0 { (badge(Tone::Warning, &words)) } @else { "none" } },
    )
}

/// Said in place of a store that cannot be read.
pub(crate) fn unreadable(trouble: &str) -> Markup {
    html! { div.note.bad { p { (badge(Tone::Bad, "cannot be read")) } p { (trouble) } } }
}
