//! The fast parser from one JSON object to cells.
//!
//! It takes well-formed objects only, and gives up on all others and on keys with escapes. Then [`super::read`] reads the
//! record again by serde_json. So serde_json alone decides what is JSON and what is wrong with a record. A property test
//! compares the two parsers.
//!
//! No byte is visited twice. The bytes before a value are compared as a whole with those of the last record
//! ([`ExpectedKeys`](crate::expected_keys::ExpectedKeys)), and strings are skipped eight bytes at a time. A record of 28 strings takes 40 % of its
//! former time with all values parsed, and a quarter if the job drops 26 of them (`examples/push_rate.rs`: 950 ns and
//! 380 ns). sonic-rs took 1,500 ns to find the values of such a record.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cell::CellKind;
use crate::slots::Slots;

/// Finds the cells of all columns in a text that begins an object; `None` if serde_json must do it.
pub(crate) fn scan(text: &str, slots: &mut Slots) -> Option<()> {
    let end = scan_first(text, slots)?;
    (blanks(text.as_bytes(), end) == text.len()).then_some(())
}

/// Does the same for the object at the beginning of a text, and tells where it ends.
pub(crate) fn scan_first(text: &str, slots: &mut Slots) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = blanks(bytes, 0) + 1;
    let first = blanks(bytes, at);
    if bytes.get(first) == Some(&b'}') {
        return Some(first + 1);
    }
    loop {
        let (target, start) = match slots.expected_key(bytes, at) {
            // There may be more blanks behind the colon than last time.
            Some((target, start)) => (target, blanks(bytes, start)),
            None => {
                let (name, start) = key(text, at)?;
                (slots.unexpected_key(name, bytes.get(at..start)?), start)
            }
        };
        let (kind, cell, end) = match bytes.get(start)? {
            b'"' => {
                let end = plain(bytes, start + 1);
                match bytes.get(end)? {
                    b'"' => (CellKind::Text, (start + 1, end), end + 1),
                    b'\\' => {
                        let end = escaped(bytes, end)?;
                        (CellKind::Escaped, (start, end), end)
                    }
                    _ => return None,
                }
            }
            b'n' => {
                let end = literal(bytes, start, b"null")?;
                (CellKind::Null, (start, end), end)
            }
            b'{' | b'[' => {
                let end = start + nested(text.get(start..)?)?;
                (CellKind::Nested, (start, end), end)
            }
            first => {
                let end = match first {
                    b't' => literal(bytes, start, b"true")?,
                    b'f' => literal(bytes, start, b"false")?,
                    _ => match number(bytes, start) {
                        Some(end) => end,
                        None => not_finite(bytes, start)?,
                    },
                };
                (CellKind::Text, (start, end), end)
            }
        };
        slots.set_once(target, kind, cell.0, cell.1);
        at = blanks(bytes, end);
        match bytes.get(at)? {
            b',' => at += 1,
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// The key that begins after blanks at `at`, and where its value begins.
fn key(text: &str, at: usize) -> Option<(&str, usize)> {
    let bytes = text.as_bytes();
    let start = literal(bytes, blanks(bytes, at), b"\"")?;
    let end = plain(bytes, start);
    let colon = blanks(bytes, literal(bytes, end, b"\"")?);
    let value = blanks(bytes, literal(bytes, colon, b":")?);
    Some((text.get(start..end)?, value))
}

/// The end of these bytes, if they are at `at`.
fn literal(bytes: &[u8], at: usize, wanted: &[u8]) -> Option<usize> {
    bytes
        .get(at..)?
        .starts_with(wanted)
        .then_some(at + wanted.len())
}

/// The position of the first byte from `at` on that is no blank.
#[inline]
fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The position of the first byte from `at` on that is not plain text of a string: a quote, a backslash or a control
/// character.
#[inline]
fn plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let ends = ends(block);
        if ends != 0 {
            return at + ends.trailing_zeros() as usize / 8;
        }
        at += block.len();
    }
    while let Some(byte) = bytes.get(at)
        && is_plain(*byte)
    {
        at += 1;
    }
    at
}

fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

/// Sets the highest bit of the first byte that is not plain, and no bit before it.
#[inline]
fn ends(block: &[u8; 8]) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let bytes = u64::from_le_bytes(*block);
    // Subtracting 1 from a byte sets its highest bit only if the byte was 0 or had the bit set. A quote is two more than a
    // blank, the lowest character of a string. So one comparison finds both quotes and control characters.
    let below = (bytes ^ (2 * ONES)).wrapping_sub(0x21 * ONES) & !bytes;
    let slashes = bytes ^ (0x5c * ONES);
    let slashes = slashes.wrapping_sub(ONES) & !slashes;
    (below | slashes) & (0x80 * ONES)
}

/// The end, behind its quote, of a string whose first backslash is at `at`.
fn escaped(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match bytes.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' => {
                    let digits = bytes.get(at + 2..at + 6)?;
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return None;
                    }
                    at += 6;
                }
                _ => return None,
            },
            _ => return None,
        }
        at = plain(bytes, at);
    }
}

/// The end of a number: an optional minus, digits without a leading zero, then perhaps a fraction and an exponent.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = |at: usize| {
        let count = bytes.get(at..)?.iter().take_while(|b| b.is_ascii_digit());
        Some(at + count.count()).filter(|end| *end > at)
    };
    let start = at + usize::from(bytes.get(at) == Some(&b'-'));
    let mut end = match bytes.get(start)? {
        b'0' => start + 1,
        _ => digits(start)?,
    };
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
        end = digits(end + 1 + usize::from(signed))?;
    }
    Some(end)
}

/// The end of a float that Python's `json` writes and JSON does not know.
#[cold]
fn not_finite(bytes: &[u8], at: usize) -> Option<usize> {
    let mut names = [&b"NaN"[..], b"Infinity", b"-Infinity"].into_iter();
    names.find_map(|name| literal(bytes, at, name))
}

/// The end of the string that the text begins with, behind its quote; `None` if it begins with none.
pub(super) fn string_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let end = plain(bytes, literal(bytes, 0, b"\"")?);
    match bytes.get(end)? {
        b'"' => Some(end + 1),
        _ => escaped(bytes, end),
    }
}

/// The length of the array or object that the text begins with.
fn nested(text: &str) -> Option<usize> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let raw = <&RawValue>::deserialize(&mut deserializer).ok()?;
    Some(raw.get().len())
}

#[cfg(test)]
mod tests;
