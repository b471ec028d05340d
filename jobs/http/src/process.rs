//! The memory and the descriptors of this process, by the names that Prometheus' own clients give them.
//!
//! The prometheus crate has such a collector. It brings the crate procfs with it, and so a second parser of what three lines
//! read here.

use std::fs;

use prometheus::IntGauge;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

/// Figures of this process, read from `/proc` whenever somebody asks. A system without `/proc` shows none.
pub(crate) struct Process {
    memory: IntGauge,
    descriptors: IntGauge,
    descriptors_limit: IntGauge,
}

impl Process {
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            memory: IntGauge::new(
                "process_resident_memory_bytes",
                "What the process holds in memory.",
            )?,
            descriptors: IntGauge::new(
                "process_open_fds",
                "Files and sockets that the process has open.",
            )?,
            descriptors_limit: IntGauge::new(
                "process_max_fds",
                "How many files and sockets the process may have open.",
            )?,
        })
    }

    fn all(&self) -> [&IntGauge; 3] {
        [&self.memory, &self.descriptors, &self.descriptors_limit]
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let figures = [resident(), open(), may_open()];
        let known = self.all().into_iter().zip(figures);
        let known = known.filter_map(|(gauge, figure)| {
            gauge.set(figure?);
            Some(gauge.collect())
        });
        known.flatten().collect()
    }
}

fn resident() -> Option<i64> {
    let kibibytes = word(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")?;
    Some(kibibytes * 1024)
}

fn open() -> Option<i64> {
    // One of them is the folder that is read here.
    let open = fs::read_dir("/proc/self/fd")
        .ok()?
        .count()
        .saturating_sub(1);
    i64::try_from(open).ok()
}

/// No number if there is no limit.
fn may_open() -> Option<i64> {
    word(
        &fs::read_to_string("/proc/self/limits").ok()?,
        "Max open files",
    )
}

/// The number behind the words at the beginning of a line.
fn word(text: &str, line: &str) -> Option<i64> {
    let rest = text.lines().find_map(|found| found.strip_prefix(line))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use prometheus::TextEncoder;

    use super::*;

    /// The value of a metric, as a reader of the page finds it.
    fn figure(process: &Process, name: &str) -> f64 {
        let page = TextEncoder::new()
            .encode_to_string(&process.collect())
            .unwrap();
        let mut lines = page.lines().filter_map(|line| line.split_once(' '));
        let (_, value) = lines.find(|(found, _)| *found == name).unwrap();
        value.parse().unwrap()
    }

    #[test]
    fn what_a_process_takes_is_shown() {
        let process = Process::new().unwrap();
        let held = figure(&process, "process_resident_memory_bytes");
        assert!(held > 1024.0 * 1024.0, "{held}");
        let before = figure(&process, "process_open_fds");
        let files: Vec<fs::File> = (0..50)
            .map(|_| fs::File::open("/proc/self/status").unwrap())
            .collect();
        // Other tests open and close a few.
        let after = figure(&process, "process_open_fds");
        assert!(after > before + 25.0, "{before}, {after}");
        assert!(figure(&process, "process_max_fds") >= after);
        drop(files);
    }

    #[test]
    fn a_number_is_found_behind_its_words() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(word(limits, "Max open files"), Some(1024));
        let unlimited = limits.replace("1024 ", "unlimited ");
        assert_eq!(word(&unlimited, "Max open files"), None);
        assert_eq!(word("VmRSS:\t   2048 kB\n", "VmRSS:"), Some(2048));
        assert_eq!(word("", "VmRSS:"), None);
    }
}
