//! The fast way from one JSON object to cells.
//!
//! It takes well-formed objects only, and gives up on all others (and on keys with escapes): [`crate::json`] then reads
//! the record anew by serde_json, which so stays the one source of what is JSON and of what is wrong with a record. A
//! property test holds the two together.
//!
//! Nothing is looked at twice: the bytes before a value are compared as a whole with those of the last record
//! ([`Leads`](crate::leads::Leads)), strings are passed eight bytes at a time.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::slots::{CellKind, Slots};

/// Finds the cells of all columns in a text that begins an object; `None` when serde_json must.
pub(crate) fn scan(text: &str, slots: &mut Slots) -> Option<()> {
    let bytes = text.as_bytes();
    let mut at = blanks(bytes, 0) + 1;
    let first = blanks(bytes, at);
    if bytes.get(first) == Some(&b'}') {
        return at_end(bytes, first + 1);
    }
    loop {
        let (target, start) = match slots.expected_key(bytes, at) {
            // Blanks behind the colon may be more than the last time.
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
                    _ => number(bytes, start)?,
                };
                (CellKind::Text, (start, end), end)
            }
        };
        slots.set(target, kind, cell.0, cell.1);
        at = blanks(bytes, end);
        match bytes.get(at)? {
            b',' => at += 1,
            b'}' => return at_end(bytes, at + 1),
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

/// Where these bytes end, when they stand at `at`.
fn literal(bytes: &[u8], at: usize, wanted: &[u8]) -> Option<usize> {
    bytes
        .get(at..)?
        .starts_with(wanted)
        .then_some(at + wanted.len())
}

/// The first byte at `at` or behind it that is no blank.
#[inline]
fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Whether nothing but blanks follows.
fn at_end(bytes: &[u8], at: usize) -> Option<()> {
    (blanks(bytes, at) == bytes.len()).then_some(())
}

/// The first byte at `at` or behind it that is not plain text of a string: a quote, a backslash or a control character.
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

/// Has the highest bit of the first byte that is not plain set, and no bit before it.
#[inline]
fn ends(block: &[u8; 8]) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let bytes = u64::from_le_bytes(*block);
    // Taking away 1 from a byte sets its highest bit only if it was 0, or had it set before. A quote is two more than a
    // blank, which is the least that may stand in a string: one comparison finds both quotes and control characters.
    let below = (bytes ^ (2 * ONES)).wrapping_sub(0x21 * ONES) & !bytes;
    let slashes = bytes ^ (0x5c * ONES);
    let slashes = slashes.wrapping_sub(ONES) & !slashes;
    (below | slashes) & (0x80 * ONES)
}

/// Where a string ends, behind its quote, whose first backslash is at `at`.
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

/// Where a number ends: an optional minus, digits without a leading zero, then perhaps a fraction and an exponent.
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

/// The length of the array or object that the text begins with.
fn nested(text: &str) -> Option<usize> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let raw = <&RawValue>::deserialize(&mut deserializer).ok()?;
    Some(raw.get().len())
}

#[cfg(test)]
mod tests {
    use gugus_spec::Job;
    use proptest::prelude::*;

    use crate::{Columns, Layout};

    const COLUMNS: &str = r#"
        text = { type = "utf8" }
        "a b" = { type = "utf8" }
        "ключ" = { type = "utf8", required = true }
        truth = { type = "bool" }
        i32 = { type = "int32" }
        f64 = { type = "float64" }
        time = { type = "timestamp", format = ["%m/%d/%Y %H:%M", "%Y-%m-%d"] }
    "#;

    fn columns(others: &str) -> Columns {
        let text = format!(
            "name = \"j\"\nsource.topic = \"t\"\nsource.other_columns = \"{others}\"\n[source.columns]{COLUMNS}"
        );
        Columns::new(Layout::new(&Job::parse(&text, "test.toml").unwrap().source))
    }

    /// Both ways give the same answer to every record, and the same batch in the end.
    fn both_ways(records: &[Vec<u8>], others: &str) -> Result<(), TestCaseError> {
        let (mut fast, mut slow) = (columns(others), columns(others));
        for record in records {
            prop_assert_eq!(
                fast.push_json(record),
                slow.push_json_by_serde(record),
                "{}",
                String::from_utf8_lossy(record)
            );
            prop_assert_eq!((fast.rows(), fast.bytes()), (slow.rows(), slow.bytes()));
        }
        prop_assert_eq!(fast.finish().unwrap(), slow.finish().unwrap());
        Ok(())
    }

    /// Blanks, mostly none.
    fn blanks() -> impl Strategy<Value = String> {
        prop_oneof![6 => Just(String::new()), 2 => Just(" ".to_owned()), 1 => "[ \t\n\r]{0,3}"]
    }

