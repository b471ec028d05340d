//! Where the cells of one row begin and end.

use gugus_spec::CsvFormat;

use crate::Reason;
use crate::reason::QuotePlace;

/// The characters that mean something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    delimiter: u8,
    escape: Option<u8>,
}

impl From<&CsvFormat> for Dialect {
    fn from(format: &CsvFormat) -> Self {
        Self {
            delimiter: format.delimiter,
            escape: format.escape,
        }
    }
}

/// The longest header that is read, in bytes. Names of a hundred thousand columns fit.
pub const LONGEST_HEADER: usize = 4 * 1024 * 1024;

/// The most columns that a header can name. Of a row with more cells only one more is kept: the row is refused, and cells
/// take many times their bytes.
const MOST_CELLS: usize = LONGEST_HEADER + 1;

/// Splits rows; its buffers are reused from row to row.
#[derive(Debug)]
pub(crate) struct Splitter {
    dialect: Dialect,
    /// Whether a byte ends a stretch of text outside of quotes.
    ends_plain: [bool; 256],
    spans: Vec<Span>,
    /// Whether a cell begins with a quote.
    has_quotes: bool,
    /// The texts of cells whose quotes had to be undone.
    undone: Vec<u8>,
    /// The first damage of the row.
    damage: Option<Damage>,
    /// Where the quote stands that the end of the input left open.
    open: Option<usize>,
}

/// The text of a cell: a range of the row's bytes, or of the undone texts.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    end: usize,
    is_undone: bool,
}

#[derive(Clone, Copy, Debug)]
struct Damage {
    kind: Kind,
    /// The place of the quote, counted from the beginning of the row.
    at: usize,
    /// The number of the cell, from 1.
    cell: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// The quote is never closed.
    Open,
    /// Text follows the closing quote.
    Behind,
    /// The quote stands within a cell that does not begin with one.
    Stray,
}

/// The place of a row in the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Behind the last byte of the row, without the end of its line.
    pub(crate) end: usize,
    /// Where the next row begins.
    pub(crate) next: usize,
}

impl Splitter {
    pub(crate) fn new(dialect: Dialect) -> Self {
        let mut ends_plain = [false; 256];
        for byte in [dialect.delimiter, b'"', b'\r', b'\n'] {
            ends_plain[usize::from(byte)] = true;
        }
        Self {
            dialect,
            ends_plain,
            spans: Vec::new(),
            has_quotes: false,
            undone: Vec::new(),
            damage: None,
            open: None,
        }
    }

    /// Splits the row that the input begins with. `None` if more input may belong to it; `is_all` says that none follows.
    pub(crate) fn split(&mut self, input: &[u8], is_all: bool) -> Option<Extent> {
        self.spans.clear();
        self.has_quotes = false;
        self.undone.clear();
        self.damage = None;
        self.open = None;
        let mut at = 0;
        loop {
            let span = match input.get(at) {
                Some(b'"') => self.quoted(input, at, is_all)?,
                _ => self.plain(input, at),
            };
            if self.spans.len() <= MOST_CELLS {
                self.spans.push(span.0);
            }
            at = span.1;
            match input.get(at) {
                Some(byte) if *byte == self.dialect.delimiter => at += 1,
                Some(b'\n') => {
                    return Some(Extent {
                        end: at,
                        next: at + 1,
                    });
                }
                Some(_) => match input.get(at + 1) {
                    Some(b'\n') => {
                        return Some(Extent {
                            end: at,
                            next: at + 2,
                        });
                    }
                    None if !is_all => return None,
                    _ => {
                        return Some(Extent {
                            end: at,
                            next: at + 1,
                        });
                    }
                },
                None => return is_all.then_some(Extent { end: at, next: at }),
            }
        }
    }

    /// The cell without quotes that begins here, and where it ends.
    #[inline]
    fn plain(&mut self, input: &[u8], start: usize) -> (Span, usize) {
        let mut end = start;
        while let Some(byte) = input.get(end) {
            if self.ends_plain[usize::from(*byte)] {
                if *byte != b'"' {
                    break;
                }
                self.damaged(Kind::Stray, end);
            }
            end += 1;
        }
        let is_undone = false;
        (
            Span {
                start,
                end,
                is_undone,
            },
            end,
        )
    }

