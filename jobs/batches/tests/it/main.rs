//! The batch log: its semantics in memory, races and faults on a bucket too, what a folder adds on a folder.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test")]

/// Asserts that a value fits a pattern, and shows the value if not.
macro_rules! assert_is {
    ($value:expr, $pattern:pat $(if $guard:expr)?) => {
        assert!(matches!($value, $pattern $(if $guard)?), "{:?}", $value)
    };
}

mod arrivals;
mod damage;
mod faults;
mod fixtures;
mod hashes;
mod histories;
mod jumps;
mod kit;
mod local;
mod log;
mod mutated;
mod prune;
mod race;
mod refusals;
mod replay;
mod requests;
