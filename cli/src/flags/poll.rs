//! `--poll TIME`.

use std::time::Duration;

/// A time as humantime reads it, but not zero.
pub(crate) fn poll(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time.is_zero() => Err("it must be longer than zero, such as 2s".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_longer_than_zero() {
        assert_eq!(poll("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["0s", "", "-1s", "2"] {
            assert!(poll(wrong).is_err(), "{wrong}");
        }
    }
}
