//! Why a record is rejected.

use std::fmt;

use gugus_spec::NotAnInstant;
use thiserror::Error;

use crate::layout::MAX_OTHER_COLUMNS;

/// How much of a value a reason repeats, in characters.
const LONGEST_SHOWN: usize = 64;

/// Why a record was not taken. Its text is what stands in the file of rejected records.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Reason {
    /// The record of a topic has no value.
    #[error("the record has no value")]
    NoValue,
    /// There are no bytes, or only blanks.
    #[error("the record is empty")]
    Empty,
    /// The record's bytes are not text.
    #[error("the record is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// The first byte that is not UTF-8, from 0.
        at: usize,
    },
    /// A cell's bytes are not text.
    #[error("column {column:?} is not UTF-8 at byte {at} of the cell")]
    CellNotUtf8 {
        /// The column.
        column: String,
        /// The first byte that is not UTF-8, from 0.
        at: usize,
    },
    /// The record is not JSON.
    #[error("the record is not JSON: {message}")]
    NotJson {
        /// What the parser said, with line and column.
        message: String,
    },
    /// A JSON string holds half of a surrogate pair, which no text can hold.
    #[error("column {column:?}: {message}")]
    NotText {
        /// The column.
        column: String,
        /// What the parser said.
        message: String,
    },
    /// The record is JSON, but no object.
    #[error("the record is a JSON {found}, but an object is needed")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// A JSON object has a key twice.
    #[error("column {column:?} stands twice in the record; which of the two values is meant?")]
    Twice {
        /// The column.
        column: String,
    },
    /// The record has more bytes than the job allows.
    #[error("the record has {bytes} bytes, more than max_record_bytes = {most}")]
    TooLarge {
        /// Bytes of the record.
        bytes: u64,
        /// What the job allows.
        most: u64,
    },
    /// The record holds several rows of CSV, or one of its cells has the end of a line and no quotes.
    #[error("the record has more than one row of CSV, but each row is a record of its own")]
    ManyRows,
    /// A quote in a row of CSV begins a cell that does not end.
    #[error("the quote that opens {place} is never closed")]
    OpenQuote {
        /// The quote.
        place: QuotePlace,
    },
    /// A cell of CSV goes on behind its closing quote.
    #[error(
        "text follows the closing quote of {place}: double the quotes within a cell, or name their escape in [source.csv]"
    )]
    BehindQuote {
        /// The quote that opens the cell.
        place: QuotePlace,
    },
    /// A cell of CSV that does not begin with a quote has one.
    #[error(
        "a quote stands within {place}, which does not begin with one: put the cell in quotes and double those within"
    )]
    StrayQuote {
        /// The quote.
        place: QuotePlace,
    },
    /// A row has not as many cells as its header.
    #[error("the row has {found} cells, but its header has {expected}")]
    CellCount {
        /// Cells of the header.
        expected: usize,
        /// Cells of the row.
        found: usize,
    },
    /// A required column has no value.
    #[error("column {column:?} is required, but has no value")]
    Null {
        /// The column.
        column: String,
    },
    /// A value does not parse.
    #[error("column {column:?}: {value:?} {misfit} {expected}")]
    Value {
        /// The column.
        column: String,
        /// The value's text, cut to 64 characters.
        value: String,
        /// In what way it does not fit.
        misfit: Misfit,
        /// The column's type.
        expected: &'static str,
    },
    /// A JSON object or array stands where a single value is needed.
    #[error("column {column:?}: a JSON {found} does not fit type {expected}")]
    Nested {
        /// The column.
        column: String,
        /// What stands there.
        found: &'static str,
        /// The column's type.
        expected: &'static str,
    },
    /// The record has a column that the job does not name, and the batch already has as many such columns as it can.
    #[error(
        "column {column:?} is one too many: a batch holds {MAX_OTHER_COLUMNS} columns that the job does not name"
    )]
    TooManyColumns {
        /// The first column that has no place.
        column: String,
    },
    /// The batch has no room for the text of this column: 2 GiB is what Arrow can hold.
    ///
    /// This alone is not the record's fault: finish the batch, and push the record again. When the batch has no rows,
    /// the record itself is too large.
    #[error("column {column:?} would hold more than 2 GiB of text in one batch")]
    Full {
        /// The column.
        column: String,
    },
}

/// Where a quote stands. Displays as `cell 5 at line 2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QuotePlace {
    /// The line, from 1: of the file, or of the record of a topic.
    pub line: u64,
    /// The number of the cell in its row, from 1.
    pub cell: usize,
}

impl fmt::Display for QuotePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cell {} at line {}", self.cell, self.line)
    }
}

/// In what way a value does not fit its column. Displays as the middle of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Misfit {
    /// It is something else.
    #[error("is not of type")]
    Kind,
    /// It is a number outside of the type's range.
    #[error("is out of range for type")]
    Range,
    /// It is a number with a fraction.
    #[error("has a fraction, which does not fit type")]
    Fraction,
    /// None of the column's formats reads it.
    #[error("follows none of the formats of this")]
    Format,
    /// It lies in an hour that the clocks of the column's timezone skip.
    #[error("lies in an hour that the clocks of its timezone skip, so it is no")]
    Gap,
}

impl From<NotAnInstant> for Misfit {
    fn from(why: NotAnInstant) -> Self {
        match why {
            NotAnInstant::Format => Self::Format,
            NotAnInstant::Range => Self::Range,
            NotAnInstant::Gap => Self::Gap,
        }
    }
}

impl Reason {
    /// The column that the reason is about, if it is about one.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::CellNotUtf8 { column, .. }
            | Self::NotText { column, .. }
            | Self::Null { column }
            | Self::Value { column, .. }
            | Self::Nested { column, .. }
            | Self::Twice { column }
            | Self::TooManyColumns { column }
            | Self::Full { column } => Some(column),
            Self::NoValue
            | Self::Empty
            | Self::NotUtf8 { .. }
            | Self::NotJson { .. }
            | Self::NotAnObject { .. }
            | Self::TooLarge { .. }
            | Self::ManyRows
            | Self::OpenQuote { .. }
            | Self::BehindQuote { .. }
            | Self::StrayQuote { .. }
            | Self::CellCount { .. } => None,
        }
    }

    /// The kind of reason in one word, for counters: one of few, whatever the records hold.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoValue => "null",
            Self::Empty => "empty",
            Self::NotUtf8 { .. } | Self::CellNotUtf8 { .. } => "not_utf8",
            Self::NotJson { .. } => "not_json",
            Self::NotText { .. } => "not_text",
            Self::NotAnObject { .. } => "not_an_object",
            Self::Twice { .. } => "twice",
            Self::TooLarge { .. } => "too_large",
            Self::ManyRows => "many_rows",
            Self::OpenQuote { .. } => "open_quote",
            Self::BehindQuote { .. } => "behind_quote",
            Self::StrayQuote { .. } => "stray_quote",
            Self::CellCount { .. } => "cell_count",
            Self::Null { .. } => "required",
            Self::Value { .. } => "value",
            Self::Nested { .. } => "nested",
            Self::TooManyColumns { .. } => "too_many_columns",
            Self::Full { .. } => "full",
        }
    }

    /// The reason that a text does not parse.
    pub(crate) fn value(column: &str, value: &str, misfit: Misfit, expected: &'static str) -> Self {
        Self::Value {
            column: column.to_owned(),
            value: cut(value),
            misfit,
            expected,
        }
    }
}

/// The text, cut to what a reason can hold.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
