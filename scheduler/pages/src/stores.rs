//! Parts that pages about batches and models share: the choice of a store, rejects by reason, links.

use gugus_look::{count, path_part, query_value};
use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

/// Where a page of batches is.
#[must_use]
pub fn batches_href(store: &str) -> String {
    format!("/batches?in={}", query_value(store))
}

/// Where the page of one batch is.
#[must_use]
pub fn batch_href(store: &str, number: u64) -> String {
    format!("/batches/{number}?in={}", query_value(store))
}

/// Where the models of a store are.
#[must_use]
pub fn models_href(store: &str) -> String {
    format!("/models?in={}", query_value(store))
}

/// Where the page of one model is. `of` is a batch's number, `all`, or the folder of a window.
#[must_use]
pub fn model_href(store: &str, model: &str, of: &str) -> String {
    format!(
        "/models/{}/{}?in={}",
        path_part(model),
        path_part(of),
        query_value(store)
    )
}

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
    html! { div.wide tabindex="0" role="region" aria-label="Rejects by reason" { table {
        thead { tr { th scope="col" { "Reason" } th.n scope="col" { "Rejects" } th scope="col" { "Samples" } } }
        tbody { @for reason in reasons { tr {
            td.reason { (reason.reason) }
            td.n { (count(reason.records)) }
            td { @for sample in &reason.samples { div {
                a href=(batch_href(store, sample.batch)) { "batch " (sample.batch) }
                ", partition " (sample.partition) ", offset " (count_signed(sample.offset)) ": "
                @match &sample.value { Some(value) => { code { (value) } } None => { span.quiet { "no value" } } }
            } } }
        } } }
    } } }
}

/// An offset with commas between its thousands.
pub(crate) fn count_signed(number: i64) -> String {
    let digits = count(number.unsigned_abs());
    if number < 0 {
        format!("-{digits}")
    } else {
        digits
    }
}

/// A number of a fit: short, and exact enough to compare.
pub(crate) fn figure(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 {
        "0".to_owned()
    } else if (1e-3..1e7).contains(&size) {
        let text = format!("{number:.4}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{number:.4e}")
    }
}

/// A text as one word of a shell.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@=,+".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_what_they_name() {
        assert_eq!(
            model_href("/data/m&x", "a b", "window_2024"),
            "/models/a%20b/window_2024?in=/data/m%26x"
        );
        assert_eq!(batch_href("s3://b/p", 7), "/batches/7?in=s3://b/p");
    }

    #[test]
    fn figures_are_short_and_words_stay_words() {
        let figures = [0.0, 1.5, -12_345.678_99, 1e9, 1.0 / 3.0, 1e-9].map(figure);
        assert_eq!(
            figures,
            ["0", "1.5", "-12345.679", "1.0000e9", "0.3333", "1.0000e-9"]
        );
        assert_eq!(shell_word("/data/m"), "/data/m");
        assert_eq!(shell_word("a'b; rm"), "'a'\\''b; rm'");
        assert_eq!(count_signed(-1234), "-1,234");
    }
}
