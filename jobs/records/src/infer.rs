//! Proposes types for the columns of a sample, for a job file that a person then checks.
//!
//! Invariant: the proposed type of a column reads every value of the sample, because the parsers of records decide. It is
//! the narrowest of int32, int64, float64, bool, timestamp and utf8 that does. Some caution is built in, because a sample
//! does not show everything, and a value that does not parse rejects its record:
//! * Digits with zeros before them (`0330`), and more digits than an int64 has, are names and not numbers: text.
//! * Numbers near the end of int32 get int64. Numbers with a decimal point are floats, even if all are whole.
//! * 0 and 1 are numbers; a bool needs `true` or `false` somewhere.
//! * A column without any value is text.
//! * Whole numbers are instants if their range and the name of the column say so.
//! * Words such as `NULL` and `NA` are no values if the other values of some column are not text.

mod instants;
mod words;

use std::collections::BTreeSet;

use gugus_spec::{Column, ColumnType, Nullability};

use self::instants::Instants;
use self::words::{is_of_time, null_value};
use crate::{Reason, parse};

/// Numbers above this get int64. If a sample reaches half of the range of int32, the stream may hold larger numbers.
const MOST_INT32: i64 = i32::MAX as i64 / 2;

/// A sample of records, and the facts that it shows about its columns.
#[derive(Debug)]
pub struct Sample {
    columns: Vec<Seen>,
    rows: u64,
}

/// The type proposed for a column.
#[derive(Clone, Debug, PartialEq)]
pub struct InferredColumn {
    /// Name and type. The column is never required, because a sample without nulls proves little.
    pub column: Column,
    /// Rows of the sample without a value.
    pub empty: u64,
    /// The least and the greatest value, for numbers.
    pub range: Option<(f64, f64)>,
    /// Why the type is not the obvious one, or what a person should check. One line.
    pub note: Option<String>,
}

impl Sample {
    /// A sample without rows. The names are those of the cells, in order.
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self {
            columns: names.into_iter().map(|n| Seen::new(n.into())).collect(),
            rows: 0,
        }
    }

    /// Rows added.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Reason::CellCount`] and [`Reason::CellNotUtf8`]; the row does not count then.
    pub fn add<'c, I>(&mut self, cells: I) -> Result<(), Reason>
    where
        I: IntoIterator<Item = &'c [u8]>,
    {
        let cells: Vec<&[u8]> = cells.into_iter().collect();
        if cells.len() != self.columns.len() {
            return Err(Reason::CellCount {
                expected: self.columns.len(),
                found: cells.len(),
            });
        }
        let texts: Vec<&str> = cells
            .iter()
            .zip(&self.columns)
            .map(|(cell, column)| {
                std::str::from_utf8(cell).map_err(|e| Reason::CellNotUtf8 {
                    column: column.name.clone(),
                    at: e.valid_up_to(),
                })
            })
            .collect::<Result<_, _>>()?;
        for (text, column) in texts.into_iter().zip(&mut self.columns) {
            column.add(text);
        }
        self.rows += 1;
        Ok(())
    }

    /// The proposals, in the order of the names.
    pub fn columns(&self) -> Vec<InferredColumn> {
        self.columns.iter().map(|c| c.infer(self.rows)).collect()
    }

    /// The texts that mean "no value" where they stand among values that are not text.
    pub fn null_values(&self) -> BTreeSet<&'static str> {
        let typed = self
            .columns
            .iter()
            .filter(|c| c.data_type().0 != ColumnType::Utf8);
        typed.flat_map(|column| &column.nulls).copied().collect()
    }
}

/// The facts about the values of a column so far.
#[derive(Debug)]
struct Seen {
    name: String,
    /// Values, without those that may mean "no value".
    values: u64,
    /// The texts that may mean "no value".
    nulls: BTreeSet<&'static str>,
    /// Whether all are digits, perhaps with a sign.
    digits: bool,
    /// The first number with zeros before it.
    zeros: Option<String>,
    /// The first whole number that is too large for int64.
    huge: Option<String>,
    floats: bool,
    /// Whether a float was finite. `nan` and `inf` alone are more likely to be words.
    finite: bool,
    truths: bool,
    /// Whether a bool was a word and not a digit.
    truth_word: bool,
    least: f64,
    greatest: f64,
    instants: Instants,
}

