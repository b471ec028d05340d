//! Tables. Links in headings and pagers keep the viewer's order and filters.

use maud::{Markup, html};

use crate::encoded::query_value;
use crate::parts::wide;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What its heading says.
    pub name: &'static str,
    /// The value of `sort` in the URL, where rows can be sorted by the column.
    pub key: Option<&'static str>,
    /// Whether it holds numbers, which stand to the right.
    pub numbers: bool,
}

impl Column {
    /// A column of texts that rows cannot be sorted by.
    #[must_use]
    pub const fn text(name: &'static str) -> Self {
        Self {
            name,
            key: None,
            numbers: false,
        }
    }

    /// A column of numbers that rows cannot be sorted by.
    #[must_use]
    pub const fn numbers(name: &'static str) -> Self {
        Self {
            numbers: true,
            ..Self::text(name)
        }
    }

    /// The same column, by which rows can be sorted.
    #[must_use]
    pub const fn sorted_by(self, key: &'static str) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }
}

/// The part of a URL behind `?`, which keeps what a viewer chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The column by which rows are sorted.
    pub sort: String,
    /// Whether the largest comes first.
    pub descending: bool,
    /// All other choices, as `state=failed`, in the order of the URL and encoded as in it.
    pub others: Vec<(String, String)>,
}

impl Order {
    /// The order, and other choices with their values as texts. Choices without a value are left out.
    #[must_use]
    pub fn new(sort: &str, descending: bool, others: &[(&str, &str)]) -> Self {
        let others = others.iter().filter(|(_, value)| !value.is_empty());
        Self {
            sort: sort.to_owned(),
            descending,
            others: others
                .map(|(name, value)| ((*name).to_owned(), query_value(value)))
                .collect(),
        }
    }

    /// Hidden inputs by which a form keeps the order.
    #[must_use]
    pub fn kept(&self) -> Markup {
        html! { @if !self.sort.is_empty() {
            input type="hidden" name="sort" value=(self.sort);
            input type="hidden" name="order" value=(direction(self.descending));
        } }
    }

    fn href(&self, changed: &[(&str, &str)]) -> String {
        let sort = (!self.sort.is_empty()).then(|| {
            [
                ("sort", self.sort.as_str()),
                ("order", direction(self.descending)),
            ]
        });
        let kept = self
            .others
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let kept = kept.chain(sort.into_iter().flatten());
        let kept = kept.filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
        let pairs: Vec<String> = kept
            .chain(changed.iter().copied())
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("?{}", pairs.join("&"))
    }
}

fn direction(descending: bool) -> &'static str {
    if descending { "desc" } else { "asc" }
}

/// Which part of a long table is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pager {
    /// The number of the first row shown, from 0.
    pub from: u64,
    /// How many rows a page has.
    pub size: u64,
    /// How many rows there are.
    pub total: u64,
}

/// A table in the order of its rows, all of which it shows.
#[must_use]
pub fn plain_table(caption: &str, columns: &[Column], rows: &[Vec<Markup>]) -> Markup {
    table(caption, columns, rows, &Order::default(), None)
}

/// A table. Headings of columns with a key are links that sort by the column, and sort the other way round when it is
/// sorted by already. The links of the pager keep order and filters.
#[must_use]
pub fn table(
    caption: &str,
    columns: &[Column],
    rows: &[Vec<Markup>],
    order: &Order,
    pager: Option<Pager>,
) -> Markup {
    let content = html! { table {
        thead { tr { @for column in columns {
            @let by = column.key.filter(|key| *key == order.sort);
            @let sorted = by.map(|_| if order.descending { "descending" } else { "ascending" });
            th.n[column.numbers] scope="col" aria-sort=[sorted] {
                @match column.key {
                    Some(key) => {
                        @let descending = if by.is_some() { !order.descending } else { column.numbers };
                        a href=(order.href(&[("sort", key), ("order", direction(descending)), ("from", "0")])) { (column.name) }
                    }
                    None => (column.name),
                }
            }
        } } }
        tbody { @for row in rows { tr { @for (cell, column) in row.iter().zip(columns) {
            td.n[column.numbers] { (cell) }
        } } } }
    } };
    html! {
        (wide(caption, &content))
        @if let Some(pager) = pager && pager.total > pager.size { (pages(pager, order)) }
    }
}

fn pages(pager: Pager, order: &Order) -> Markup {
    let last = pager.from.saturating_add(pager.size).min(pager.total);
    let from = |at: u64| order.href(&[("from", &at.to_string())]);
    html! {
        nav.pages aria-label="Pages" {
            @if pager.from > 0 { a rel="prev" href=(from(pager.from.saturating_sub(pager.size))) { "Previous" } }
            span { (crate::count(pager.from.saturating_add(1))) " to " (crate::count(last)) " of " (crate::count(pager.total)) }
            @if last < pager.total { a rel="next" href=(from(last)) { "Next" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_and_pages_keep_what_the_viewer_chose() {
        let order = Order {
            sort: "cost".to_owned(),
            descending: true,
            others: vec![("state".to_owned(), "failed".to_owned())],
        };
        let columns = [
            Column::text("Model").sorted_by("model"),
            Column::numbers("Cost").sorted_by("cost"),
        ];
        let rows = [vec![html! { "a" }, html! { "1" }]];
        let pager = Pager {
            from: 100,
            size: 100,
            total: 250,
        };
        let text = table("Models", &columns, &rows, &order, Some(pager)).into_string();
        for part in [
            "href=\"?state=failed&amp;sort=model&amp;order=asc&amp;from=0\"",
            "aria-sort=\"descending\"",
            "href=\"?state=failed&amp;sort=cost&amp;order=asc&amp;from=0\"",
            "href=\"?state=failed&amp;sort=cost&amp;order=desc&amp;from=200\"",
            "101 to 200 of 250",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