    /// Keys of the job and others, as they stand in JSON.
    fn key() -> impl Strategy<Value = String> {
        prop_oneof![
            8 => prop::sample::select(vec!["text", "a b", "ключ", "truth", "i32", "f64", "time", "o1", "o2", "_offset", ""])
                .prop_map(|key| format!("\"{key}\"")),
            1 => Just(r#""\u0074ext""#.to_owned()),
            1 => any::<String>().prop_map(|key| serde_json::to_string(&key).unwrap()),
        ]
    }

    /// Values of all kinds, some of them wrong.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => any::<i32>().prop_map(|n| n.to_string()),
            2 => any::<i32>().prop_map(|n| format!("\"{n}\"")),
            2 => any::<f64>().prop_map(|n| format!("{n:e}")),
            4 => any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
            4 => "\"[a-z \"\\\\/]{0,20}\"",
            2 => r#""(a|é|\\[nu"\\/bx]|\\u[0-9a-fA-F]{4}|\\ud83d\\ude00|\t){0,12}""#,
            2 => "-?[0-9]{0,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
            2 => prop::sample::select(vec!["null", "true", "false", "nul", "nulls", "True", "\"\"", "\" \"", "\"1970-01-02\"", "NaN"])
                .prop_map(str::to_owned),
            1 => prop::sample::select(vec!["[]", "{}", "[1, {\"a\": [\"]}\"]}]", "{\"a\":1,}", "[1 2]", "[\"\\ud800\"]", "[[[["])
                .prop_map(str::to_owned),
        ]
    }

    fn record() -> impl Strategy<Value = String> {
        let pair = (blanks(), key(), blanks(), blanks(), value(), blanks())
            .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"));
        let required = value().prop_map(|value| format!("\"ключ\":{value}"));
        let tail = prop_oneof![8 => Just(""), 1 => Just(" \n"), 1 => Just("x"), 1 => Just("}"), 1 => Just(",")];
        (blanks(), prop::collection::vec(pair, 0..9), required, tail).prop_map(
            |(blanks, mut pairs, required, tail)| {
                pairs.push(required);
                format!("{blanks}{{{}}}{tail}", pairs.join(","))
            },
        )
    }

    /// One byte replaced, put in or taken away.
    fn mutated() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            any::<u8>(),
            prop::sample::select(b"{}[]\",:\\ 019.-+eEntfu\n\t\x1f\x7f".to_vec())
        ];
        (record(), any::<prop::sample::Index>(), byte, 0..3).prop_map(|(record, at, byte, how)| {
            let mut bytes = record.into_bytes();
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => {
                    bytes.remove(at);
                }
            }
            bytes
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn records_are_read_as_serde_json_reads_them(
            records in prop::collection::vec(prop_oneof![3 => record().prop_map(String::into_bytes), 2 => mutated()], 1..6),
            others in prop::sample::select(vec!["utf8", "drop"]),
        ) {
            both_ways(&records, others)?;
            // Once more, now that the order of the keys is known.
            both_ways(&[records.clone(), records].concat(), others)?;
        }

        #[test]
        fn torn_records_are_read_as_serde_json_reads_them(record in record(), at in any::<prop::sample::Index>()) {
            let torn = record.as_bytes()[..at.index(record.len())].to_vec();
            both_ways(&[record.into_bytes(), torn], "utf8")?;
        }
    }

    #[test]
    fn every_byte_ends_a_string_or_does_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                for length in at + 1..24 {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = byte;
                    let expected = if super::is_plain(byte) { length } else { at };
                    assert_eq!(
                        super::plain(&bytes, 0),
                        expected,
                        "{byte} at {at} of {length}"
                    );
                }
            }
        }
    }

    #[test]
    fn well_formed_records_take_the_fast_way() {
        for record in [
            "{}",
            " { } ",
            r#"{"text":"x","i32":-1.5e+3,"a b": null , "truth" : false,"n":{"a":[1]},"o":[],"e":"\u00e9\n\"","f":true,"z":0}"#,
        ] {
            let columns = columns("utf8");
            let mut slots = crate::slots::Slots::new(columns.layout().clone());
            slots.begin();
            assert!(super::scan(record, &mut slots).is_some(), "{record}");
        }
    }

    #[test]
    fn deep_values_are_as_deep_as_serde_json_lets_them_be() {
        for depth in [1, 127, 128, 129, 5000] {
            let value = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            let record = format!("{{\"ключ\":{value}}}").into_bytes();
            both_ways(&[record], "utf8").unwrap();
        }
    }
}
