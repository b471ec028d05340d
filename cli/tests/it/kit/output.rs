//! What a command that ended left.

use std::process::ExitStatus;

use serde_json::Value;

use crate::kit::same::{contains, short};

/// What a command that ended left.
#[derive(Debug)]
pub(crate) struct Output {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// All of its standard output.
    pub(crate) stdout: String,
    /// All of its standard error.
    pub(crate) stderr: String,
}

impl Output {
    /// The exit code; −1 when a signal ended it.
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Itself, if the exit code is this one; else the test fails and shows all that the command said.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Output {
        assert_eq!(
            self.code(),
            code,
            "exit code of the command ({})\n--- stdout\n{}\n--- stderr\n{}",
            self.status,
            short(&self.stdout),
            short(&self.stderr)
        );
        self
    }

    /// Standard output as the one JSON document that `--output json` promises.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!(
                "standard output is not one JSON document: {error}\n{}\n--- stderr\n{}",
                short(&self.stdout),
                short(&self.stderr)
            ),
        }
    }

    /// Fails the test unless standard error contains each of these words.
    #[track_caller]
    pub(crate) fn says(&self, words: &[&str]) {
        contains(&self.stderr, words);
    }

    /// Fails the test unless standard output contains each of these words.
    #[track_caller]
    pub(crate) fn prints(&self, words: &[&str]) {
        contains(&self.stdout, words);
    }
}
