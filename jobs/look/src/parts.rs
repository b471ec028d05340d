//! Small parts of pages: numbers with units, times, states, bars, empty states.

use std::time::Duration;

use maud::{Markup, html};

/// What a state means for its reader. Each tone has a colour and a sign of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing is wrong and nothing goes on.
    Quiet,
    /// It is under way.
    Busy,
    /// It went well.
    Good,
    /// Somebody should look at it.
    Warning,
    /// It failed.
    Bad,
}

impl Tone {
    /// The class of the tone in the style.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Busy => "busy",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }

    /// The sign of the tone, for those who do not see its colour.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Quiet => "○",
            Self::Busy => "◐",
            Self::Good => "✓",
            Self::Warning => "!",
            Self::Bad => "✕",
        }
    }
}

/// A state in a word, with the sign of its tone.
#[must_use]
pub fn badge(tone: Tone, word: &str) -> Markup {
    html! { span class={ "badge " (tone.class()) } { span.sign aria-hidden="true" { (tone.sign()) } (word) } }
}

/// How much of something is done: a bar, with a name for those who do not see it, and `3 of 4`.
#[must_use]
pub fn done_of(done: u64, total: u64, name: &str) -> Markup {
    html! {
        progress value=(done.min(total)) max=(total.max(1)) aria-label=(name) { }
        (count(done)) " of " (count(total))
    }
}

/// A number with commas between its thousands.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number, such as an offset, that may be negative.
#[must_use]
pub fn count_signed(number: i64) -> String {
    let digits = count(number.unsigned_abs());
    if number < 0 {
        format!("-{digits}")
    } else {
        digits
    }
}

/// A number of a fit: short, exact enough to compare, and with as many digits after the point as those below it in a table.
#[must_use]
pub fn figure(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 {
        "0".to_owned()
    } else if (1e-3..1e7).contains(&size) {
        format!("{number:.4}")
    } else {
        format!("{number:.4e}")
    }
}

/// A number of things in words: `1 batch`, `2,000 batches`.
#[must_use]
pub fn quantity(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A size in memory or on disk: `512 B`, `1.5 MiB`.
#[must_use]
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    #[allow(clippy::cast_precision_loss)] // a figure for people, with one digit after the point
    let mut size = number as f64;
    let mut unit = "B";
    for larger in UNITS {
        if size < 1023.95 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    format!("{size:.1} {unit}")
}

/// A span of time as people say it: `12 ms`, `3.4 s`, `5 min 20 s`, `2 h 5 min`.
#[must_use]
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{} ms", span.as_millis()),
        1..60 => format!("{:.1} s", span.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A moment, given as RFC 3339. The page shows it with its zone. The script shows how long ago it was, and the exact time in
/// the viewer's zone on hover.
#[must_use]
pub fn instant(rfc3339: &str) -> Markup {
    html! { time datetime=(rfc3339) { (moment(rfc3339)) } }
}

/// `2026-11-23 09:10:11 UTC`, from RFC 3339; any other text as it is.
fn moment(text: &str) -> String {
    let parts = text.split_once('T').and_then(|(day, rest)| {
        let (clock, after) = rest.split_at_checked(8)?;
        let zone = after.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
        let zone = match zone {
            "Z" | "+00:00" => "UTC",
            other => other,
        };
        Some(format!("{day} {clock} {zone}"))
    });
    parts.unwrap_or_else(|| text.to_owned())
}

/// A frame for content that may be wider than the page, such as a table. The frame scrolls by itself, also by keys.
#[must_use]
pub fn wide(name: &str, content: &Markup) -> Markup {
    scrolled("wide", name, content)
}

/// The same frame, for a drawing.
#[must_use]
pub fn drawing(name: &str, content: &Markup) -> Markup {
    scrolled("wide drawing", name, content)
}

fn scrolled(class: &str, name: &str, content: &Markup) -> Markup {
    html! { div class=(class) tabindex="0" role="region" aria-label=(name) { (content) } }
}

/// A fact of a list of facts (`dl`).
#[must_use]
pub fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// A command that a person can copy.
#[must_use]
pub fn command(text: &str) -> Markup {
    html! { span.command { code { (text) } button.plain type="button" data-copy=(text) hidden { "Copy" } } }
}

/// Said in place of an empty table: why it is empty, and the command that fills it.
#[must_use]
pub fn empty(why: &str, next: Option<&str>) -> Markup {
    html! { div.empty { p { (why) } @if let Some(next) = next { p { (command(next)) } } } }
}

/// The beginning of a long text, at most so many characters.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    let mut characters = text.chars();
    let beginning: String = characters.by_ref().take(most).collect();
    match characters.next() {
        None => beginning,
        Some(_) => format!("{beginning}…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_and_units() {
        let texts = [0, 999, 1_000, 12_345, 1_234_567].map(count);
        assert_eq!(texts, ["0", "999", "1,000", "12,345", "1,234,567"]);
        let sizes = [0, 1023, 1024, 1_572_864, 1_048_575, u64::MAX].map(bytes);
        assert_eq!(
            sizes,
            [
                "0 B",
                "1023 B",
                "1.0 KiB",
                "1.5 MiB",
                "1.0 MiB",
                "16384.0 PiB"
            ]
        );
        assert_eq!(quantity(1, "batch", "batches"), "1 batch");
        assert_eq!(quantity(2000, "batch", "batches"), "2,000 batches");
    }

    #[test]
    fn figures_are_short_and_offsets_may_be_negative() {
        let figures = [0.0, 1.5, -12_345.678_99, 1e9, 1.0 / 3.0, 1e-9].map(figure);
        assert_eq!(
            figures,
            [
                "0",
                "1.5000",
                "-12345.6790",
                "1.0000e9",
                "0.3333",
                "1.0000e-9"
            ]
        );
        assert_eq!(count_signed(-1234), "-1,234");
    }

    #[test]
    fn spans_are_said_as_people_say_them() {
        let spans = [0, 12, 999, 1_000, 59_940, 320_000, 7_500_000, 180_000_000];
        let texts = spans.map(|milliseconds| duration(Duration::from_millis(milliseconds)));
        assert_eq!(
            texts,
            [
                "0 ms",
                "12 ms",
                "999 ms",
                "1.0 s",
                "59.9 s",
                "5 min 20 s",
                "2 h 5 min",
                "2 d 2 h"
            ]
        );
    }

    #[test]
    fn moments_have_their_zone() {
        for (text, shown) in [
            ("2026-11-23T09:10:11.123Z", "2026-11-23 09:10:11 UTC"),
            ("2026-11-23T09:10:11+00:00", "2026-11-23 09:10:11 UTC"),
            ("2026-11-23T09:10:11.5-08:00", "2026-11-23 09:10:11 -08:00"),
            ("some day", "some day"),
            ("Tä", "Tä"),
        ] {
            assert_eq!(moment(text), shown);
        }
        let text = instant("2026-11-23T09:10:11Z").into_string();
        assert_eq!(
            text,
            "<time datetime=\"2026-11-23T09:10:11Z\">2026-11-23 09:10:11 UTC</time>"
        );
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("ääääää", 3), "äää…");
        assert_eq!(shortened("äää", 3), "äää");
    }
}
