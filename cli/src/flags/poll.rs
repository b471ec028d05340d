//! `--poll TIME`.

use std::time::Duration;

/// The longest time. A year or more would not fit into the clock of every system.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A time as humantime reads it, but not zero, and at most [`LONGEST`].
pub(crate) fn poll(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time.is_zero() => Err("it must be longer than zero, such as 2s".to_owned()),
        Ok(time) if time > LONGEST => Err("it must be at most one day, such as 2s".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_longer_than_zero_and_at_most_a_day() {
        assert_eq!(poll("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(poll("1d"), Ok(LONGEST));
        for wrong in ["0s", "", "-1s", "2", "25h", "100000000000y"] {
            assert!(poll(wrong).is_err(), "{wrong}");
        }
    }
}
