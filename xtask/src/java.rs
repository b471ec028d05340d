//! Which Java there is, and what it is good for.
//!
//! Kafka 4 wants 17 or later. Spark 3.5 names 8, 11 and 17; 21 does as well (tried), and from 24 on it does not start,
//! because Java dropped what Hadoop's login relies on. So 17 to 23 does for both, and is what we look for first.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::host;

/// A Java that answered.
#[derive(Clone, Debug)]
pub(crate) struct Java {
    /// What `JAVA_HOME` must say to get it.
    pub(crate) home: PathBuf,
    /// 17 for "17.0.15", 8 for "1.8.0".
    pub(crate) version: u32,
}

/// Whether Apache Kafka's broker runs on it.
pub(crate) fn for_kafka(java: &Java) -> bool {
    java.version >= 17
}

/// Whether Apache Spark 3.5 runs on it.
pub(crate) fn for_spark(java: &Java) -> bool {
    matches!(java.version, 8 | 11 | 17..=23)
}

/// The first Java that fits: the one of `JAVA_HOME`, then the one in `PATH`, then those below `/usr/lib/jvm`.
///
/// One that does for both Kafka and Spark is preferred, so that all tests see the same.
pub(crate) fn find(fits: &dyn Fn(&Java) -> bool) -> Option<Java> {
    let mut first = None;
    // Asking takes a virtual machine's start, so the first that does for everything ends it.
    for java in programs()
        .iter()
        .filter_map(|program| ask(program))
        .filter(fits)
    {
        if for_kafka(&java) && for_spark(&java) {
            return Some(java);
        }
        first = first.or(Some(java));
    }
    first
}

/// What there is, in words, for a message.
pub(crate) fn described() -> String {
    let all: Vec<String> = all()
        .iter()
        .map(|java| format!("Java {} in {}", java.version, java.home.display()))
        .collect();
    if all.is_empty() {
        "no Java".to_owned()
    } else {
        all.join(", ")
    }
}

fn all() -> Vec<Java> {
    let mut all: Vec<Java> = Vec::new();
    for java in programs().iter().filter_map(|program| ask(program)) {
        if !all.iter().any(|known| known.home == java.home) {
            all.push(java);
        }
    }
    all
}

fn programs() -> Vec<PathBuf> {
    let mut programs = Vec::new();
    if let Some(home) = std::env::var_os("JAVA_HOME") {
        programs.push(Path::new(&home).join("bin/java"));
    }
    programs.push(PathBuf::from("java"));
    if let Ok(entries) = std::fs::read_dir("/usr/lib/jvm") {
        let mut installed: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path().join("bin/java"))
            .collect();
        installed.sort();
        programs.extend(installed);
    }
    programs
}

/// Asks a Java where it lives and what it is: a link or a wrapper in `PATH` does not show it.
fn ask(program: &Path) -> Option<Java> {
    let text =
        host::output(Command::new(program).args(["-XshowSettings:properties", "-version"])).ok()?;
    Some(Java {
        home: PathBuf::from(property(&text, "java.home")?),
        version: major(property(&text, "java.version")?)?,
    })
}

fn property<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        line.trim()
            .strip_prefix(name)?
            .trim_start()
            .strip_prefix('=')
            .map(str::trim)
    })
}

fn major(version: &str) -> Option<u32> {
    let mut parts = version.split(|c: char| !c.is_ascii_digit());
    let first: u32 = parts.next()?.parse().ok()?;
    // Until 8 the number stood behind a "1.".
    if first == 1 {
        parts.next()?.parse().ok()
    } else {
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_times_are_read() {
        for (text, number) in [
            ("17.0.15", 17),
            ("1.8.0_412", 8),
            ("21", 21),
            ("25-ea", 25),
            ("11.0.22", 11),
        ] {
            assert_eq!(major(text), Some(number), "{text}");
        }
        assert_eq!(major("none"), None);
    }

    #[test]
    fn properties_are_told_from_those_that_begin_alike() {
        let text = "Property settings:\n    java.home = /opt/my java\n    java.version = 17.0.15\n    java.version.date = 2025-04-15\n";
        assert_eq!(property(text, "java.home"), Some("/opt/my java"));
        assert_eq!(property(text, "java.version"), Some("17.0.15"));
        assert_eq!(property(text, "java.vendor"), None);
    }

    #[test]
    fn one_java_does_for_both() {
        let of = |version| Java {
            home: PathBuf::new(),
            version,
        };
        assert!(for_spark(&of(17)) && for_kafka(&of(17)));
        assert!(for_spark(&of(11)) && !for_kafka(&of(11)));
        assert!(!for_spark(&of(25)) && for_kafka(&of(25)));
    }
}
