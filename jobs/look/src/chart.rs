//! Small charts as SVG. Sizes stand in attributes and colours in classes, because pages forbid attributes `style`.

use maud::{Markup, html};

/// One bar of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What stands below it.
    pub label: String,
    /// How far it goes up.
    pub up: f64,
    /// How far it goes down, on a scale of its own; 0 where nothing does.
    pub down: f64,
    /// What it says when somebody points at it.
    pub title: String,
}

/// The width of a chart, its height above the line, and below it where bars go down.
const WIDTH: f64 = 720.0;
const UP: f64 = 110.0;
const DOWN: f64 = 40.0;

/// The widest bar; few bars would be walls otherwise.
const WIDEST: f64 = 56.0;

/// Labels that fit beside each other. With more bars only the first and the last have one.
const LABELS: usize = 24;

/// The least height of a bar that is not 0, so that it can be seen.
const LEAST: f64 = 1.5;

/// Bars beside each other. What goes down is drawn below a line, so that it differs by more than its colour. `name` says in
/// words what the chart shows.
#[must_use]
pub fn bars(name: &str, bars: &[Bar]) -> Markup {
    let most = |of: fn(&Bar) -> f64| bars.iter().map(of).fold(0.0, f64::max);
    let (up, down) = (most(|bar| bar.up), most(|bar| bar.down));
    let below = if down > 0.0 { DOWN } else { 0.0 };
    #[allow(clippy::cast_precision_loss)] // some hundred bars at most
    let slot = (WIDTH / bars.len().max(1) as f64).min(WIDEST);
    let height = |value: f64, of: f64, room: f64| {
        if value <= 0.0 || of <= 0.0 {
            0.0
        } else {
            (value / of * room).max(LEAST)
        }
    };
    let bottom = UP + below + 20.0;
    html! {
        svg.chart role="img" aria-label=(name) viewBox={ "0 0 " (WIDTH) " " (bottom) } width=(WIDTH) height=(bottom) {
            @for (at, bar) in bars.iter().enumerate() {
                @let x = place(at, slot);
                @let (high, low) = (height(bar.up, up, UP - 4.0), height(bar.down, down, DOWN - 2.0));
                g {
                    title { (bar.title) }
                    @if high > 0.0 { rect.up x=(short(x + slot * 0.1)) y=(short(UP - high)) width=(short(slot * 0.8)) height=(short(high)) { } }
                    @if low > 0.0 { rect.down x=(short(x + slot * 0.1)) y=(short(UP + 2.0)) width=(short(slot * 0.8)) height=(short(low)) { } }
                }
                @if bars.len() <= LABELS || at == 0 || at + 1 == bars.len() {
                    @let edge = if bars.len() <= LABELS { "middle" } else if at == 0 { "start" } else { "end" };
                    @let from = match edge { "start" => x, "end" => x + slot, _ => x + slot / 2.0 };
                    text x=(short(from)) y=(short(bottom - 5.0)) text-anchor=(edge) { (bar.label) }
                }
            }
            line.axis x1="0" x2=(WIDTH) y1=(short(UP + 0.5)) y2=(short(UP + 0.5)) { }
        }
    }
}

/// Bars so small that they fit in a cell of a table; `name` says the numbers in words.
#[must_use]
pub fn small_bars(name: &str, values: &[u64]) -> Markup {
    const MOST: usize = 32;
    const HEIGHT: f64 = 18.0;
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let slot = 5.0;
    let width = place(values.len().min(MOST), slot);
    html! {
        svg.small role="img" aria-label=(name) viewBox={ "0 0 " (width) " " (HEIGHT) } width=(width) height=(HEIGHT) {
            title { (name) }
            @for (at, value) in values.iter().take(MOST).enumerate() {
                @let high = share(*value, most, HEIGHT);
                rect.up x=(place(at, slot)) y=(short(HEIGHT - high)) width="4" height=(short(high)) { }
            }
        }
    }
}

