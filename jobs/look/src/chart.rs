//! Small charts as SVG. Sizes stand in attributes and colours in classes, because pages forbid attributes `style`.

use std::fmt::Write as _;

use maud::{Markup, html};

/// One bar of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What stands below it.
    pub label: String,
    /// How far it goes up.
    pub up: u64,
    /// How far it goes down, on a scale of its own; 0 where nothing does.
    pub down: u64,
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
    let most = |of: fn(&Bar) -> u64| bars.iter().map(of).max().unwrap_or(0);
    let (up, down) = (most(|bar| bar.up), most(|bar| bar.down));
    let below = if down > 0 { DOWN } else { 0.0 };
    let slot = (WIDTH / float(bars.len().max(1) as u64)).min(WIDEST);
    let bottom = UP + below + 20.0;
    html! {
        svg.chart role="img" aria-label=(name) viewBox={ "0 0 " (WIDTH) " " (bottom) } width=(WIDTH) height=(bottom) {
            @for (at, bar) in bars.iter().enumerate() {
                @let x = place(at, slot);
                @let (high, low) = (share(bar.up, up, UP - 4.0), share(bar.down, down, DOWN - 2.0));
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

/// A line through values, one value a step. The line has a gap at a step without a value. The last value has a dot.
#[must_use]
pub fn small_line(name: &str, values: &[Option<f64>]) -> Markup {
    const WIDTH: f64 = 110.0;
    const HEIGHT: f64 = 22.0;
    let scale = Scale::of(values.iter().flatten().copied());
    let x = |at: usize| place(at, (WIDTH - 8.0) / place(values.len().max(2) - 1, 1.0)) + 4.0;
    let y = |value: f64| HEIGHT - 4.0 - scale.share(value) * (HEIGHT - 8.0);
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

/// A large line through many values, each with its step. The lowest and the highest value stand beside it. `name` says in
/// words what the chart shows; `words` writes a value as text.
#[must_use]
pub fn line_chart(name: &str, values: &[(u32, f64)], words: impl Fn(f64) -> String) -> Markup {
    const HEIGHT: f64 = 160.0;
    // The room at the left for the lowest and the highest value.
    const LEFT: f64 = 90.0;
    const EDGE: f64 = 14.0;
    // More points cannot be told apart.
    const POINTS: usize = 400;
    let finite = || values.iter().filter(|(_, value)| value.is_finite());
    let scale = Scale::of(finite().map(|(_, value)| *value));
    let Scale { low, high } = scale;
    let first = values.first().map_or(0, |(step, _)| *step);
    let last = values.last().map_or(0, |(step, _)| *step);
    let x = |step: u32| {
        let share = f64::from(step - first) / f64::from((last - first).max(1));
        LEFT + share * (WIDTH - LEFT - EDGE)
    };
    let y = |value: f64| HEIGHT - 30.0 - scale.share(value) * (HEIGHT - 30.0 - EDGE);
    let stride = values.len().div_ceil(POINTS).max(1);
    let drawn = finite().enumerate();
    let count = finite().count();
    let drawn = drawn.filter(|(at, _)| at % stride == 0 || at + 1 == count);
    let mut path = String::new();
    for (at, (_, (step, value))) in drawn.enumerate() {
        let to = if at == 0 { 'M' } else { 'L' };
        // Writing to a string does not fail.
        let _ = write!(path, "{to}{:.1} {:.1}", x(*step), y(*value));
    }
    html! {
        svg.chart role="img" aria-label=(name) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH) height=(HEIGHT) {
            title { (name) }
            line.axis x1=(LEFT) x2=(WIDTH - EDGE) y1=(HEIGHT - 24.0) y2=(HEIGHT - 24.0) { }
            @if count > 0 {
                path.line d=(path) { }
                @if let Some((step, value)) = finite().next_back() {
                    circle.up cx=(format!("{:.1}", x(*step))) cy=(format!("{:.1}", y(*value))) r="3" { }
                }
                text x=(LEFT - 8.0) y=(format!("{:.1}", y(high) + 4.0)) text-anchor="end" { (words(high)) }
                @if high > low { text x=(LEFT - 8.0) y=(format!("{:.1}", y(low) + 4.0)) text-anchor="end" { (words(low)) } }
                text x=(LEFT) y=(HEIGHT - 6.0) { (first) }
                @if last > first { text x=(WIDTH - EDGE) y=(HEIGHT - 6.0) text-anchor="end" { (last) } }
            }
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

/// The lowest and the highest of some values.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        Self {
            low: values.clone().fold(f64::INFINITY, f64::min),
            high: values.fold(f64::NEG_INFINITY, f64::max),
        }
    }

    /// How high a value is, from 0 to 1; halfway where all values are the same.
    fn share(self, value: f64) -> f64 {
        if self.high > self.low {
            (value - self.low) / (self.high - self.low)
        } else {
            0.5
        }
    }
}

/// A number as a place or a size in a drawing.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "places on a screen")]
pub fn float(number: u64) -> f64 {
    number as f64
}

fn place(at: usize, step: f64) -> f64 {
    float(at as u64) * step
}

fn share(value: u64, most: u64, height: f64) -> f64 {
    if value == 0 {
        0.0
    } else {
        (float(value) / float(most) * height).max(LEAST)
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
        let bar = |up: u64, down: u64| Bar {
            label: "<1>".to_owned(),
            up,
            down,
            title: "<b>".to_owned(),
        };
        let text = bars("rows & rejects", &[bar(1000, 0), bar(1, 3)]).into_string();
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
        let all_up = bars("rows", &[bar(1, 0)]).into_string();
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

    #[test]
    fn a_line_falls_where_values_fall_and_stays_short() {
        let text = line_chart("cost <by> pass", &[(1, 30.0), (2, 20.0), (3, 10.0)], |v| {
            v.to_string()
        });
        let text = text.into_string();
        assert!(
            text.contains("d=\"M90.0 14.0L398.0 72.0L706.0 130.0\""),
            "{text}"
        );
        assert!(
            text.contains("aria-label=\"cost &lt;by&gt; pass\""),
            "{text}"
        );
        let many: Vec<(u32, f64)> = (1..=100_000).map(|step| (step, f64::from(step))).collect();
        let text = line_chart("cost", &many, |v| v.to_string()).into_string();
        assert!(text.len() < 8_000, "{}", text.len());
        for odd in [
            vec![],
            vec![(1, f64::NAN)],
            vec![(1, 1.0)],
            vec![(7, 1.0), (7, 1.0)],
        ] {
            let text = line_chart("cost", &odd, |v| v.to_string()).into_string();
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}
