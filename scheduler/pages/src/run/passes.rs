//! The cost of a model over all batches, pass by pass.

use gugus_look::{figure, line_chart, quantity};
use maud::{Markup, html};

use super::course::PassSeries;

/// One chart for each model.
pub(super) fn passes(all: &[PassSeries]) -> Markup {
    html! { @for series in all {
        @let last = &series.last;
        h3 { (last.model) }
        p { (quantity(u64::from(last.pass), "pass", "passes")) "; step of the last one: " (last.step)
            @if let Some(cost) = last.cost { ", cost " (figure(cost)) }
            @if let Some(moved) = last.moved { ", the center that moved farthest moved by " (figure(moved)) }
            "." }
        @if series.costs.len() > 1 {
            (line_chart(&format!("Cost of {} by pass", last.model), &series.costs, figure))
        }
    } }
}
