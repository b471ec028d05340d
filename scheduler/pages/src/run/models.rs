//! The models of a run as a table.

use gugus_look::{Column, Order, Pager, badge, count, figure, instant, small_bars, table};
use maud::{Markup, html};

use super::course::{ModelRow, ModelTable};
use super::grid::model_href;
use super::mark::Mark;

/// The most clusters whose sizes are said in words; the bars show more.
const SIZES_SAID: usize = 12;

/// The table, with what was chosen and how to see all again.
pub(super) fn models(shown: &ModelTable, store: &str) -> Markup {
    let columns = [
        Column::text("Model").sorted_by("model"),
        Column::text("Of"),
        Column::text("Status").sorted_by("status"),
        Column::numbers("Rows").sorted_by("rows"),
        Column::numbers("Cost").sorted_by("cost"),
        Column::numbers("Iterations").sorted_by("iterations"),
        Column::text("Sizes"),
        Column::text("Told").sorted_by("at"),
        Column::text("Reason"),
    ];
    let status = shown.status.map_or("", Mark::word);
    let order = Order::new(&shown.sort, shown.descending, &[("status", status)]);
    let pager = Pager {
        from: shown.from,
        size: shown.size,
        total: shown.total,
    };
    let rows: Vec<_> = shown.rows.iter().map(|row| cells(row, store)).collect();
    html! {
        @if let Some(mark) = shown.status { p { "Only " (mark.word()) " models. " a href="?#models" { "Show all" } } }
        @if rows.is_empty() {
            p.quiet { "There is no such model." }
        } @else {
            (table("Models of the run", &columns, &rows, &order, Some(pager)))
        }
    }
}

fn cells(row: &ModelRow, store: &str) -> Vec<Markup> {
    let line = &row.line;
    let none = || html! {};
    vec![
        match &line.path {
            Some(path) if line.training_cost.is_some() => {
                html! { a href=(model_href(store, path)) { (line.model) } }
            }
            _ => html! { (line.model) },
        },
        html! { span.line { (line.data()) } },
        badge(row.mark.tone(), row.mark.word()),
        html! { (count(line.rows)) },
        line.training_cost
            .map_or_else(none, |cost| html! { (figure(cost)) }),
        line.iterations
            .map_or_else(none, |iterations| html! { (count(u64::from(iterations))) }),
        if line.sizes.is_empty() {
            none()
        } else {
            small_bars(&said(&line.sizes), &line.sizes)
        },
        instant(&row.at),
        html! { @if let Some(reason) = &line.reason { div.reason { (reason) } } },
    ]
}

/// The sizes of the clusters in words.
fn said(sizes: &[u64]) -> String {
    let first: Vec<String> = sizes
        .iter()
        .take(SIZES_SAID)
        .map(|size| count(*size))
        .collect();
    let more = if sizes.len() > SIZES_SAID {
        ", …"
    } else {
        ""
    };
    format!("{} clusters: {}{more}", sizes.len(), first.join(", "))
}
