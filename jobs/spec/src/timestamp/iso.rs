//! Reads the forms of ISO 8601 / RFC 3339 that occur in records.

use chrono::NaiveDate;

use super::moment::Moment;

/// The instant of an ISO 8601 / RFC 3339 text, in milliseconds since 1970 in UTC.
///
/// It reads `2020-03-01`, `2020-03-01T14:30` and `2020-03-01 14:30:05.25`. Behind a time there may be `Z`, `UTC`,
/// `+02:00`, `+0200` or `+02`, with or without a blank before it. A text without a time means midnight, and a text
/// without an offset is in UTC. Digits beyond milliseconds are cut off. Week dates, days of the year and the basic form
/// without separators need a format of their own.
///
/// ```
/// assert_eq!(gugus_spec::parse_iso_timestamp("1970-01-01T02:00:00.001+02:00"), Some(1));
/// assert_eq!(gugus_spec::parse_iso_timestamp("01.01.1970"), None);
/// ```
pub fn parse_iso_timestamp(text: &str) -> Option<i64> {
    moment(text)?.at(None).ok()
}

/// The time that such a text states.
pub(super) fn moment(text: &str) -> Option<Moment> {
    let mut rest = Cursor(text.as_bytes());
    let year = rest.digits(4)?;
    rest.byte(b'-')?;
    let month = rest.digits(2)?;
    rest.byte(b'-')?;
    let day = rest.digits(2)?;
    let date = NaiveDate::from_ymd_opt(year as i32, month, day)?;
    let mut millis = date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis();
    if rest.is_empty() {
        return Some(Moment::Local(millis));
    }
    rest.any(b"Tt ")?;
    let hour = rest.digits(2)?;
    rest.byte(b':')?;
    let minute = rest.digits(2)?;
    let mut second = 0;
    if rest.byte(b':').is_some() {
        second = rest.digits(2)?;
        if rest.any(b".,").is_some() {
            millis += i64::from(rest.fraction()?);
        }
    }
    // Milliseconds since 1970 have no leap seconds. So a leap second becomes the first moment of the next minute.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    millis += (i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)) * 1000;
    if rest.is_empty() {
        return Some(Moment::Local(millis));
    }
    let _ = rest.byte(b' ');
    let offset = rest.offset()?;
    rest.is_empty().then_some(Moment::Instant(millis - offset))
}

/// The part of a text that is still to be read.
struct Cursor<'t>(&'t [u8]);

impl Cursor<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Exactly so many digits.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let mut number = 0;
        for digit in digits {
            number = number * 10 + u32::from(digit.checked_sub(b'0').filter(|d| *d <= 9)?);
        }
        self.0 = rest;
        Some(number)
    }

    fn byte(&mut self, wanted: u8) -> Option<()> {
        self.any(&[wanted]).map(|_| ())
    }

    fn any(&mut self, wanted: &[u8]) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        wanted.contains(&first).then(|| {
            self.0 = rest;
            first
        })
    }

    /// An offset from UTC, in milliseconds.
    fn offset(&mut self) -> Option<i64> {
        if self.any(b"Zz").is_some() {
            return Some(0);
        }
        if let Some((b"UTC", rest)) = self.0.split_first_chunk() {
            self.0 = rest;
            return Some(0);
        }
        let sign = if self.any(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2)?;
        let minutes = match self.byte(b':') {
            None if self.is_empty() => 0,
            _ => self.digits(2)?,
        };
        let valid = hours <= 23 && minutes <= 59;
        valid.then(|| sign * i64::from(hours * 60 + minutes) * 60_000)
    }

    /// One digit or more after the point, as milliseconds.
    fn fraction(&mut self) -> Option<u32> {
        let count = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        if count == 0 {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        Some((0..3).fold(0, |millis, i| {
            millis * 10 + digits.get(i).map_or(0, |d| u32::from(d - b'0'))
        }))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1000;
    const HOUR: i64 = 3600 * SECOND;
    const DAY: i64 = 24 * HOUR;

    #[test]
    fn iso_texts_in_all_their_forms() {
        for (text, millis) in [
            ("1970-01-02", DAY),
            ("1970-01-02T03:00", DAY + 3 * HOUR),
            ("1970-01-02 03:00:01", DAY + 3 * HOUR + SECOND),
            ("1970-01-02T03:00:01.5Z", DAY + 3 * HOUR + 1500),
            ("1970-01-02T03:00:01.123456789z", DAY + 3 * HOUR + 1123),
            ("1970-01-02T03:00+01:00", DAY + 2 * HOUR),
            ("1970-01-02 03:00:00 UTC", DAY + 3 * HOUR),
            ("1970-01-02 03:00:00.5 UTC", DAY + 3 * HOUR + 500),
            ("1970-01-02 03:00:00UTC", DAY + 3 * HOUR),
            ("1970-01-02 03:00:00 Z", DAY + 3 * HOUR),
            ("1970-01-02 03:00:00 +0100", DAY + 2 * HOUR),
            ("1970-01-02T03:00-0130", DAY + 4 * HOUR + HOUR / 2),
            ("1970-01-02T03:00:00+01", DAY + 2 * HOUR),
            ("1969-12-31", -DAY),
            ("2020-02-29", 18_321 * DAY),
        ] {
            assert_eq!(parse_iso_timestamp(text), Some(millis), "{text}");
        }
    }

    #[test]
    fn texts_that_are_not_iso_are_none() {
        for text in [
            "",
            "1970",
            "1970-1-2",
            "1970-01-02T",
            "1970-01-02T3:00",
            "1970-01-02T24:00",
            "1970-01-02T03:60",
            "1970-01-02T03:00:61",
            "1970-01-02T03:00:00.",
            "2021-02-29",
            "1970-01-02x",
            "1970-01-02Z",
            "1970-01-02T03:00Zx",
            "1970-01-02T03:00+1",
            "1970-01-02 03:00 CET",
            "1970-01-02 03:00 UTC+1",
            "1970-01-02 03:00  UTC",
            "0000-01-01",
            "٠٠٠٠-01-01",
        ] {
            assert_eq!(parse_iso_timestamp(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn iso_agrees_with_chrono(seconds in -62_135_596_800_i64..253_402_300_800, millis in 0_u32..1000, minutes in -1439_i32..1440) {
            let offset = chrono::FixedOffset::east_opt(minutes * 60).unwrap();
            let instant = DateTime::<Utc>::from_timestamp(seconds, millis * 1_000_000).unwrap();
            // The offset may move the year to 0 or 10000. The parser refuses year 0, and year 10000 cannot be written.
            let local = instant.with_timezone(&offset);
            prop_assume!((1..10_000).contains(&chrono::Datelike::year(&local)));
            let text = local.format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string();
            prop_assert_eq!(parse_iso_timestamp(&text), Some(instant.timestamp_millis()));
        }
    }
}
