//! One format of timestamps.

use std::fmt;

use chrono::format::{Fixed, Item, Numeric, StrftimeItems};
use chrono::{DateTime, Utc};

use super::epoch::Epoch;
use super::moment::Moment;
use super::parts::Parts;
use super::plain::Plain;

/// A compiled format of timestamps: chrono's strftime language, or `epoch_s`, `epoch_ms` and `epoch_us` for numbers that
/// count from 1970.
///
/// Parts that a text leaves out are filled in. Without a time the text means midnight, without minutes or seconds the
/// full hour or minute, and without an offset UTC. As in chrono, a blank in the format matches any number of blanks in
/// the text. Unlike chrono, `%Y` reads exactly four digits, `%y` exactly two, and `%f` behind a point reads the
/// fraction of a second.
/// ```
/// let format = gugus_spec::TimestampFormat::new("%m/%d/%Y %H:%M").unwrap();
/// assert_eq!(format.parse("1/2/1970 00:01"), Some(86_460_000));
/// assert_eq!(format.parse("1/2/70 00:01"), None);
/// assert!(gugus_spec::TimestampFormat::new("%H:%M").is_err());
/// ```
#[derive(Clone, Debug)]
pub struct TimestampFormat(Way);

#[derive(Clone, Debug)]
enum Way {
    Epoch(Epoch),
    Strftime {
        parts: Parts,
        /// The same format for the faster parser, if that parser can read it.
        plain: Option<Plain>,
    },
}

/// `%Z`, the name of a zone.
const ZONE_NAME: &str = "%Z would read any name of a zone as UTC: write the offset in the text and read it with %z, or take the \
    names out of the text and give the column timezone = \"America/Chicago\" (or where its clocks are)";

/// `%f` where it does not stand behind a point.
const BARE_FRACTION: &str = "%f is the fraction of a second only behind a point: write %S%.f for \"05.25\", or %3f, %6f or %9f for \
    exactly so many digits behind another character";

impl TimestampFormat {
    /// Compiles a format and proves that it can be followed without loss: it must read back the instant that it writes.
    ///
    /// # Errors
    /// Why the format cannot be followed. The text ends a message whose beginning ends with "but".
    pub fn new(format: &str) -> Result<Self, &'static str> {
        if let Some(epoch) = Epoch::named(format) {
            return Ok(Self(Way::Epoch(epoch)));
        }
        let items = StrftimeItems::new(format)
            .parse_to_owned()
            .map_err(|_| "chrono knows no such specifier (see its page on strftime)")?;
        let items = with_fractions(items)?;
        // The last Sunday of 2024, after noon: week, month and weekday all tell different numbers.
        let sample =
            DateTime::<Utc>::from_timestamp(1_735_483_506, 507_000_000).unwrap_or_default();
        let mut text = String::new();
        let written = sample.format_with_items(items.iter());
        if fmt::write(&mut text, format_args!("{written}")).is_err() {
            return Err("no time can be written by it");
        }
        let plain = Plain::new(&items);
        let parts = Parts::new(items);
        let format = Self(Way::Strftime { parts, plain });
        match format.parse(&text) {
            Some(instant) if keeps(sample.timestamp_millis(), instant) => Ok(format),
            Some(_) => Err(
                "it would lose a part of the time: it needs hours (%H, or %I with %p) where it has minutes, and minutes where it has seconds",
            ),
            None => Err(
                "it gives no instant: it needs year, month and day (such as \"%Y-%m-%d\"), and %p where it has %I; or it is one of %s, epoch_s, epoch_ms and epoch_us",
            ),
        }
    }

    /// The instant of a text, in milliseconds since 1970 in UTC; `None` when the text does not follow the format. A text
    /// without an offset is in UTC.
    pub fn parse(&self, text: &str) -> Option<i64> {
        self.moment(text)?.at(None).ok()
    }

    /// The time that a text states; `None` when the text does not follow the format.
    pub(super) fn moment(&self, text: &str) -> Option<Moment> {
        match &self.0 {
            Way::Epoch(epoch) => epoch.parse(text).map(Moment::Instant),
            Way::Strftime { parts, plain } => {
                match plain.as_ref().and_then(|plain| plain.parse(text)) {
                    Some(answer) => answer.map(Moment::Local),
                    None => parts.parse(text),
                }
            }
        }
    }
}

/// The same items, except that a point and `%f` become the fraction of a second. Chrono would read `%f` as a count of
/// nanoseconds.
fn with_fractions(items: Vec<Item<'static>>) -> Result<Vec<Item<'static>>, &'static str> {
    let mut read = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Item::Fixed(Fixed::TimezoneName) => return Err(ZONE_NAME),
            Item::Numeric(Numeric::Nanosecond, _) => {
                let before: Box<str> = match read.pop() {
                    Some(Item::Literal(text)) => text.into(),
                    Some(Item::OwnedLiteral(text)) => text,
                    _ => return Err(BARE_FRACTION),
                };
                let before = before.strip_suffix('.').ok_or(BARE_FRACTION)?;
                if !before.is_empty() {
                    read.push(Item::OwnedLiteral(before.into()));
                }
                read.push(Item::Fixed(Fixed::Nanosecond));
            }
            item => read.push(item),
        }
    }
    Ok(read)
}

/// Whether an instant is the sample, or the sample cut off to milliseconds, a second, a minute, an hour or a day.
fn keeps(sample: i64, instant: i64) -> bool {
    let mut units = [1, 1000, 60_000, 3_600_000, 86_400_000].into_iter();
    units.any(|unit| sample - sample % unit == instant)
}

#[cfg(test)]
mod tests;
