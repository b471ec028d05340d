//! Turns the texts of a timestamp column into instants.

use chrono_tz::Tz;

use super::format::TimestampFormat;
use super::iso;
use super::moment::{Moment, NotAnInstant};

/// Reads the texts of a timestamp column, by its formats and with the clocks of its zone.
#[derive(Clone, Debug)]
pub struct TimestampReader {
    /// `None` for ISO 8601 / RFC 3339.
    formats: Option<Vec<TimestampFormat>>,
    zone: Option<Tz>,
}

impl TimestampReader {
    /// A reader for these formats; none for ISO 8601.
    ///
    /// All formats of a validated [`Job`](crate::Job) can be followed. A format from elsewhere that cannot be followed is
    /// left out, so it reads nothing.
    pub fn new(formats: &[String], zone: Option<Tz>) -> Self {
        let compiled = formats.iter();
        let compiled = compiled.filter_map(|format| TimestampFormat::new(format).ok());
        Self {
            formats: (!formats.is_empty()).then(|| compiled.collect()),
            zone,
        }
    }

    /// Milliseconds since 1970 in UTC, by the first format that reads the text. A time without an offset is in the
    /// column's zone. If the clocks show a time twice in autumn, the earlier instant counts.
    ///
    /// # Errors
    /// Why there is no instant.
    pub fn parse(&self, text: &str) -> Result<i64, NotAnInstant> {
        let Some(formats) = &self.formats else {
            return self.parse_iso(text);
        };
        let mut why = NotAnInstant::Format;
        for format in formats {
            match format.moment(text).map(|moment| moment.at(self.zone)) {
                None => {}
                // A number out of range may be right in the unit of another format. Any other answer is final: if the
                // first format finds an hour that the clocks skip, no other format may read the text in another way.
                Some(Err(NotAnInstant::Range)) => why = NotAnInstant::Range,
                Some(answer) => return answer,
            }
        }
        Err(why)
    }

    /// Like [`parse`](Self::parse), but always by ISO 8601, whatever the formats are.
    ///
    /// # Errors
    /// Why there is no instant.
    pub fn parse_iso(&self, text: &str) -> Result<i64, NotAnInstant> {
        iso::moment(text).ok_or(NotAnInstant::Format)?.at(self.zone)
    }

    /// The instant of milliseconds since 1970.
    ///
    /// # Errors
    /// [`NotAnInstant::Range`].
    pub fn instant(&self, millis: i64) -> Result<i64, NotAnInstant> {
        Moment::Instant(millis).at(None)
    }

    /// The instant of milliseconds since 1970 by the clocks of the column's zone.
    ///
    /// # Errors
    /// [`NotAnInstant::Range`] and [`NotAnInstant::Gap`].
    pub fn local(&self, millis: i64) -> Result<i64, NotAnInstant> {
        Moment::Local(millis).at(self.zone)
    }
}
