//! What a viewer wants to see of a course.

use std::cmp::Ordering;

use gugus_pages::run::{Counts, Mark, Square};

use super::index::{Entry, Index, Key};

/// The most squares of a glance. A page of so many links is still small.
const SQUARES: usize = 400;

/// How many rows a page has.
const ROWS: u64 = 25;

/// The columns that models can be sorted by, beside their own order.
const COLUMNS: [&str; 5] = ["status", "rows", "cost", "iterations", "at"];

/// Which models a viewer wants to see in full, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ModelsAsked {
    /// Only models of this mark.
    pub(crate) status: Option<Mark>,
    /// One of [`COLUMNS`]; all else is the models' own order.
    pub(crate) sort: String,
    /// Whether the largest comes first.
    pub(crate) descending: bool,
    /// How many come before the first row.
    pub(crate) from: u64,
    /// How many rows are wanted.
    pub(crate) size: u64,
}

impl ModelsAsked {
    /// The choices that a URL makes; `choice` gives the text of one, or none.
    pub(crate) fn read<'a>(choice: impl Fn(&str) -> &'a str) -> Self {
        Self {
            status: Mark::of(choice("status")),
            sort: choice("sort").to_owned(),
            descending: choice("order") == "desc",
            from: choice("from").parse().unwrap_or(0),
            size: ROWS,
        }
    }
}

impl Index {
    /// The models that are asked for, and how many there are of their mark.
    pub(super) fn page(&self, asked: &ModelsAsked) -> (Vec<(&Key, Entry)>, u64) {
        let of_mark = |entry: &Entry| asked.status.is_none_or(|mark| entry.mark == mark);
        let all = self.entries.iter().filter(|(_, entry)| of_mark(entry));
        let all = all.map(|(key, entry)| (key, *entry));
        let from = usize::try_from(asked.from).unwrap_or(usize::MAX);
        let size = usize::try_from(asked.size).unwrap_or(usize::MAX);
        if !COLUMNS.contains(&asked.sort.as_str()) && !asked.descending {
            // Most pages, and so each look of an open one: nothing is sorted or copied.
            let total = asked
                .status
                .map_or(self.counts.total(), |mark| self.counts.of(mark));
            return (all.skip(from).take(size).collect(), total);
        }
        let mut all: Vec<(&Key, Entry)> = all.collect();
        let total = all.len() as u64;
        let from = from.min(all.len());
        let order = |a: &(&Key, Entry), b: &(&Key, Entry)| {
            let ordering = compare(&asked.sort, &a.1, &b.1).then_with(|| a.0.cmp(b.0));
            if asked.descending {
                ordering.reverse()
            } else {
                ordering
            }
        };
        // Only the page is sorted: of 100,000 models a viewer sees a hundred.
        if from < all.len() {
            all.select_nth_unstable_by(from, order);
        }
        let mut page = all.split_off(from);
        if size < page.len() {
            page.select_nth_unstable_by(size, order);
            page.truncate(size);
        }
        page.sort_unstable_by(order);
        (page, total)
    }

    /// All models at a glance. `path` reads the folder of a model that has a square of its own.
    pub(super) fn squares(&self, path: impl Fn(&Entry) -> Option<String>) -> Vec<Square> {
        let each = self.entries.len().div_ceil(SQUARES).max(1);
        let mut squares: Vec<Square> = Vec::new();
        let (mut model, mut room, mut newest) = (usize::MAX, 0, None);
        for (from, (key, entry)) in self.entries.iter().enumerate() {
            if key.model == model && room > 0 {
                newest = Some((key, entry));
            } else {
                close(&mut squares, newest.take());
                (model, room) = (key.model, each);
                squares.push(Square {
                    model: self.names.get(model).cloned().unwrap_or_default(),
                    first: key.data(entry.scope),
                    last: None,
                    from: from as u64,
                    counts: Counts::default(),
                    path: if each == 1 { path(entry) } else { None },
                });
            }
            room -= 1;
            if let Some(square) = squares.last_mut() {
                *square.counts.of_mut(entry.mark) += 1;
            }
        }
        close(&mut squares, newest);
        squares
    }
}

/// Says what the last model of the last square is of, where the square has several.
fn close(squares: &mut [Square], newest: Option<(&Key, &Entry)>) {
    if let (Some(square), Some((key, entry))) = (squares.last_mut(), newest) {
        square.last = Some(key.data(entry.scope));
    }
}

/// By the column; models that have no value come first.
fn compare(sort: &str, a: &Entry, b: &Entry) -> Ordering {
    match sort {
        "status" => a.mark.cmp(&b.mark),
        "rows" => a.rows.cmp(&b.rows),
        "cost" => {
            let cost = |entry: &Entry| entry.cost.unwrap_or(f64::NEG_INFINITY);
            cost(a).total_cmp(&cost(b))
        }
        "iterations" => a.iterations.cmp(&b.iterations),
        "at" => a.at.cmp(&b.at),
        _ => Ordering::Equal,
    }
}
