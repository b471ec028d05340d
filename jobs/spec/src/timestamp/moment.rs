//! The time that a text states, and the instant that follows from it.

use std::ops::RangeInclusive;

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;

/// The years 0001 to 9999 in milliseconds since 1970. Other years come from misread texts, and few programs read them.
const YEARS: RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// Why a text gives no instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAnInstant {
    /// None of the formats reads it.
    Format,
    /// It lies outside of the years 0001 to 9999.
    Range,
    /// It lies in an hour that the clocks of the column's zone skip in spring.
    Gap,
}

/// The time that a text states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Milliseconds since 1970 in UTC.
    Instant(i64),
    /// The same count on the clocks of some place, which the text does not name.
    Local(i64),
}

impl Moment {
    /// The instant, with the clocks of a zone. Without a zone they are those of UTC.
    pub(super) fn at(self, zone: Option<Tz>) -> Result<i64, NotAnInstant> {
        let millis = match (self, zone) {
            (Self::Local(millis), Some(zone)) => {
                let local = DateTime::<Utc>::from_timestamp_millis(millis);
                let local = local.ok_or(NotAnInstant::Range)?.naive_utc();
                let times = zone.from_local_datetime(&local);
                times
                    .earliest()
                    .ok_or(NotAnInstant::Gap)?
                    .timestamp_millis()
            }
            (Self::Instant(millis) | Self::Local(millis), _) => millis,
        };
        YEARS
            .contains(&millis)
            .then_some(millis)
            .ok_or(NotAnInstant::Range)
    }
}
