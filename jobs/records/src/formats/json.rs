//! One JSON object to cells, and cells to one JSON object.
//!
//! serde_json parses, and hands out each value as its text (`RawValue`). So numbers keep their digits. serde_json's feature
//! `arbitrary_precision` would do the same, but it would change the numbers of every crate in the program.

mod scan;

use std::fmt;
use std::io::Write as _;

use gugus_spec::Source;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use self::scan::{scan, scan_first};
use super::traits::{ReadRecords, WriteRecords};
use crate::Reason;
use crate::cell::{CellKind, Target};
use crate::csv::Cells;
use crate::layout::Layout;
use crate::slots::Slots;

#[derive(Debug)]
struct Reader;

pub(super) fn reader(_: &Layout) -> impl ReadRecords + use<> {
    Reader
}

impl ReadRecords for Reader {
    fn read<'t>(
        &'t mut self,
        record: &'t [u8],
        _: &Layout,
        slots: &mut Slots,
    ) -> Result<&'t str, Reason> {
        let text = object_text(record)?;
        read(text, slots)?;
        Ok(text)
    }
}

/// The keys of every object, made once. They stand in the order of the file's columns.
#[derive(Debug)]
struct Writer(Vec<Vec<u8>>);

pub(super) fn writer(_: &Source, names: &[String]) -> impl WriteRecords + use<> {
    let key = |(at, name): (usize, &String)| {
        let mut key = vec![if at == 0 { b'{' } else { b',' }];
        string(&mut key, name);
        key.push(b':');
        key
    };
    Writer(names.iter().enumerate().map(key).collect())
}

impl WriteRecords for Writer {
    /// Values are strings, with the text of their cells as it is. A row that is shorter than the header lacks its last keys.
    fn write(&self, cells: Cells<'_>, record: &mut Vec<u8>) -> Result<(), String> {
        for (at, (key, cell)) in self.0.iter().zip(cells).enumerate() {
            let cell = std::str::from_utf8(cell)
                .map_err(|_| format!("its cell {} is not UTF-8; convert the file", at + 1))?;
            record.extend_from_slice(key);
            string(record, cell);
        }
        if record.is_empty() {
            record.push(b'{');
        }
        record.push(b'}');
        Ok(())
    }
}

fn string(out: &mut Vec<u8>, text: &str) {
    if serde_json::to_writer(&mut *out, text).is_err() {
        // Writing text to a vector does not fail. If it ever did, an empty string would keep the object whole.
        let _ = out.write_all(b"\"\"");
    }
}

/// The bytes of a record as text that begins an object. A byte order mark, which some programs write, is no part of it.
pub(crate) fn object_text(bytes: &[u8]) -> Result<&str, Reason> {
    let text = std::str::from_utf8(bytes).map_err(|e| Reason::NotUtf8 {
        at: e.valid_up_to(),
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let found = match text
        .bytes()
        .find(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
    {
        None => return Err(Reason::Empty),
        Some(b'{') => return Ok(text),
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        Some(b'n') => "null",
        Some(_) => "number",
    };
    // A list of records is another mistake than a torn message, so it gets a reason of its own.
    match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => Err(Reason::NotAnObject { found }),
        Err(e) => Err(Reason::NotJson {
            message: e.to_string(),
        }),
    }
}

/// Finds the cells of all columns in the text of one object.
pub(crate) fn read(text: &str, slots: &mut Slots) -> Result<(), Reason> {
    slots.begin();
    match scan(text, slots) {
        Some(()) => slots.take_refusal().map_or(Ok(()), Err),
        None => read_by_serde(text, slots),
    }
}

/// Does the same for the object that a text begins with, and tells where it ends; `None` if only [`read`] can tell.
pub(crate) fn read_first(text: &str, slots: &mut Slots) -> Option<Result<usize, Reason>> {
    text.starts_with('{').then_some(())?;
    slots.begin();
    let end = scan_first(text, slots)?;
    Some(slots.take_refusal().map_or(Ok(end), Err))
}

/// Does the same for any text, also an invalid one, by serde_json alone. Only the values that Python's `json` writes and
/// JSON does not know are replaced by numbers of the same length. The cells hold places, so the values themselves are read.
pub(crate) fn read_by_serde(text: &str, slots: &mut Slots) -> Result<(), Reason> {
    match parse_object(text, slots) {
        Err(Reason::NotJson { message }) => match with_finite_numbers(text) {
            Some(finite) => parse_object(&finite, slots),
            None => Err(Reason::NotJson { message }),
        },
        read => read,
    }
}

/// The text with a number of the same length for each `NaN` and `Infinity` that stands outside of strings, if there is one.
/// Python's `json` writes these two, and JSON does not know them.
pub fn with_finite_numbers(text: &str) -> Option<String> {
    const NUMBERS: [(&str, &str); 2] = [("NaN", "0.0"), ("Infinity", "0.000000")];
    let mut finite = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_changed = false;
    while let Some(at) = rest.find(['"', 'N', 'I']) {
        let (before, found) = rest.split_at(at);
        finite.push_str(before);
        let begins = finite.trim_end_matches('-');
        let begins = begins.ends_with([':', ',', '[', ' ', '\t', '\r', '\n']);
        let ends =
            |behind: &str| !behind.starts_with(|c: char| c.is_alphanumeric() || ".+-".contains(c));
        let is = |name| begins && found.strip_prefix(name).is_some_and(ends);
        let number = NUMBERS.iter().find(|(name, _)| is(name));
        let length = match number {
            Some((name, number)) => {
                is_changed = true;
                finite.push_str(number);
                name.len()
            }
            None => {
                let length = scan::string_end(found).unwrap_or(1);
                finite.push_str(found.get(..length)?);
                length
            }
        };
        rest = found.get(length..)?;
    }
    finite.push_str(rest);
    is_changed.then_some(finite)
}

fn parse_object(text: &str, slots: &mut Slots) -> Result<(), Reason> {
    slots.begin();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = deserializer
        .deserialize_map(Object { text, slots })
        .and_then(|()| deserializer.end());
    read.map_err(|e| Reason::NotJson {
        message: e.to_string(),
    })?;
    slots.take_refusal().map_or(Ok(()), Err)
}

struct Object<'t, 's> {
    text: &'t str,
    slots: &'s mut Slots,
}

impl<'t> Visitor<'t> for Object<'t, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(target) = map.next_key_seed(Key(self.slots))? {
            let raw = map.next_value::<&'t RawValue>()?.get();
            // The raw text borrows from the record, so the distance of the two pointers is its place.
            let start = raw.as_ptr() as usize - self.text.as_ptr() as usize;
            let end = start + raw.len();
            match raw.as_bytes() {
                [b'n', ..] => self.slots.set_once(target, CellKind::Null, start, end),
                [b'{' | b'[', ..] => self.slots.set_once(target, CellKind::Nested, start, end),
                [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
                    self.slots
                        .set_once(target, CellKind::Text, start + 1, end - 1);
                }
                [b'"', ..] => self.slots.set_once(target, CellKind::Escaped, start, end),
                _ => self.slots.set_once(target, CellKind::Text, start, end),
            }
        }
        Ok(())
    }
}

/// Resolves a key in place, and copies it only if it has escapes.
struct Key<'s>(&'s mut Slots);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Target;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Target, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Target;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Target, E> {
        Ok(self.0.resolve(key))
    }
}
