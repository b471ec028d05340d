//! All models of a run at a glance: squares, each with a sign and a link.

use gugus_look::count;
use maud::{Markup, html};

use super::course::{Course, Square};
use super::mark::Mark;
use crate::href;

/// The squares with their legend. The legend's links show only the models of one mark.
pub(super) fn grid(course: &Course, models: &str) -> Markup {
    let counts = &course.counts;
    let several = course.squares.iter().any(|square| square.last.is_some());
    html! {
        ul.legend { @for mark in Mark::ALL.into_iter().filter(|mark| counts.of(*mark) > 0) {
            li { span class={ "square " (mark.word()) } { } a href={ "?status=" (mark.word()) "#models" } { (count(counts.of(mark))) " " (mark.word()) } }
        } }
        @if several { p.quiet { "One square stands for several models. It shows the first of these states that one of the models has: failed, running, waiting, trained, skipped." } }
        @for squares in course.squares.chunk_by(|a, b| a.model == b.model) {
            @if let Some(first) = squares.first() { h3 { (first.model) } }
            div.grid { @for square in squares { (one(square, models)) } }
        }
    }
}

fn one(square: &Square, models: &str) -> Markup {
    let mark = square.counts.told().unwrap_or(Mark::Waiting);
    let title = match &square.last {
        Some(last) => format!("{} to {last}: {}", square.first, square.counts.words()),
        None => format!("{}: {}", square.first, mark.word()),
    };
    let written = square
        .path
        .as_deref()
        .filter(|_| matches!(mark, Mark::Trained | Mark::Skipped));
    let to = match written {
        Some(path) => model_href(models, path),
        None => format!("?from={}#models", square.from),
    };
    html! { a class={ "square " (mark.word()) } href=(to) title=(title) { } }
}

/// The page of the model in this folder of the store, as `location/batch_00000007`.
pub(super) fn model_href(store: &str, path: &str) -> String {
    let (model, folder) = path.split_once('/').unwrap_or((path, "all"));
    let number = folder.strip_prefix("batch_");
    let number = number.and_then(|number| number.parse::<u64>().ok());
    let number = number.map(|number| number.to_string());
    href::model(store, model, number.as_deref().unwrap_or(folder))
}
