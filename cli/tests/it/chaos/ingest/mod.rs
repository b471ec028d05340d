//! Chaos: a real Kafka, one producer, several ingest processes on one folder, and a schedule of mishaps drawn from a
//! seed. Whatever happens, each record is in exactly one batch or reject file in the end, as it was sent.
//!
//! The faults are bounded and come from the seed, so a run that failed is run again by `cargo xtask chaos --seed N`. What
//! the processes make of them is not: which of two is faster is up to the machine. `--seeds` and `--steps` make long runs.

mod disk;
mod end;
mod inside;
mod members;
mod plan;
mod run;
mod traffic;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use self::plan::{DECK, by_kind, schedule};
use self::run::Run;
use super::{number, seeds};
use crate::kit::kafka::{Kafka, More};
use crate::kit::protocol::{BROKER, Protocol};

/// All kinds of steps: about a minute on two cores, in a debug build.
const STEPS: usize = DECK.len();

#[test]
fn every_record_is_in_one_place_whatever_happens() {
    let seeds = seeds();
    let steps = number("GUGUS_CHAOS_STEPS", STEPS as u64) as usize;
    let mut failed = Vec::new();
    for seed in seeds.clone() {
        // One that fails must not hide what the next would find.
        match catch_unwind(AssertUnwindSafe(|| one(seed, steps))) {
            Ok(Some(found)) => say(&found),
            Ok(None) => return,
            Err(_) => failed.push(seed),
        }
    }
    let count = seeds.count();
    if count > 1 {
        let good = count - failed.len();
        say(&format!("{good} of {count} schedules held"));
    }
    assert!(failed.is_empty(), "seeds that failed: {failed:?}");
}

/// Past libtest, which keeps the words of a test that passes.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "chaos: {line}");
}

/// Runs one schedule, and says what was found; none where there is no Kafka.
fn one(seed: u64, steps: usize) -> Option<String> {
    let begun = Instant::now();
    let more = More {
        properties: BROKER,
        ..More::default()
    };
    let kafka = Kafka::start_own_with(&more)?;
    let schedule = schedule(seed, steps);
    let mut run = Run::start(seed, steps, kafka);
    for (at, step) in schedule.iter().enumerate() {
        run.at = format!("step {} of {steps}, {step:?}", at + 1);
        println!("{:6.1} s  {}", begun.elapsed().as_secs_f64(), run.at);
        run.step(*step);
        run.settle();
    }
    "the end".clone_into(&mut run.at);
    let found = run.end();
    Some(format!(
        "seed {seed}, {}: {found}; {} steps ({}); {:.0} s",
        Protocol::of(seed),
        schedule.len(),
        by_kind(&schedule),
        begun.elapsed().as_secs_f64()
    ))
}
