//! Every test, with what the tests need, and at the end a list of what did not run.
//!
//! A test that cannot run says `SKIPPED: …` on standard error and passes: libtest has no third outcome. A line in the
//! middle of a thousand is not loud, so we pass the output on line by line and repeat those lines at the end, below the
//! tests that took longest.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::num::NonZero;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Instant;

use crate::host::{self, Host};
use crate::problem::Problem;
use crate::setup;
use crate::times::Times;

const MARK: &str = "SKIPPED: ";

/// What libtest reads to know how many tests run at once.
const THREADS: &str = "RUST_TEST_THREADS";

/// Tests that are named at the end.
const SLOWEST: usize = 10;

/// Sets up, tests, sums up.
pub(crate) fn run(host: &Host, arguments: &[OsString]) -> Result<(), Problem> {
    run_with(host, arguments, &[])
}

/// As [`run`], with variables for the tests.
pub(crate) fn run_with(
    host: &Host,
    arguments: &[OsString],
    variables: &[(&str, String)],
) -> Result<(), Problem> {
    let setup = setup::run(host)?;
    setup.print();

    let mut cargo = host.cargo();
    cargo.args(["test", "--locked"]);
    if arguments.is_empty() {
        // One failure should not hide the next.
        cargo.args(["--workspace", "--no-fail-fast"]);
    }
    cargo.args(arguments);
    cargo.envs(setup.environment.iter().map(|(name, value)| (name, value)));
    cargo.envs(variables.iter().map(|(name, value)| (name, value)));
    // Since we stand between cargo and the terminal it would take itself for piped.
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    let threads = threads(arguments);
    cargo.env(THREADS, threads.to_string());
    let named = host::name_of(&cargo);
    let begun = Instant::now();
    let mut child = cargo
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Problem::Failed(format!("{named} did not start: {error}")))?;
    let (found, skipped) = mpsc::channel();
    let mut times = Times::new(threads);
    std::thread::scope(|scope| {
        if let Some(stdout) = child.stdout.take() {
            let (found, times) = (found.clone(), &mut times);
            scope.spawn(move || {
                pass_on(stdout, std::io::stdout(), |line| {
                    times.line(line);
                    report(line, &found);
                });
            });
        }
        if let Some(stderr) = child.stderr.take() {
            let found = found.clone();
            scope.spawn(move || {
                pass_on(stderr, std::io::stderr(), |line| report(line, &found));
            });
        }
    });
    drop(found);
    let status = child
        .wait()
        .map_err(|error| Problem::Failed(format!("{named}: {error}")))?;

    let mut skipped: Vec<String> = setup.skipped.iter().cloned().chain(skipped).collect();
    let mut seen = std::collections::HashSet::new();
    skipped.retain(|line| seen.insert(line.clone()));
    eprintln!(
        "\nxtask: {named} {} after {:.0} s",
        if status.success() { "passed" } else { "FAILED" },
        begun.elapsed().as_secs_f64()
    );
    eprintln!("xtask: the slowest tests, {threads} at once:");
    for (took, name) in times.slowest(SLOWEST) {
        eprintln!("  {:6.1} s  {name}", took.as_secs_f64());
    }
    for line in &setup.present {
        eprintln!("xtask: with {line}");
    }
    match skipped.len() {
        0 => eprintln!("xtask: nothing was skipped"),
        count => eprintln!("xtask: {count} SKIPPED:"),
    }
    for line in &skipped {
        eprintln!("  - {line}");
    }
    if status.success() {
        Ok(())
    } else {
        Err(Problem::Failed(format!("{named} failed ({status})")))
    }
}

/// How many tests run at once: what the caller says, or two for each processor. The slow tests mostly wait, for other
/// processes and for clocks of theirs.
fn threads(arguments: &[OsString]) -> usize {
    let mut words = arguments.iter().map(|word| word.to_string_lossy());
    let mut given = std::env::var(THREADS).ok();
    while let Some(word) = words.next() {
        if word == "--test-threads" {
            given = words.next().map(String::from);
        } else if let Some(count) = word.strip_prefix("--test-threads=") {
            given = Some(count.to_owned());
        }
    }
    let processors = || std::thread::available_parallelism().map_or(1, NonZero::get);
    given
        .and_then(|count| count.parse().ok())
        .unwrap_or_else(|| 2 * processors())
}

/// Copies line by line and shows each line to `listen`.
fn pass_on(from: impl Read, mut to: impl Write, mut listen: impl FnMut(&str)) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // A reader that went away (`| head`) is no reason to stop the tests.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        listen(&String::from_utf8_lossy(&line));
        line.clear();
    }
}

/// Reports a line that says that something was skipped.
fn report(line: &str, found: &mpsc::Sender<String>) {
    if let Some(what) = skipped_in(line) {
        let _ = found.send(what.to_owned());
    }
}

/// What a line says was skipped. libtest may have put `test name ... ` before it.
fn skipped_in(line: &str) -> Option<&str> {
    let at = line.find(MARK)?;
    (at == 0 || line.starts_with("test ")).then(|| line[at + MARK.len()..].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_says_how_many_tests_run_at_once() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(threads(&words(&["--", "--test-threads", "3"])), 3);
        assert_eq!(threads(&words(&["--", "--test-threads=1", "x"])), 1);
    }

    #[test]
    fn lines_that_say_skipped_are_passed_on_and_reported() {
        let text = "running 2 tests\nSKIPPED: no Kafka\ntest a ... SKIPPED: no Spark\ntest b ... ok\nit says 'SKIPPED: x'\nlast";
        let (found, skipped) = mpsc::channel();
        let mut copy = Vec::new();
        pass_on(text.as_bytes(), &mut copy, |line| report(line, &found));
        drop(found);
        assert_eq!(String::from_utf8(copy).unwrap(), text);
        assert_eq!(skipped.iter().collect::<Vec<_>>(), ["no Kafka", "no Spark"]);
    }
}