impl Seen {
    fn new(name: String) -> Self {
        Self {
            name,
            values: 0,
            nulls: BTreeSet::new(),
            digits: true,
            zeros: None,
            huge: None,
            floats: true,
            finite: false,
            truths: true,
            truth_word: false,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            instants: Instants::default(),
        }
    }

    fn add(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if let Some(null) = null_value(text) {
            self.nulls.insert(null);
            return;
        }
        self.values += 1;
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if unsigned.len() > 1 && unsigned.starts_with('0') && is_digit(unsigned, 1) {
            self.zeros.get_or_insert_with(|| text.to_owned());
        }
        if self.digits {
            self.digits = !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit());
            if self.digits && parse::int64(text).is_err() {
                self.huge.get_or_insert_with(|| text.to_owned());
            }
        }
        if self.floats {
            match parse::float64(text) {
                Ok(number) if number.is_finite() => {
                    self.finite = true;
                    self.least = self.least.min(number);
                    self.greatest = self.greatest.max(number);
                }
                Ok(_) => {}
                Err(_) => self.floats = false,
            }
        }
        if self.truths {
            self.truths = parse::bool(text).is_ok();
            self.truth_word |= !is_digit(text, 0);
        }
        self.instants.add(text);
    }

    fn infer(&self, rows: u64) -> InferredColumn {
        let (data_type, note) = self.data_type();
        let number = !matches!(
            data_type,
            ColumnType::Utf8 | ColumnType::Bool | ColumnType::Timestamp { .. }
        );
        InferredColumn {
            column: Column {
                name: self.name.clone(),
                data_type,
                nullability: Nullability::Optional,
            },
            empty: rows - self.values,
            range: number.then_some((self.least, self.greatest)),
            note,
        }
    }

    fn data_type(&self) -> (ColumnType, Option<String>) {
        if self.values == 0 {
            return (
                ColumnType::Utf8,
                Some("no value in the sample, so nothing shows its type".to_owned()),
            );
        }
        if self.floats && self.finite {
            return match (&self.zeros, &self.huge, self.digits) {
                (Some(text), ..) => (ColumnType::Utf8, Some(zeros_note(text))),
                (None, Some(text), true) => (ColumnType::Utf8, Some(huge_note(text))),
                (None, None, true) => self.whole(),
                _ => (ColumnType::Float64, None),
            };
        }
        if self.truths && self.truth_word {
            return (ColumnType::Bool, None);
        }
        match self.instants.formats() {
            Some((formats, note)) => {
                let timezone = None;
                (ColumnType::Timestamp { formats, timezone }, note)
            }
            None => (ColumnType::Utf8, None),
        }
    }

    /// The type of whole numbers.
    fn whole(&self) -> (ColumnType, Option<String>) {
        let most = MOST_INT32 as f64;
        let number = match -most <= self.least && self.greatest <= most {
            true => ColumnType::Int32,
            false => ColumnType::Int64,
        };
        let Some((format, unit)) = instants::epoch(self.least, self.greatest) else {
            return (number, None);
        };
        if !is_of_time(&self.name) {
            let note = format!(
                "a number; if it counts {unit} since 1970: type = \"timestamp\", format = {format:?}"
            );
            return (number, Some(note));
        }
        let (formats, timezone) = (vec![format.to_owned()], None);
        let note = format!("{unit} since 1970, by the column's name and the range of its numbers");
        (ColumnType::Timestamp { formats, timezone }, Some(note))
    }
}

/// Whether this byte is there and a digit.
fn is_digit(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_some_and(u8::is_ascii_digit)
}

fn zeros_note(text: &str) -> String {
    format!("text, since {text:?} would lose its zero as a number")
}

fn huge_note(text: &str) -> String {
    let text: String = text.chars().take(64).collect();
    format!("text, since {text:?} has more digits than an int64")
}

#[cfg(test)]
mod tests;
