//! Model folders.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test")]

/// Asserts that a value fits a pattern, and shows the value if not.
macro_rules! assert_is {
    ($value:expr, $pattern:pat $(if $guard:expr)?) => {
        assert!(matches!($value, $pattern $(if $guard)?), "{:?}", $value)
    };
}

mod aliases;
mod failed;
mod fixtures;
mod kinds;
mod local;
mod models;
mod mutated;
mod prune;
mod spark_examples;
mod sparks;
