//! How long each test took, read off libtest's output.
//!
//! libtest has an option for that, `--report-time`, on nightly compilers alone; cargo-nextest has one, too, but runs each
//! test in a process of its own, where no two can share a broker, and compiling it takes minutes. What libtest prints is
//! enough: it starts its tests in the order of their names, as many at once as it has threads, and the next one
//! whenever one ends. So the moments at which they end also say when they began.

use std::time::{Duration, Instant};

/// Listens to the standard output of `cargo test`, one test binary after the other.
pub(crate) struct Times {
    threads: usize,
    begun: Instant,
    /// The tests of this binary that have ended, in that order.
    ended: Vec<(String, Instant)>,
    /// Of all binaries before.
    took: Vec<(Duration, String)>,
}

impl Times {
    /// `threads` is what libtest was told.
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            threads,
            begun: Instant::now(),
            ended: Vec::new(),
            took: Vec::new(),
        }
    }

    /// Takes in a line that was printed just now.
    pub(crate) fn line(&mut self, line: &str) {
        self.line_at(line, Instant::now());
    }

    fn line_at(&mut self, line: &str, now: Instant) {
        if line.starts_with("running ") {
            self.begun = now;
            self.ended.clear();
        } else if line.starts_with("test result: ") {
            self.reckon();
        } else if let Some(name) = ended(line) {
            self.ended.push((name.to_owned(), now));
        }
    }

    /// The tests that took longest, the longest first.
    pub(crate) fn slowest(mut self, count: usize) -> Vec<(Duration, String)> {
        self.took.sort_by(|a, b| b.cmp(a));
        self.took.truncate(count);
        self.took
    }

    fn reckon(&mut self) {
        let ended = std::mem::take(&mut self.ended);
        let mut by_name: Vec<&(String, Instant)> = ended.iter().collect();
        by_name.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (place, (name, end)) in by_name.into_iter().enumerate() {
            let began = match place.checked_sub(self.threads) {
                None => self.begun,
                Some(before) => ended[before].1,
            };
            let took = end.saturating_duration_since(began);
            self.took.push((took, name.clone()));
        }
    }
}

/// The name of the test that a line says has ended.
fn ended(line: &str) -> Option<&str> {
    let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let result = result.trim_end();
    let known = ["ok", "FAILED"].contains(&result) || result.starts_with("ignored");
    // One that waits for a panic says so behind its name.
    known.then(|| name.split(" - should panic").next().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_began_when_the_one_ended_whose_thread_it_took() {
        let begun = Instant::now();
        let mut times = Times::new(2);
        for (second, line) in [
            (10, "running 4 tests"),
            (11, "test b ... ok"),
            (15, "test c::d - should panic ... ok"),
            (16, "test a ... FAILED"),
            (18, "test e ... ok"),
            (18, "test result: FAILED. 3 passed; 1 failed"),
            (30, "running 1 test"),
            (33, "test f ... ok"),
            (33, "test result: ok. 1 passed"),
        ] {
            times.line_at(line, begun + Duration::from_secs(second));
        }
        let slowest: Vec<(u64, String)> = times
            .slowest(4)
            .into_iter()
            .map(|(took, name)| (took.as_secs(), name))
            .collect();
        let expected = [(6, "a"), (4, "c::d"), (3, "f"), (3, "e")];
        assert_eq!(
            slowest,
            expected.map(|(took, name)| (took, name.to_owned()))
        );
    }
}
