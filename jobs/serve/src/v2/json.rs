//! The elements of a tensor as JSON: one list of all, or a list for each row.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, UInt64Builder,
};
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::datatype::Datatype;
use super::wrong::{wrong, wrong_count};
use crate::problem::Problem;

/// Reads the elements of a tensor whose dimensions have these lengths, `count` elements in all. They come in the widest type of
/// their kind.
pub(super) fn read(
    datatype: Datatype,
    text: &RawValue,
    lengths: &[usize],
    count: usize,
) -> Result<ArrayRef, Problem> {
    let mut reading = Reading {
        values: Values::new(datatype),
        lengths,
        depth: None,
        found: 0,
    };
    let mut json = serde_json::Deserializer::from_str(text.get());
    let level = Level {
        reading: &mut reading,
        depth: 0,
    };
    level
        .deserialize(&mut json)
        .map_err(|error| wrong(format!("its data cannot be read: {error}")))?;
    match reading.found {
        found if found == count => Ok(reading.values.finish()),
        found => Err(wrong_count(found, count)),
    }
}

struct Reading<'a> {
    values: Values,
    lengths: &'a [usize],
    /// In how many lists an element stands, known from the first one on.
    depth: Option<usize>,
    found: usize,
}

/// A value within `depth` lists.
struct Level<'r, 'a> {
    reading: &'r mut Reading<'a>,
    depth: usize,
}

impl Level<'_, '_> {
    fn element<E: Error>(self, append: impl FnOnce(&mut Values) -> bool) -> Result<(), E> {
        let (depth, reading) = (self.depth, self.reading);
        let nested = reading.lengths.len();
        let wanted = *reading
            .depth
            .get_or_insert(if depth == 1 { 1 } else { nested });
        if depth != wanted {
            return Err(E::custom(
                "an element does not stand where the shape has one",
            ));
        }
        if !append(&mut reading.values) {
            return Err(E::custom(format!(
                "element {} is not of the type of its tensor",
                reading.found
            )));
        }
        reading.found += 1;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of elements, or of lists of elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some(&length) = self.reading.lengths.get(self.depth) else {
            return Err(A::Error::custom("lists are nested deeper than the shape"));
        };
        let mut found = 0;
        loop {
            let level = Level {
                reading: &mut *self.reading,
                depth: self.depth + 1,
            };
            if list.next_element_seed(level)?.is_none() {
                break;
            }
            found += 1;
        }
        // One flat list has all elements, and they are counted at the end.
        let is_flat = self.depth == 0 && self.reading.depth == Some(1);
        if found == length || is_flat {
            return Ok(());
        }
        Err(A::Error::custom(format!(
            "a list has {found} elements, and the shape says {length}"
        )))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.element(|values| values.bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.element(|values| values.signed(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.element(|values| values.unsigned(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.element(|values| values.float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.element(|values| values.text(value))
    }

    /// A null is the null of a record. The protocol has none, and a list of Python easily has one.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.element(Values::null)
    }
}

/// The elements so far, by their kind.
enum Values {
    Bools(BooleanBuilder),
    Signed(Int64Builder),
    Unsigned(UInt64Builder),
    Floats(Float64Builder),
    Texts(StringBuilder),
}

impl Values {
    fn new(datatype: Datatype) -> Self {
        match datatype {
            Datatype::Bool => Self::Bools(BooleanBuilder::new()),
            Datatype::Int8 | Datatype::Int16 | Datatype::Int32 | Datatype::Int64 => {
                Self::Signed(Int64Builder::new())
            }
            Datatype::Uint8 | Datatype::Uint16 | Datatype::Uint32 | Datatype::Uint64 => {
                Self::Unsigned(UInt64Builder::new())
            }
            Datatype::Fp32 | Datatype::Fp64 => Self::Floats(Float64Builder::new()),
            Datatype::Bytes => Self::Texts(StringBuilder::new()),
        }
    }

    fn bool(&mut self, value: bool) -> bool {
        let Self::Bools(bools) = self else {
            return false;
        };
        bools.append_value(value);
        true
    }

    fn signed(&mut self, value: i64) -> bool {
        match self {
            Self::Signed(signed) => signed.append_value(value),
            Self::Floats(floats) => floats.append_value(value as f64),
            _ => return false,
        }
        true
    }

    fn unsigned(&mut self, value: u64) -> bool {
        match self {
            Self::Unsigned(unsigned) => unsigned.append_value(value),
            Self::Floats(floats) => floats.append_value(value as f64),
            _ => return i64::try_from(value).is_ok_and(|value| self.signed(value)),
        }
        true
    }

    fn float(&mut self, value: f64) -> bool {
        let Self::Floats(floats) = self else {
            return false;
        };
        floats.append_value(value);
        true
    }

    fn text(&mut self, value: &str) -> bool {
        let Self::Texts(texts) = self else {
            return false;
        };
        texts.append_value(value);
        true
    }

    fn null(&mut self) -> bool {
        match self {
            Self::Bools(bools) => bools.append_null(),
            Self::Signed(signed) => signed.append_null(),
            Self::Unsigned(unsigned) => unsigned.append_null(),
            Self::Floats(floats) => floats.append_null(),
            Self::Texts(texts) => texts.append_null(),
        }
        true
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Bools(mut bools) => Arc::new(bools.finish()),
            Self::Signed(mut signed) => Arc::new(signed.finish()),
            Self::Unsigned(mut unsigned) => Arc::new(unsigned.finish()),
            Self::Floats(mut floats) => Arc::new(floats.finish()),
            Self::Texts(mut texts) => Arc::new(texts.finish()),
        }
    }
}