/// A line through values, one a step; a step without a value leaves the line open. The last value has a dot.
#[must_use]
pub fn small_line(name: &str, values: &[Option<f64>]) -> Markup {
    const WIDTH: f64 = 110.0;
    const HEIGHT: f64 = 22.0;
    let there = || values.iter().flatten().copied();
    let (low, high) = (
        there().fold(f64::INFINITY, f64::min),
        there().fold(f64::NEG_INFINITY, f64::max),
    );
    let x = |at: usize| place(at, (WIDTH - 8.0) / place(values.len().max(2) - 1, 1.0)) + 4.0;
    let y = |value: f64| {
        let share = if high > low {
            (value - low) / (high - low)
        } else {
            0.5
        };
        HEIGHT - 4.0 - share * (HEIGHT - 8.0)
    };
    let mut path = String::new();
    let mut drawn = false;
    for (at, value) in values.iter().enumerate() {
        if let Some(value) = value {
            path.push_str(if drawn { "L" } else { "M" });
            path.push_str(&format!("{} {}", short(x(at)), short(y(*value))));
        }
        drawn = value.is_some();
    }
    let last = values
        .iter()
        .enumerate()
        .rev()
        .find_map(|(at, value)| Some((at, (*value)?)));
    html! {
        svg.small role="img" aria-label=(name) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH) height=(HEIGHT) {
            title { (name) }
            path.line d=(path) { }
            @if let Some((at, value)) = last { circle.up cx=(short(x(at))) cy=(short(y(value))) r="2.5" { } }
        }
    }
}

/// A stretch from its begin to its end, with the places where something is wrong, each from 0 to 1.
#[must_use]
pub fn stretch(name: &str, marks: &[f64]) -> Markup {
    const WIDTH: f64 = 200.0;
    html! {
        svg.small role="img" aria-label=(name) viewBox={ "0 0 " (WIDTH) " 18" } width=(WIDTH) height="18" {
            title { (name) }
            rect.up x="0" y="7" width=(WIDTH) height="4" { }
            @for mark in marks {
                @let x = 5.0 + mark.clamp(0.0, 1.0) * (WIDTH - 10.0);
                // A triangle with its tip on the stretch: seen by its form as well as by its colour.
                path.mark d={ "M" (short(x - 5.0)) " 1h10l-5 13z" } { }
            }
        }
    }
}

#[allow(clippy::cast_precision_loss)] // some hundred steps at most
fn place(at: usize, step: f64) -> f64 {
    at as f64 * step
}

#[allow(clippy::cast_precision_loss)] // a height in pixels
fn share(value: u64, most: u64, height: f64) -> f64 {
    if value == 0 {
        0.0
    } else {
        (value as f64 / most as f64 * height).max(LEAST)
    }
}

/// A tenth of a pixel is as fine as a screen shows.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0")
        .map_or_else(|| text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_down_is_below_the_line_and_small_values_are_seen() {
        let bar = |up: f64, down: f64| Bar {
            label: "<1>".to_owned(),
            up,
            down,
            title: "<b>".to_owned(),
        };
        let text = bars("rows & rejects", &[bar(1000.0, 0.0), bar(1.0, 3.0)]).into_string();
        assert!(text.contains("aria-label=\"rows &amp; rejects\""), "{text}");
        assert!(
            text.contains("class=\"down\" x=\"61.6\" y=\"112\""),
            "{text}"
        );
        assert!(text.contains("height=\"1.5\""), "{text}");
        assert!(
            !text.contains("<b>") && !text.contains("<1>") && !text.contains("style"),
            "{text}"
        );
        let all_up = bars("rows", &[bar(1.0, 0.0)]).into_string();
        assert!(!all_up.contains("class=\"down\""), "{all_up}");
    }

    #[test]
    fn a_line_is_open_where_values_are_missing() {
        let text = small_line("cost", &[Some(1.0), Some(2.0), None, Some(1.5)]).into_string();
        assert!(text.contains("d=\"M4 18L38 4M106 11\""), "{text}");
        // One value, the same values and none are lines, too.
        for values in [vec![Some(1.0)], vec![Some(2.0); 3], vec![None], vec![]] {
            let text = small_line("cost", &values).into_string();
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}
