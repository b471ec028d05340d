//! Frozen records of runs. A scheduler must read them for ever: do not edit them, add others beside them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use gugus_pages::run::{Run, RunState};
use serde_json::Value;

/// The record, read and written again.
fn read_and_written(text: &str) -> (Run, Value, Value) {
    let run: Run = serde_json::from_str(text).unwrap();
    let written = serde_json::to_value(&run).unwrap();
    (run, serde_json::from_str(text).unwrap(), written)
}

#[test]
fn a_record_of_a_run_from_before_standing_runs_is_read_and_written_as_it_was() {
    let (run, frozen, written) = read_and_written(include_str!("fixtures/run.json"));
    assert_eq!(run.state, RunState::Interrupted);
    assert_eq!((run.follow, run.trained, run.failed), (None, 2, 1));
    // So an older scheduler reads it, too.
    assert_eq!(written, frozen);
}

#[test]
fn a_record_of_a_standing_run_is_read() {
    let (run, frozen, written) = read_and_written(include_str!("fixtures/standing_run.json"));
    assert_eq!(run.state, RunState::Following);
    let follow = run.follow.unwrap();
    assert!(follow.caught_up);
    assert_eq!((follow.lag.batches, follow.lag.seconds), (2, 1.5));
    assert_eq!(written, frozen);
}

/// A scheduler that knows no standing runs does not know their states: it leaves such a record alone, and lists all others.
#[test]
fn a_standing_run_has_a_state_that_older_schedulers_do_not_take_for_one_of_theirs() {
    let older = [
        "queued",
        "running",
        "finished",
        "failed",
        "cancelled",
        "interrupted",
    ];
    for state in [RunState::Following, RunState::Paused] {
        assert!(!older.contains(&state.word()), "{state}");
    }
}
