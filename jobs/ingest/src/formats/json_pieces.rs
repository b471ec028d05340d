//! The pieces of a JSON text that are records: the elements of one array, or one line each. Invariant: each byte that is not
//! blank and does not hold the array together is in some piece. So damage is in the piece that has it, and nothing is lost.

use std::io::{self, BufRead};

/// The longest record. Without this limit, a bracket that is never closed would draw the whole file into memory.
pub(super) const LONGEST_RECORD: usize = 64 * 1024 * 1024;

pub(super) struct Pieces<R> {
    text: R,
    place: Place,
    is_begun: bool,
}

/// Where reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Outside of an array, where each line is a piece.
    Lines,
    /// In the array, before an element.
    Array,
    /// The array ended without its closing bracket.
    Cut,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A record, which is in the buffer.
    Piece,
    /// A record that is longer than [`LONGEST_RECORD`].
    TooLong,
    /// The text is at its end.
    End,
    /// The text is at its end, and its array is not closed.
    Cut,
}

impl<R: BufRead> Pieces<R> {
    pub(super) fn new(text: R) -> Self {
        Self {
            text,
            place: Place::Lines,
            is_begun: false,
        }
    }

    /// Reads the next piece into the buffer, over what is there.
    pub(super) fn next(&mut self, piece: &mut Vec<u8>) -> io::Result<Next> {
        if !std::mem::replace(&mut self.is_begun, true) {
            self.skip_blanks()?;
            if self.text.fill_buf()?.first() == Some(&b'[') {
                self.text.consume(1);
                self.place = Place::Array;
            }
        }
        loop {
            self.skip_blanks()?;
            piece.clear();
            let next = match self.place {
                Place::Lines => self.line(piece)?,
                Place::Array => self.element(piece)?,
                Place::Cut => return Ok(Next::Cut),
            };
            let length = piece.trim_ascii_end().len();
            piece.truncate(length);
            // Between two commas, or before the closing bracket, there may be nothing.
            if next != Next::Piece || !piece.is_empty() {
                return Ok(next);
            }
        }
    }

    fn skip_blanks(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.text.fill_buf()?;
            let end = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
            let length = end.unwrap_or(bytes.len());
            let is_done = end.is_some() || bytes.is_empty();
            self.text.consume(length);
            if is_done {
                return Ok(());
            }
        }
    }

    fn line(&mut self, piece: &mut Vec<u8>) -> io::Result<Next> {
        let limit = LONGEST_RECORD as u64 + 1;
        let length = io::Read::take(&mut self.text, limit).read_until(b'\n', piece)?;
        Ok(match length {
            0 => Next::End,
            length if length > LONGEST_RECORD => Next::TooLong,
            _ => Next::Piece,
        })
    }

    fn element(&mut self, piece: &mut Vec<u8>) -> io::Result<Next> {
        let mut scan = Scan::default();
        loop {
            let bytes = self.text.fill_buf()?;
            if bytes.is_empty() {
                self.place = Place::Cut;
                return Ok(Next::Piece);
            }
            let end = bytes.iter().position(|byte| scan.ends_at(*byte));
            let length = end.unwrap_or(bytes.len());
            piece.extend_from_slice(bytes.get(..length).unwrap_or_default());
            let Some(end) = end else {
                self.text.consume(length);
                if piece.len() > LONGEST_RECORD {
                    return Ok(Next::TooLong);
                }
                continue;
            };
            if bytes.get(end) == Some(&b']') {
                // Text behind the array is no part of it. It is read line by line.
                self.place = Place::Lines;
            }
            self.text.consume(end + 1);
            return Ok(Next::Piece);
        }
    }
}

/// How far an element is read.
#[derive(Default)]
struct Scan {
    /// Brackets that are open.
    depth: usize,
    is_string: bool,
    is_escaped: bool,
}

impl Scan {
    /// Whether this byte stands behind the element.
    fn ends_at(&mut self, byte: u8) -> bool {
        if self.is_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                // No JSON string has the end of a line in it: then its quote was not closed.
                b'"' | b'\n' => self.is_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.is_string = true,
            b'{' | b'[' => self.depth += 1,
            b',' | b']' if self.depth == 0 => return true,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn pieces(text: &str) -> (Vec<String>, Next) {
        let mut all = Vec::new();
        for capacity in [1, 3, 4096] {
            let mut pieces = Pieces::new(BufReader::with_capacity(capacity, text.as_bytes()));
            let (mut piece, mut found) = (Vec::new(), Vec::new());
            let end = loop {
                match pieces.next(&mut piece).unwrap() {
                    Next::Piece => found.push(String::from_utf8(piece.clone()).unwrap()),
                    end => break end,
                }
            };
            all.push((found, end));
        }
        assert!(all.windows(2).all(|two| two[0] == two[1]), "{all:?}");
        all.remove(0)
    }

    #[test]
    fn elements_and_lines_are_pieces_and_damage_stays_in_its_own() {
        let cases: [(&str, &[&str], Next); 12] = [
            ("", &[], Next::End),
            (
                "{\"a\":1}\r\n\r\n{\"a\":2}",
                &["{\"a\":1}", "{\"a\":2}"],
                Next::End,
            ),
            (
                "\n[{\"a\":1},\n {\"a\":2}]\n",
                &["{\"a\":1}", "{\"a\":2}"],
                Next::End,
            ),
            ("[]", &[], Next::End),
            (
                "[{\"a\":[1,{\"b\":\"],}\\\"\"}]}, 3 ,]",
                &["{\"a\":[1,{\"b\":\"],}\\\"\"}]}", "3"],
                Next::End,
            ),
            (
                "[{\n\"a\": 1\n},\n{\n\"a\": 2\n}\n]",
                &["{\n\"a\": 1\n}", "{\n\"a\": 2\n}"],
                Next::End,
            ),
            ("[{\"a\":1},{\"a\":2", &["{\"a\":1}", "{\"a\":2"], Next::Cut),
            ("[{\"a\":1}", &["{\"a\":1}"], Next::Cut),
            (
                "[{\"a\":\"x},\n{\"a\":2}]",
                &["{\"a\":\"x},\n{\"a\":2}]"],
                Next::Cut,
            ),
            (
                "[\"a\":1},{\"a\":2}]",
                &["\"a\":1}", "{\"a\":2}"],
                Next::End,
            ),
            ("[1]\n{\"a\":2}\n", &["1", "{\"a\":2}"], Next::End),
            (
                "{\"a\":1}\n[2,\n3]\n",
                &["{\"a\":1}", "[2,", "3]"],
                Next::End,
            ),
        ];
        for (text, expected, end) in cases {
            let (found, ended) = pieces(text);
            assert_eq!(found, expected, "{text:?}");
            assert_eq!(ended, end, "{text:?}");
        }
    }
}
