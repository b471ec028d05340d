//! Rows of a file, one after the other.

use std::io::{self, Read};

use gugus_spec::CsvFormat;
use thiserror::Error;

use super::split::{Cells, Splitter};
use crate::Reason;
use crate::reason::QuotePlace;

/// The longest row that is read. A quote that is never closed would otherwise draw a whole file into memory.
pub const LONGEST_ROW: usize = 64 * 1024 * 1024;

/// Bytes that are read at once.
const AT_ONCE: usize = 256 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The rows of a file, its header among them. Empty lines are no rows, and a byte order mark is none of the first row.
///
/// ```
/// use gugus_records::CsvRows;
///
/// let file = &b"id,note\n1,\"a \"\"b\"\"\"\n2,\"c\"d\n3,e\n"[..];
/// let mut rows = CsvRows::new(file, &gugus_spec::CsvFormat::default());
/// let mut read = Vec::new();
/// while let Some(row) = rows.next_row()? {
///     let cells = row.cells().map(|cells| cells.map(<[u8]>::to_vec).collect::<Vec<_>>());
///     read.push((row.line(), cells.map_err(|reason| reason.to_string())));
/// }
/// assert_eq!(read[1], (2, Ok(vec![b"1".to_vec(), b"a \"b\"".to_vec()])));
/// assert!(read[2].1.as_ref().is_err_and(|reason| reason.contains("cell 2 at line 3")));
/// assert_eq!(read[3], (4, Ok(vec![b"3".to_vec(), b"e".to_vec()])));
/// # Ok::<(), gugus_records::CsvError>(())
/// ```
#[derive(Debug)]
pub struct CsvRows<R> {
    input: R,
    /// The bytes that were read and not passed on are those from `begin` to `end`.
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
    /// Whether the input is at its end.
    is_all: bool,
    is_begun: bool,
    splitter: Splitter,
    /// The line at `begin`, from 1.
    line: u64,
}

/// Why there are no more rows.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CsvError {
    /// The input cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A row is longer than [`LONGEST_ROW`].
    #[error(
        "the row at line {line} is longer than {} MiB{}",
        LONGEST_ROW >> 20,
        Opened(*opened)
    )]
    TooLong {
        /// Where the row begins.
        line: u64,
        /// The quote that is still open at its end, if there is one.
        opened: Option<QuotePlace>,
    },
}

/// The end of the message about a long row.
struct Opened(Option<QuotePlace>);

impl std::fmt::Display for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(place) => write!(f, ": the quote that opens {place} is not closed, close it"),
            None => write!(f, ": is it CSV?"),
        }
    }
}

impl<R: Read> CsvRows<R> {
    /// The rows of an input, written like this.
    pub fn new(input: R, format: &CsvFormat) -> Self {
        Self {
            input,
            buffer: vec![0; AT_ONCE],
            begin: 0,
            end: 0,
            is_all: false,
            is_begun: false,
            splitter: Splitter::new(format.into()),
            line: 1,
        }
    }

    /// The next row, whether or not it keeps the rules; `None` at the end.
    ///
    /// # Errors
    /// Why there is none. Nothing can be read behind that.
    pub fn next_row(&mut self) -> Result<Option<CsvRow<'_>>, CsvError> {
        if !std::mem::replace(&mut self.is_begun, true) {
            while !self.is_all && self.end < BYTE_ORDER_MARK.len() {
                self.read()?;
            }
            if self.rest().starts_with(BYTE_ORDER_MARK) {
                self.begin += BYTE_ORDER_MARK.len();
            }
        }
        let extent = loop {
            if self.skip_empty_lines() {
                if self.begin == self.end {
                    return Ok(None);
                }
                let rest = &self.buffer[self.begin..self.end];
                let extent = self.splitter.split(rest, self.is_all);
                // The buffer may hold the end of a row that is too long.
                if extent.map_or(rest.len(), |extent| extent.end) > LONGEST_ROW {
                    let line = self.line;
                    let opened = match extent {
                        Some(_) => None,
                        None => self.splitter.open_quote(rest, line),
                    };
                    return Err(CsvError::TooLong { line, opened });
                }
                if let Some(extent) = extent {
                    break extent;
                }
            }
            self.read_on()?;
        };
        let line = self.line;
        let row = &self.buffer[self.begin..][..extent.next];
        self.begin += extent.next;
        self.line += self.splitter.lines(row);
        let raw = row.get(..extent.end).unwrap_or(row);
        Ok(Some(CsvRow {
            raw,
            line,
            cells: self.splitter.cells(raw),
            damage: self.splitter.reason(raw, line),
        }))
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.begin..self.end]
    }

    /// Passes empty lines by. False if more input must tell whether there are more of them.
    fn skip_empty_lines(&mut self) -> bool {
        loop {
            let length = match self.rest() {
                [b'\r', b'\n', ..] => 2,
                [b'\r'] if !self.is_all => return false,
                [b'\r' | b'\n', ..] => 1,
                [] => return self.is_all,
                _ => return true,
            };
            self.begin += length;
            self.line += 1;
        }
    }

    /// Reads at least once. A row that is long already is doubled: it is split anew each time.
    fn read_on(&mut self) -> Result<(), CsvError> {
        let rest = self.rest().len();
        let wanted = if rest < AT_ONCE { rest + 1 } else { 2 * rest };
        while !self.is_all && self.rest().len() < wanted {
            self.read()?;
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), CsvError> {
        if self.begin > 0 {
            self.buffer.copy_within(self.begin..self.end, 0);
            self.end -= self.begin;
            self.begin = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        let read = loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.is_all = read == 0;
        self.end += read;
        Ok(())
    }
}

/// A row of a file.
#[derive(Clone, Debug)]
pub struct CsvRow<'r> {
    raw: &'r [u8],
    line: u64,
    cells: Cells<'r>,
    damage: Option<Reason>,
}

impl<'r> CsvRow<'r> {
    /// The bytes of the row as they came, without the end of its line.
    pub fn raw(&self) -> &'r [u8] {
        self.raw
    }

    /// The line of the file at which the row begins, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The texts of the cells, without quotes.
    ///
    /// # Errors
    /// How the row breaks the rules.
    pub fn cells(&self) -> Result<Cells<'r>, Reason> {
        match &self.damage {
            Some(reason) => Err(reason.clone()),
            None => Ok(self.cells.clone()),
        }
    }
}
