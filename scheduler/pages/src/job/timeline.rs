//! When tasks ran, as a drawing: a band for each executor, a bar for each task. No bar hides another, and at most 400 are
//! drawn, those with trouble first.

use std::collections::BTreeMap;

use gugus_look::{drawing, float, quantity};
use maud::{Markup, html};

use super::record::TaskState;
use crate::moment::span;

/// The most bars of a drawing. Failed and lost tasks and retries come first, then the longest.
const BARS: usize = 400;

/// The most executors of a drawing.
const BANDS: usize = 40;

const LEFT: f64 = 170.0;
const WIDTH: f64 = 900.0;
const LINE: f64 = 18.0;
const TOP: f64 = 22.0;

/// A task in the drawing.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// The band that it belongs to.
    pub(crate) band: String,
    pub(crate) state: TaskState,
    pub(crate) again: bool,
    pub(crate) started: u64,
    pub(crate) ended: u64,
    /// Told when somebody points at it.
    pub(crate) about: String,
}

impl Bar {
    /// A sign for those who do not see colours.
    fn sign(&self) -> &'static str {
        match self.state {
            TaskState::Failed => "✕",
            TaskState::Lost => "?",
            TaskState::Cancelled => "–",
            TaskState::Running | TaskState::Done if self.again => "↻",
            TaskState::Running | TaskState::Done => "",
        }
    }

    fn is_odd(&self) -> bool {
        self.state.is_odd(self.again)
    }
}

/// Bars of one band, spread over lines so that none hides another.
fn lines(mut bars: Vec<Bar>) -> Vec<Vec<Bar>> {
    bars.sort_by_key(|bar| (bar.started, bar.ended));
    let mut lines: Vec<Vec<Bar>> = Vec::new();
    for bar in bars {
        let free = |line: &&mut Vec<Bar>| line.last().is_none_or(|last| last.ended <= bar.started);
        match lines.iter_mut().find(free) {
            Some(line) => line.push(bar),
            None => lines.push(vec![bar]),
        }
    }
    lines
}

/// The drawing, with a sentence on what it leaves out.
pub(crate) fn timeline(name: &str, mut bars: Vec<Bar>) -> Markup {
    let first = bars.iter().map(|bar| bar.started).min().unwrap_or(0);
    let last = bars.iter().map(|bar| bar.ended).max().unwrap_or(first);
    let all = bars.len();
    bars.sort_by_key(|bar| {
        (
            !bar.is_odd(),
            std::cmp::Reverse(bar.ended.saturating_sub(bar.started)),
        )
    });
    bars.truncate(BARS);
    let mut bands: BTreeMap<String, Vec<Bar>> = BTreeMap::new();
    for bar in bars {
        bands.entry(bar.band.clone()).or_default().push(bar);
    }
    let more = bands.len().saturating_sub(BANDS);
    let bands: Vec<(String, Vec<Vec<Bar>>)> = bands
        .into_iter()
        .take(BANDS)
        .map(|(band, bars)| (band, lines(bars)))
        .collect();
    let drawn: usize = bands
        .iter()
        .flat_map(|(_, lines)| lines)
        .map(Vec::len)
        .sum();
    let rows: usize = bands.iter().map(|(_, lines)| lines.len().max(1)).sum();
    let height = TOP + LINE * float(rows as u64) + 6.0;
    let total = last.saturating_sub(first).max(1);
    let x =
        |at: u64| LEFT + (WIDTH - LEFT) * float(at.saturating_sub(first).min(total)) / float(total);
    let mut y = TOP;
    let picture = html! {
        svg.fixed role="img" aria-label=(name) width=(WIDTH + 10.0) height=(height) viewBox=(format!("0 0 {} {height}", WIDTH + 10.0)) {
            @for (part, anchor) in [(0, "start"), (1, "middle"), (2, "middle"), (3, "middle"), (4, "end")] {
                @let at = first + total * part / 4;
                line.grid x1=(short(x(at))) x2=(short(x(at))) y1="16" y2=(height) {}
                text x=(short(x(at))) y="12" text-anchor=(anchor) { (span(total * part / 4)) }
            }
            @for (band, lines) in &bands {
                text x="4" y=(short(y + 13.0)) { (gugus_look::shortened(band, 24)) }
                @for line in lines {
                    @for bar in line {
                        @let (from, to) = (x(bar.started), x(bar.ended.max(bar.started)));
                        g class={ "bar " (bar.state.word()) @if bar.again { " again" } } {
                            title { (bar.about) }
                            rect x=(short(from)) y=(short(y + 2.0)) width=(short((to - from).max(2.0))) height="14" rx="2" {}
                            @if bar.is_odd() { text x=(short(from + 3.0)) y=(short(y + 13.0)) { (bar.sign()) } }
                        }
                    }
                    @let () = y += LINE;
                }
            }
        }
    };
    html! {
        (drawing(name, &picture))
        p.quiet { "Bars are tasks; time runs to the right. ↻ is a task that does again what another had not finished, ✕ failed, ? was lost with its executor, – was cancelled." }
        @if drawn < all || more > 0 {
            p.quiet {
                "Drawn are " (quantity(drawn as u64, "task", "tasks")) " of " (all) ": failed and lost tasks and retries first, then the longest."
            }
        }
    }
}

fn short(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(started: u64, ended: u64) -> Bar {
        Bar {
            band: "10.0.0.1:1".to_owned(),
            state: TaskState::Done,
            again: false,
            started,
            ended,
            about: format!("{started} to {ended}"),
        }
    }

    #[test]
    fn no_bar_hides_another() {
        let placed = lines(vec![bar(0, 10), bar(5, 20), bar(10, 15), bar(16, 18)]);
        let begins: Vec<Vec<u64>> = placed
            .iter()
            .map(|line| line.iter().map(|bar| bar.started).collect())
            .collect();
        assert_eq!(begins, [vec![0, 10, 16], vec![5]]);
    }

    #[test]
    fn what_went_wrong_is_drawn_first_and_told_without_colour() {
        let mut bars: Vec<Bar> = (0..1_000).map(|at| bar(at, at + 50)).collect();
        bars[999].state = TaskState::Lost;
        bars[998].again = true;
        let text = timeline("Tasks", bars).into_string();
        assert_eq!(text.matches("<rect").count(), BARS);
        assert!(
            text.contains("class=\"bar lost\"") && text.contains(">?</text>"),
            "{text}"
        );
        assert!(
            text.contains("class=\"bar done again\"") && text.contains(">↻</text>"),
            "{text}"
        );
        assert!(text.contains("Drawn are 400 tasks of 1000"), "{text}");
        assert!(text.len() < 120_000, "{}", text.len());
    }
}
