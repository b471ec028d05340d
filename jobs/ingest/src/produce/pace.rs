//! When the next record is due.

use std::time::{Duration, Instant};

use super::config::Pace;
use crate::Error;

/// The longest wait: longer than any run.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

pub(super) struct Clock<'a> {
    pace: &'a Pace,
    begun: Instant,
    given: u64,
}

impl<'a> Clock<'a> {
    pub(super) fn new(pace: &'a Pace) -> Result<Self, Error> {
        match pace {
            Pace::Rate(rate) if !(rate.is_finite() && *rate > 0.0) => {
                let reason = "it is not a rate of records per second; give one above 0";
                Err(Error::usage(rate, reason))
            }
            _ => Ok(Self {
                pace,
                begun: Instant::now(),
                given: 0,
            }),
        }
    }

    /// When the next record is due; `None` when it is due at once.
    ///
    /// A rate holds for the whole run: after a slow broker, the clock catches up.
    pub(super) fn next(&mut self) -> Option<Instant> {
        let due = match self.pace {
            Pace::Full => None,
            Pace::Rate(rate) => {
                let after = Duration::try_from_secs_f64(self.given as f64 / rate);
                let after = after.map_or(LONGEST_WAIT, |after| after.min(LONGEST_WAIT));
                self.begun.checked_add(after)
            }
            Pace::Delay(_) if self.given == 0 => None,
            Pace::Delay(range) => Instant::now().checked_add(drawn(*range.start(), *range.end())),
        };
        if self.given == 0 {
            // The time until now went into the connection.
            self.begun = Instant::now();
        }
        self.given += 1;
        due
    }
}

fn drawn(least: Duration, most: Duration) -> Duration {
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let (least, most) = (nanos(least), nanos(most));
    Duration::from_nanos(if least < most {
        rand::random_range(least..=most)
    } else {
        least
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_even_and_a_delay_within_its_range() {
        let pace = Pace::Rate(100.0);
        let mut clock = Clock::new(&pace).unwrap();
        let first = clock.next();
        assert!(first.is_none_or(|due| due <= Instant::now()));
        let begun = clock.begun;
        assert_eq!(clock.next(), Some(begun + Duration::from_millis(10)));
        assert_eq!(clock.next(), Some(begun + Duration::from_millis(20)));

        let pace = Pace::Delay(Duration::from_secs(5)..=Duration::from_secs(7));
        let mut clock = Clock::new(&pace).unwrap();
        assert_eq!(clock.next(), None, "nothing comes before the first");
        for _ in 0..100 {
            let before = Instant::now();
            let pause = clock.next().unwrap() - before;
            assert!(
                pause >= Duration::from_secs(5) && pause < Duration::from_secs(8),
                "{pause:?}"
            );
        }
    }

    #[test]
    fn rates_that_are_none_are_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Clock::new(&Pace::Rate(rate)).is_err(), "{rate}");
        }
        assert!(Clock::new(&Pace::Full).is_ok());
    }
}
