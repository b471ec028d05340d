//! A batch file that is not whole: somebody copies it into the folder, or it is damaged.
//!
//! Such a file counts as not there yet, and is looked at again. The log tells of it once, when it has stayed as it is for a
//! while. The run goes on when the file is whole.

use std::time::Duration;

use tokio::time::Instant;

/// After so many looks without a change, nobody seems to copy the file any more. This is a minute, if the batches are looked
/// at every two seconds.
const LOOKS: u32 = 30;

/// The file, if there is one.
#[derive(Debug)]
pub(super) struct Torn {
    settles: Duration,
    seen: Option<Seen>,
}

/// A file as it was seen last.
#[derive(Debug)]
struct Seen {
    /// What changes with the file.
    stamp: Option<String>,
    since: Instant,
    told: bool,
}

impl Torn {
    /// No such file is known yet. The batches are looked at this often.
    pub(super) fn none(poll: Duration) -> Self {
        Self {
            settles: poll.saturating_mul(LOOKS),
            seen: None,
        }
    }

    /// Notes that the next file is not whole. Gives whether to tell of it.
    pub(super) fn see(&mut self, stamp: Option<String>) -> bool {
        match &mut self.seen {
            Some(seen) if seen.stamp == stamp => {
                let tell = !seen.told && seen.since.elapsed() >= self.settles;
                seen.told |= tell;
                tell
            }
            _ => {
                self.seen = Some(Seen {
                    stamp,
                    since: Instant::now(),
                    told: false,
                });
                false
            }
        }
    }

    /// Notes that the next file is whole, or that there is none. Gives whether the log had told of a torn one.
    pub(super) fn over(&mut self) -> bool {
        self.seen.take().is_some_and(|seen| seen.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_does_not_change_any_more_is_told_of_once() {
        let stamp = |text: &str| Some(text.to_owned());
        let mut torn = Torn::none(Duration::from_millis(1));
        let settle = |torn: &mut Torn| {
            if let Some(seen) = &mut torn.seen {
                seen.since = Instant::now() - Duration::from_secs(1);
            }
        };
        assert!(!torn.see(stamp("1 kB")));
        settle(&mut torn);
        assert!(!torn.see(stamp("2 kB")), "it grows");
        settle(&mut torn);
        assert!(torn.see(stamp("2 kB")));
        assert!(!torn.see(stamp("2 kB")), "it was told of");
        assert!(torn.over());
        assert!(!torn.over());

        // The next one begins anew.
        assert!(!torn.see(stamp("2 kB")));
        assert!(!torn.over(), "nobody was told");
    }
}
