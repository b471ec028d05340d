//! The cost of a model over all batches, pass by pass.

use gugus_look::{line_chart, quantity};
use maud::{Markup, html};

use super::course::PassSeries;

/// One chart for each model.
pub(super) fn passes(all: &[PassSeries]) -> Markup {
    html! { @for series in all {
        @let last = &series.last;
        h3 { (last.model) }
        p { (quantity(u64::from(last.pass), "pass", "passes")) "; the last one was a step of " (last.step)
            @if let Some(cost) = last.cost { ", cost " (figure(cost)) }
            @if let Some(moved) = last.moved { ", the center that moved farthest moved by " (figure(moved)) }
            "." }
        @if series.costs.len() > 1 {
            (line_chart(&format!("Cost of {} by pass", last.model), &series.costs, figure))
        }
    } }
}

/// A number of a fit: short, and exact enough to compare.
pub(super) fn figure(number: f64) -> String {
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