    /// The cell in quotes that begins here, and where it ends.
    fn quoted(&mut self, input: &[u8], opened: usize, is_all: bool) -> Option<(Span, usize)> {
        self.has_quotes = true;
        let escape = self.dialect.escape.unwrap_or(b'"');
        let mut piece = opened + 1;
        let mut at = piece;
        let undone = self.undone.len();
        let closed = loop {
            let Some(byte) = input.get(at) else {
                self.open = Some(opened);
                if !is_all {
                    return None;
                }
                self.damaged(Kind::Open, opened);
                break at;
            };
            if *byte != b'"' && *byte != escape {
                at += 1;
                continue;
            }
            match input.get(at + 1) {
                // The next byte decides what this one means.
                None if !is_all => {
                    self.open = Some(opened);
                    return None;
                }
                Some(next) if *next == b'"' || (*byte == escape && *next == escape) => {
                    self.undone.extend_from_slice(&input[piece..at]);
                    self.undone.push(*next);
                    at += 2;
                    piece = at;
                }
                _ if *byte == b'"' => break at,
                _ => at += 1,
            }
        };
        let span = if piece == opened + 1 {
            let is_undone = false;
            Span {
                start: piece,
                end: closed,
                is_undone,
            }
        } else {
            self.undone.extend_from_slice(&input[piece..closed]);
            let (start, end, is_undone) = (undone, self.undone.len(), true);
            Span {
                start,
                end,
                is_undone,
            }
        };
        let behind = (closed + 1).min(input.len());
        match input.get(behind) {
            None => {}
            Some(b'\r' | b'\n') => {}
            Some(byte) if *byte == self.dialect.delimiter => {}
            Some(_) => {
                self.damaged(Kind::Behind, opened);
                return Some((span, self.plain(input, behind).1));
            }
        }
        Some((span, behind))
    }

    #[cold]
    fn damaged(&mut self, kind: Kind, at: usize) {
        let cell = self.spans.len() + 1;
        self.damage.get_or_insert(Damage { kind, at, cell });
    }

    /// The cells of the row that was split last, which stands in the input up to `end`.
    pub(crate) fn cells<'r>(&'r self, input: &'r [u8]) -> Cells<'r> {
        Cells {
            spans: self.spans.iter(),
            input,
            undone: &self.undone,
        }
    }

    /// How many lines the row that was split last takes. These are its bytes, with the end of its last line.
    pub(crate) fn lines(&self, row: &[u8]) -> u64 {
        if self.has_quotes { line_ends(row) } else { 1 }
    }

    /// How the row that was split last breaks the rules. It begins at this line.
    pub(crate) fn reason(&self, input: &[u8], line: u64) -> Option<Reason> {
        let Damage { kind, at, cell } = self.damage?;
        let place = place(input, at, line, cell);
        Some(match kind {
            Kind::Open => Reason::OpenQuote { place },
            Kind::Behind => Reason::BehindQuote { place },
            Kind::Stray => Reason::StrayQuote { place },
        })
    }

    /// Where the quote stands that the input left open when [`split`](Self::split) asked for more.
    pub(crate) fn open_quote(&self, input: &[u8], line: u64) -> Option<QuotePlace> {
        Some(place(input, self.open?, line, self.spans.len() + 1))
    }
}

fn place(input: &[u8], at: usize, line: u64, cell: usize) -> QuotePlace {
    let before = input.get(..at).unwrap_or(input);
    QuotePlace {
        line: line + line_ends(before),
        cell,
    }
}

/// How many lines end in these bytes. `\r\n` ends one line.
pub(crate) fn line_ends(bytes: &[u8]) -> u64 {
    let mut ends = 0;
    let mut after_return = false;
    for byte in bytes {
        ends += u64::from(*byte == b'\r' || (*byte == b'\n' && !after_return));
        after_return = *byte == b'\r';
    }
    ends
}

/// The cells of one row.
#[derive(Clone, Debug)]
pub struct Cells<'r> {
    spans: std::slice::Iter<'r, Span>,
    input: &'r [u8],
    undone: &'r [u8],
}

impl<'r> Cells<'r> {
    /// The cell that comes after so many others.
    pub(crate) fn get(&self, at: usize) -> Option<&'r [u8]> {
        self.spans.as_slice().get(at).map(|span| self.text(span))
    }

    #[inline]
    fn text(&self, span: &Span) -> &'r [u8] {
        let text = if span.is_undone {
            self.undone
        } else {
            self.input
        };
        text.get(span.start..span.end).unwrap_or_default()
    }
}

impl<'r> Iterator for Cells<'r> {
    type Item = &'r [u8];

    #[inline]
    fn next(&mut self) -> Option<&'r [u8]> {
        let span = self.spans.next()?;
        Some(self.text(span))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl ExactSizeIterator for Cells<'_> {}
