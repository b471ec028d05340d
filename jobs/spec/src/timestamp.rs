//! Texts to instants: the formats that a timestamp column may have.
//!
//! The check of a job file and the parser of records share this code. So a format that the check accepts can be followed.

mod iso;
mod plain;

use std::fmt;

use chrono::format::{Item, Parsed, StrftimeItems};
use chrono::{DateTime, Utc};

pub use iso::parse_iso_timestamp;
use plain::Plain;

/// A compiled format of timestamps, in chrono's strftime language.
///
/// Missing parts of a text are filled in: without a time it is midnight, without minutes or seconds the full hour or minute,
/// without an offset UTC. As in chrono, a blank in the format matches any number of blanks in the text.
/// ```
/// let format = gugus_spec::TimestampFormat::new("%m/%d/%Y %H:%M").unwrap();
/// assert_eq!(format.parse("1/2/1970 00:01"), Some(86_460_000));
/// assert_eq!(format.parse("1970-01-02"), None);
/// assert!(gugus_spec::TimestampFormat::new("%H:%M").is_err());
/// ```
#[derive(Clone, Debug)]
pub struct TimestampFormat {
    items: Vec<Item<'static>>,
    /// The same format for the faster parser, if that parser can read it.
    plain: Option<Plain>,
}

impl TimestampFormat {
    /// Compiles a format and proves that it can be followed: it must read the text that it writes, and give an instant.
    ///
    /// # Errors
    /// Why it cannot be followed, as a clause that follows "but".
    pub fn new(format: &str) -> Result<Self, &'static str> {
        let items = StrftimeItems::new(format)
            .parse_to_owned()
            .map_err(|_| "chrono knows no such specifier (see its page on strftime)")?;
        // The last Sunday of 2024, after noon: week, month and weekday all tell different numbers.
        let sample = DateTime::<Utc>::from_timestamp(1_735_483_506, 0).unwrap_or_default();
        let mut text = String::new();
        if fmt::write(
            &mut text,
            format_args!("{}", sample.format_with_items(items.iter())),
        )
        .is_err()
        {
            return Err("no time can be written by it");
        }
        let plain = Plain::new(&items);
        let format = Self { items, plain };
        match format.parse(&text) {
            Some(_) => Ok(format),
            None => Err(
                "it gives no instant: it needs year, month and day (such as \"%Y-%m-%d\") or %s, and %p where it has %I",
            ),
        }
    }

    /// The instant of a text, in milliseconds since 1970 in UTC; `None` when the text does not follow the format.
    pub fn parse(&self, text: &str) -> Option<i64> {
        match self.plain.as_ref().and_then(|plain| plain.parse(text)) {
            Some(answer) => answer,
            None => self.parse_by_chrono(text),
        }
    }

    fn parse_by_chrono(&self, text: &str) -> Option<i64> {
        let mut parsed = Parsed::new();
        chrono::format::parse(&mut parsed, text, self.items.iter()).ok()?;
        if parsed.timestamp().is_none() {
            let hour = parsed.hour_div_12().is_some() || parsed.hour_mod_12().is_some();
            if !hour && parsed.minute().is_none() {
                parsed.set_hour(0).ok()?;
            }
            if parsed.minute().is_none() {
                parsed.set_minute(0).ok()?;
            }
        }
        let offset = parsed.offset().unwrap_or(0);
        let local = parsed.to_naive_datetime_with_offset(offset).ok()?;
        Some(local.and_utc().timestamp_millis() - i64::from(offset) * 1000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    #[test]
    fn what_a_format_leaves_out_is_filled_in() {
        let parse = |format: &str, text: &str| TimestampFormat::new(format).unwrap().parse(text);
        assert_eq!(parse("%m/%d/%Y", "01/02/1970"), Some(DAY));
        assert_eq!(parse("%Y-%m-%d %H", "1970-01-02 05"), Some(DAY + 5 * HOUR));
        assert_eq!(
            parse("%m/%d/%Y %I:%M:%S %p", "01/02/1970 12:00:00 AM"),
            Some(DAY)
        );
        assert_eq!(parse("%m/%d/%Y %H:%M", "1/2/1970 0:00"), Some(DAY));
        assert_eq!(
            parse("%Y-%m-%d %H:%M %z", "1970-01-02 05:00 +0200"),
            Some(DAY + 3 * HOUR)
        );
        assert_eq!(parse("%s", "86400"), Some(DAY));
        assert_eq!(parse("%Y-%j", "1970-002"), Some(DAY));
        assert_eq!(parse("%m/%d/%Y %H:%M", "13/02/1970 00:00"), None);
    }

    #[test]
    fn formats_that_give_no_instant_are_refused() {
        for format in ["", "x", "%H:%M", "%Y-%m", "%d", "%Q", "%", "%m/%d/%Y %I:%M"] {
            assert!(TimestampFormat::new(format).is_err(), "{format}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(format in "[%a-zA-Z/: .-]{0,12}|\\PC{0,20}", text in "[0-9T :+.Z-]{0,30}|\\PC{0,30}") {
            let _ = parse_iso_timestamp(&text);
            if let Ok(format) = TimestampFormat::new(&format) {
                let _ = format.parse(&text);
            }
        }

        #[test]
        fn the_way_without_chrono_answers_as_chrono_does(
            format in prop::sample::select(vec![
                "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M", "%Y-%m-%d", "%FT%T", "%d.%m.%Y %Hh", "%Y%m%d%H%M%S", "%p%I %d %m %Y",
                "%m/%d/%Y  %S", "%-m/%e/%Y\t%k:%M",
            ]),
            text in prop_oneof![
                "[0-9]{1,3}/[0-9]{1,2}/[0-9]{3,5} {0,2}[0-9]{1,2}:[0-9]{2}(:[0-9]{2} ?[aApP][mM])?",
                "[0-1][0-9]/[0-3][0-9]/20[0-2][0-9] [0-2][0-9]:[0-6][0-9]",
                "[0-1][0-9]/[0-3][0-9]/20[0-2][0-9] [0-1][0-9]:[0-6][0-9]:[0-6][0-9] [AP]M",
                "[0-9]{3,4}-[0-1][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-6][0-9])?",
                "20[0-9]{2}[01][0-9][0-3][0-9][0-2][0-9][0-5][0-9][0-6][0-9]",
                "[ /:.T0-9apmAPM+\t-]{0,20}",
                "\\PC{0,20}",
            ],
        ) {
            let format = TimestampFormat::new(format).unwrap();
            prop_assert!(format.plain.is_some());
            prop_assert_eq!(format.parse(&text), format.parse_by_chrono(&text));
        }
    }
}
