//! Rows of CSV by RFC 4180, strictly: from the bytes of one record, or one after the other from a file.
//!
//! This is the only place that knows where a row ends. A row that breaks the rules is damage and never data: its cells are
//! refused with a [`Reason`] that names the line of the quote. Reading goes on behind the row, and each byte of the input is
//! in some row, so that nothing is swallowed.
//!
//! csv-core finds the same cells in rows that keep the rules. It also reads damaged rows without a word, and copies each
//! cell, so it takes longer than this.

mod names;
mod rows;
mod split;

pub use self::names::{HeaderError, fitting_delimiter, header_names};
pub use self::rows::{CsvError, CsvRow, CsvRows, LONGEST_ROW};
pub use self::split::{Cells, LONGEST_HEADER};
pub(crate) use self::split::{Splitter, line_ends};
