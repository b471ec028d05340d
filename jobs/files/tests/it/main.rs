//! What buckets add to the suite: answers that only S3 gives, secrets that must not come out, and requests whose answers
//! are lost.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test")]

/// Asserts that a value fits a pattern, and shows the value if not.
macro_rules! assert_is {
    ($value:expr, $pattern:pat $(if $guard:expr)?) => {
        assert!(matches!($value, $pattern $(if $guard)?), "{:?}", $value)
    };
}

mod answers;
mod canned;
mod conformance;
mod watch;
