//! The scope of a model: the rows that it is fitted on.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::column::quote_identifier;

/// The rows that a model is fitted on.
///
/// In JSON: `{scope, window}`, with `window` only for `scope = "window"`. Flatten it into the object around it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "scope", content = "window", rename_all = "lowercase")]
pub enum Scope {
    /// One model for each batch, over the rows of that batch.
    #[default]
    Batch,
    /// One model over the rows of all batches.
    All,
    /// One model for each window, over the rows in it.
    Window(Window),
}

impl Scope {
    /// The name in the job file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::All => "all",
            Self::Window(_) => "window",
        }
    }
}

/// How the scope is shown at the end of a model's summary.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batch => f.write_str("one model per batch"),
            Self::All => f.write_str("one model over all batches"),
            Self::Window(Window::Last { last }) => {
                write!(f, "one model over the last {last} batches")
            }
            Self::Window(Window::By { by, column }) => {
                write!(f, "one model per {} of {column:?}", by.name())
            }
            Self::Window(Window::Sql { sql }) => write!(f, "one model for each {sql}"),
        }
    }
}

/// How rows are put in windows. A row whose key (its column or expression) is null is in no window.
///
/// In JSON as in the job file: `{last}`, `{by, column}` or `{sql}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Window {
    /// One window, over the newest batches.
    Last {
        /// How many batches; all of them if there are fewer.
        last: NonZeroU64,
    },
    /// One window per year, month, … that has rows, in UTC.
    By {
        /// How long a window is.
        by: Period,
        /// The timestamp that decides: a column of type `timestamp`, or `_timestamp`, the time of the record.
        column: String,
    },
    /// One window per value of an expression, as text.
    Sql {
        /// DataFusion SQL over the job's columns.
        sql: String,
    },
}

impl Window {
    /// The key of a row as a DataFusion SQL expression; `None` if all rows of the batches are in one window.
    ///
    /// The value may be of any type; its text is the key. A row with a null key is in no window.
    pub fn key_sql(&self) -> Option<String> {
        match self {
            Self::Last { .. } => None,
            // A cast makes the text. The function to_char would first turn the column into nanoseconds, which end in
            // 2262.
            Self::By { by, column } => Some(format!(
                "to_char(arrow_cast({}, 'Timestamp(Millisecond, None)'), '{}')",
                quote_identifier(column),
                by.format()
            )),
            Self::Sql { sql } => Some(sql.clone()),
        }
    }

    /// The key of the only window: `last-100`. `None` if rows have keys of their own.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Last { last } => Some(format!("last-{last}")),
            Self::By { .. } | Self::Sql { .. } => None,
        }
    }
}

/// How long a window of the calendar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// From 1 January.
    Year,
    /// From the first of a month.
    Month,
    /// From a Monday, by ISO 8601.
    Week,
    /// From midnight.
    Day,
    /// From the full hour.
    Hour,
}

impl Period {
    /// All of them, the longest first.
    pub const ALL: [Self; 5] = [Self::Year, Self::Month, Self::Week, Self::Day, Self::Hour];

    /// The name in the job file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
            Self::Hour => "hour",
        }
    }

    /// chrono's format for the key of an instant: `2024`, `2024-05`, `2024-W22`, `2024-05-31`, `2024-05-31T07`. Keys sort by
    /// time.
    pub fn format(self) -> &'static str {
        match self {
            Self::Year => "%Y",
            Self::Month => "%Y-%m",
            // The ISO year, because the last days of December may be in week 1 of the next year.
            Self::Week => "%G-W%V",
            Self::Day => "%Y-%m-%d",
            Self::Hour => "%Y-%m-%dT%H",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_in_the_job_file() {
        for (scope, json) in [
            (Scope::Batch, r#"{"scope":"batch"}"#),
            (Scope::All, r#"{"scope":"all"}"#),
            (
                Scope::Window(Window::Last {
                    last: NonZeroU64::new(100).unwrap(),
                }),
                r#"{"scope":"window","window":{"last":100}}"#,
            ),
            (
                Scope::Window(Window::By {
                    by: Period::Month,
                    column: "DATE OCC".to_owned(),
                }),
                r#"{"scope":"window","window":{"by":"month","column":"DATE OCC"}}"#,
            ),
            (
                Scope::Window(Window::Sql {
                    sql: "\"AREA\"".to_owned(),
                }),
                r#"{"scope":"window","window":{"sql":"\"AREA\""}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&scope).unwrap(), json);
            assert_eq!(serde_json::from_str::<Scope>(json).unwrap(), scope);
            let name = format!("\"scope\":\"{}\"", scope.name());
            assert!(json.contains(&name), "{json}");
        }
    }

    #[test]
    fn keys_of_the_calendar() {
        // A Monday in December that belongs to the first week of the next year.
        let instant = chrono::DateTime::parse_from_rfc3339("2024-12-30T07:59:59Z").unwrap();
        let keys = [
            (Period::Year, "2024"),
            (Period::Month, "2024-12"),
            (Period::Week, "2025-W01"),
            (Period::Day, "2024-12-30"),
            (Period::Hour, "2024-12-30T07"),
        ];
        for (period, key) in keys {
            assert_eq!(instant.format(period.format()).to_string(), key);
        }
        assert_eq!(keys.map(|(period, _)| period), Period::ALL);
    }

    #[test]
    fn keys_in_sql() {
        let by = Window::By {
            by: Period::Month,
            column: "a \"b\"".to_owned(),
        };
        assert_eq!(
            by.key_sql().as_deref(),
            Some("to_char(arrow_cast(\"a \"\"b\"\"\", 'Timestamp(Millisecond, None)'), '%Y-%m')")
        );
        assert_eq!(by.key(), None);
        let last = Window::Last {
            last: NonZeroU64::MIN,
        };
        assert_eq!(
            (last.key().as_deref(), last.key_sql()),
            (Some("last-1"), None)
        );
    }
}
