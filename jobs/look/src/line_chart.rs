//! A line through many values, with its lowest and highest value beside it.

use std::fmt::Write as _;

use maud::{Markup, html};

/// The chart's size, and the room at its left for the two values.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 160.0;
const LEFT: f64 = 90.0;
const EDGE: f64 = 14.0;

/// Points of the line; more cannot be told apart.
const POINTS: usize = 400;

/// A line through these values, each with its step. `name` says in words what the chart shows; `words` writes a value as text.
#[must_use]
pub fn line_chart(name: &str, values: &[(u32, f64)], words: impl Fn(f64) -> String) -> Markup {
    let finite = || values.iter().filter(|(_, value)| value.is_finite());
    let low = finite().fold(f64::INFINITY, |low, (_, value)| low.min(*value));
    let high = finite().fold(f64::NEG_INFINITY, |high, (_, value)| high.max(*value));
    let first = values.first().map_or(0, |(step, _)| *step);
    let last = values.last().map_or(0, |(step, _)| *step);
    let x = |step: u32| {
        let share = f64::from(step - first) / f64::from((last - first).max(1));
        LEFT + share * (WIDTH - LEFT - EDGE)
    };
    let y = |value: f64| {
        let share = if high > low {
            (value - low) / (high - low)
        } else {
            0.5
        };
        HEIGHT - 30.0 - share * (HEIGHT - 30.0 - EDGE)
    };
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

#[cfg(test)]
mod tests {
    use super::*;

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
