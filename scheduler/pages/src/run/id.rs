//! The name of a run.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

/// Crockford's digits. They sort by value in ASCII, and no digit looks like another one.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Digits of an id: enough for milliseconds since 1970 for the next thousand years.
const LENGTH: usize = 9;

/// Milliseconds until a far future: 139 years. Not even a clock that begins at 1970 again is behind by so much.
const FAR: u64 = 1 << 42;

/// The name of a run: the time it was submitted, in nine digits and letters that sort by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// A text that names no run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "\"{text}\" names no run; a run's id is {LENGTH} digits and letters, see `gugus runs list`"
)]
pub struct ParseRunIdError {
    text: String,
}

impl RunId {
    /// A new id, later than those that are known. Ids of a far future do not count: no run has them, and there may be no later
    /// id.
    #[must_use]
    pub fn after<'a>(known: impl IntoIterator<Item = &'a Self>, now: SystemTime) -> Self {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let known = known.into_iter().map(Self::milliseconds);
        let last = known.filter(|last| *last <= now.saturating_add(FAR)).max();
        Self::of(last.map_or(now, |last| now.max(last + 1)))
    }

    fn of(milliseconds: u64) -> Self {
        let digit = |place: usize| {
            let value = (milliseconds >> (5 * (LENGTH - 1 - place))) & 31;
            DIGITS
                .get(usize::try_from(value).unwrap_or(0))
                .copied()
                .unwrap_or(b'0')
        };
        Self((0..LENGTH).map(digit).map(char::from).collect())
    }

    fn milliseconds(&self) -> u64 {
        self.0.bytes().fold(0, |sum, byte| {
            let value = DIGITS.iter().position(|digit| *digit == byte).unwrap_or(0);
            (sum << 5) | value as u64
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = ParseRunIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == LENGTH && text.bytes().all(|byte| DIGITS.contains(&byte)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseRunIdError {
                text: text.to_owned(),
            })
        }
    }
}

impl TryFrom<String> for RunId {
    type Error = ParseRunIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_never_repeat() {
        let at = |ms| UNIX_EPOCH + Duration::from_millis(ms);
        let first = RunId::after(None, at(1_795_000_000_000));
        let same_moment = RunId::after(Some(&first), at(1_795_000_000_000));
        let clock_went_back = RunId::after(Some(&same_moment), at(5));
        let later = RunId::after(Some(&clock_went_back), at(1_795_000_001_000));
        let ids = [&first, &same_moment, &clock_went_back, &later];
        assert!(
            ids.is_sorted() && ids.windows(2).all(|two| two.first() != two.last()),
            "{ids:?}"
        );
        assert_eq!(first.as_str().len(), LENGTH);
        assert_eq!(first.as_str().parse::<RunId>().unwrap(), first);
    }

    #[test]
    fn ids_of_a_far_future_do_not_count() {
        let now = UNIX_EPOCH + Duration::from_millis(1_795_000_000_000);
        for far in ["zzzzzzzzz", "zzzzzzzzy"] {
            let far = far.parse::<RunId>().unwrap();
            let first = RunId::after([&far], now);
            let second = RunId::after([&first, &far], now);
            assert_eq!(first, RunId::after(None, now));
            assert!(first < second && second < far, "{first}, {second}");
        }
    }

    #[test]
    fn no_other_text_is_an_id() {
        for text in [
            "",
            "1m7x2k9q",
            "1m7x2k9q4a",
            "../../etc",
            "1M7X2K9Q4",
            "1m7x2k9ql",
        ] {
            assert!(text.parse::<RunId>().is_err(), "{text:?}");
        }
    }
}
