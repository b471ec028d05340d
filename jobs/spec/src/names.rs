//! Names of jobs, models and aliases. They become names of files and folders or stand in paths, so all follow one rule.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest name. File systems stop at 255 bytes, and temporary names add to it.
const LONGEST: usize = 128;

/// A text that cannot be the name of a job, a model or an alias.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the name {given:?} {rule}")]
pub struct NameError {
    given: String,
    rule: &'static str,
}

/// Checks a text by the rule for names. The error says which part of the rule is broken.
fn check(name: &str) -> Result<(), NameError> {
    let rule = if name.is_empty() {
        "is empty, it needs 1 to 128 characters"
    } else if name.len() > LONGEST {
        "is longer than 128 characters"
    } else if name.starts_with(['.', '_']) {
        "starts with \".\" or \"_\", which readers of data folders take for hidden files"
    } else if !name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
    {
        "holds other characters than the letters A to Z, digits, \"_\", \".\" and \"-\""
    } else {
        return Ok(());
    };
    Err(NameError::new(name, rule))
}

/// As [`check`], for a name that stands where the number of a batch may stand, too.
fn check_alias(name: &str) -> Result<(), NameError> {
    let rule = if name.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() {
        "is a number, which means a batch; take a word such as production"
    } else if ["latest", "all"].contains(&name) {
        "has a meaning of its own; take another word, such as production"
    } else {
        return check(name);
    };
    Err(NameError::new(name, rule))
}

impl NameError {
    fn new(name: &str, rule: &'static str) -> Self {
        // Somebody may give a whole file as a name by mistake. So a message shows only the beginning.
        let given = name.chars().take(64).collect();
        Self { given, rule }
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                $check(name)?;
                Ok(Self(name.to_owned()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(name: String) -> Result<Self, NameError> {
                $check(&name)?;
                Ok(Self(name))
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
    };
}

name! {
    /// Name of a job: 1 to 128 of `A-Z a-z 0-9 _ . -`, not starting with `.` or `_`.
    ///
    /// It stands in the footer of every batch, and is the consumer group unless another is given.
    JobName, check
}
name! {
    /// Name of a model: 1 to 128 of `A-Z a-z 0-9 _ . -`, not starting with `.` or `_`.
    ///
    /// It is the name of a folder, so it can neither leave the store nor hide in it.
    ModelName, check
}
name! {
    /// Name that stands for one batch of a model, such as `production`: as [`ModelName`], but no number, `latest` or `all`.
    AliasName, check_alias
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_fit_in_a_folder_are_taken() {
        for name in ["a", "location", "Kind.of-case_2", "9", &"x".repeat(128)] {
            assert_eq!(name.parse::<ModelName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_that_could_leave_or_hide_are_refused() {
        for name in [
            "",
            ".",
            "..",
            ".x",
            "_x",
            "a/b",
            "a\\b",
            "a b",
            "ä",
            "a\0",
            &"x".repeat(129),
        ] {
            assert!(name.parse::<JobName>().is_err(), "{name:?}");
        }
        assert_eq!(
            "a/b".parse::<JobName>().unwrap_err().to_string(),
            "the name \"a/b\" holds other characters than the letters A to Z, digits, \"_\", \".\" and \"-\""
        );
    }

    #[test]
    fn an_alias_is_no_batch() {
        for name in ["production", "v1", "1a", "late", "-1"] {
            assert_eq!(name.parse::<AliasName>().unwrap().as_str(), name);
        }
        for name in ["7", "0", "00000007", "latest", "all", "", "a/b", ".x"] {
            assert!(name.parse::<AliasName>().is_err(), "{name:?}");
        }
        let refused = "7".parse::<AliasName>().unwrap_err().to_string();
        assert!(refused.contains("means a batch"), "{refused}");
    }

    #[test]
    fn serde_applies_the_rule() {
        assert_eq!(
            serde_json::from_str::<ModelName>("\"m1\"")
                .unwrap()
                .as_str(),
            "m1"
        );
        assert!(serde_json::from_str::<ModelName>("\"../m1\"").is_err());
        assert_eq!(
            serde_json::to_string(&"m1".parse::<ModelName>().unwrap()).unwrap(),
            "\"m1\""
        );
    }
}
