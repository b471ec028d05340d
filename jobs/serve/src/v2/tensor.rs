//! Tensors as Arrow arrays, column by column and without work per row where the bytes allow it.
//!
//! Invariant: memory is taken for elements that came, never for elements that a shape announces.

use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array,
    PrimitiveArray, StringArray, StringBuilder, UInt32Array, UInt64Array,
};
use arrow::buffer::{BooleanBuffer, Buffer, ScalarBuffer};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use bytes::Bytes;
use serde_json::value::RawValue;

use super::datatype::Datatype;
use super::json;
use super::messages::Contents;
use super::wrong::{wrong, wrong_count};
use crate::problem::{Problem, cut};

/// A tensor of one or two dimensions. The first one counts rows.
#[derive(Debug)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) rows: usize,
    /// How many elements a row has.
    pub(crate) width: usize,
    /// The elements, row after row.
    pub(crate) values: ArrayRef,
}

/// The elements of a tensor as they came.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    /// In little-endian bytes; a text is its length in four bytes and then its bytes.
    Raw(&'a [u8]),
    /// As JSON: a list, or lists in a list.
    Json(&'a RawValue),
    /// In the field of their type.
    Typed(Contents),
}

impl Tensor {
    /// Reads a tensor.
    pub(crate) fn new(
        name: String,
        datatype: &str,
        shape: &[i64],
        content: Content<'_>,
    ) -> Result<Self, Problem> {
        let read = || {
            let datatype = Datatype::parse(datatype)?;
            let lengths = lengths(shape)?;
            let count = lengths
                .iter()
                .try_fold(1_usize, |all, &one| all.checked_mul(one));
            let count = count.ok_or_else(too_many_elements)?;
            let values = match content {
                Content::Raw(bytes) => raw(datatype, bytes, count),
                Content::Json(text) => json::read(datatype, text, &lengths, count),
                Content::Typed(contents) => typed(datatype, contents, count),
            }?;
            let (rows, width) = (lengths[0], lengths.get(1).copied().unwrap_or(1));
            Ok((rows, width, exact(values, datatype)?))
        };
        let (rows, width, values) = read()
            .map_err(|problem: Problem| problem.within(&format!("input {:?}", cut(&name))))?;
        Ok(Self {
            name,
            rows,
            width,
            values,
        })
    }
}

/// The lengths of one or two dimensions.
fn lengths(shape: &[i64]) -> Result<Vec<usize>, Problem> {
    if !(1..=2).contains(&shape.len()) {
        let detail = format!("its shape has {} dimensions, and takes 1 or 2", shape.len());
        return Err(wrong(detail));
    }
    let length =
        |&length| usize::try_from(length).map_err(|_| wrong("a length of its shape is negative"));
    shape.iter().map(length).collect()
}

/// Values of exactly this type. What JSON or a field could hold and the type cannot is refused.
fn exact(values: ArrayRef, datatype: Datatype) -> Result<ArrayRef, Problem> {
    if *values.data_type() == datatype.arrow() {
        return Ok(values);
    }
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(&values, &datatype.arrow(), &options).map_err(|error| {
        wrong(format!(
            "a value is not of type {}: {error}",
            datatype.name()
        ))
    })
}

fn raw(datatype: Datatype, bytes: &[u8], count: usize) -> Result<ArrayRef, Problem> {
    match datatype {
        Datatype::Bool => {
            check_size(bytes, count, 1)?;
            let bits = BooleanBuffer::collect_bool(count, |at| bytes[at] != 0);
            Ok(Arc::new(BooleanArray::new(bits, None)))
        }
        Datatype::Int8 => numbers::<Int8Type>(bytes, count),
        Datatype::Int16 => numbers::<Int16Type>(bytes, count),
        Datatype::Int32 => numbers::<Int32Type>(bytes, count),
        Datatype::Int64 => numbers::<Int64Type>(bytes, count),
        Datatype::Uint8 => numbers::<UInt8Type>(bytes, count),
        Datatype::Uint16 => numbers::<UInt16Type>(bytes, count),
        Datatype::Uint32 => numbers::<UInt32Type>(bytes, count),
        Datatype::Uint64 => numbers::<UInt64Type>(bytes, count),
        Datatype::Fp32 => numbers::<Float32Type>(bytes, count),
        Datatype::Fp64 => numbers::<Float64Type>(bytes, count),
        Datatype::Bytes => texts(bytes, count),
    }
}

/// Refuses bytes that are not exactly those of `count` elements.
fn check_size(bytes: &[u8], count: usize, of_each: usize) -> Result<(), Problem> {
    let wanted = count.checked_mul(of_each).ok_or_else(too_many_elements)?;
    match bytes.len() {
        found if found == wanted => Ok(()),
        found => Err(wrong(format!(
            "it has {found} bytes, and its shape says {wanted}"
        ))),
    }
}

fn too_many_elements() -> Problem {
    wrong("its shape has more elements than any body holds")
}

/// Numbers from their bytes. They are copied once and as a whole, because Arrow wants them aligned. Arrow's numbers are
/// those of the machine, and every machine that Rust's tier 1 names is little-endian.
fn numbers<T: ArrowPrimitiveType>(bytes: &[u8], count: usize) -> Result<ArrayRef, Problem> {
    check_size(bytes, count, size_of::<T::Native>())?;
    let values = ScalarBuffer::new(Buffer::from(bytes), 0, count);
    Ok(Arc::new(PrimitiveArray::<T>::new(values, None)))
}

fn texts(bytes: &[u8], count: usize) -> Result<ArrayRef, Problem> {
    let mut rest = bytes;
    let mut texts = StringBuilder::new();
    let mut found = 0;
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = usize::try_from(u32::from_le_bytes(*length)).ok();
        let cut = length.and_then(|length| after.split_at_checked(length));
        let (text, after) =
            cut.ok_or_else(|| wrong(format!("element {found} is longer than the tensor")))?;
        texts.append_value(utf8(text, found)?);
        rest = after;
        found += 1;
    }
    match rest {
        [] if found == count => Ok(Arc::new(texts.finish())),
        [] => Err(wrong_count(found, count)),
        _ => Err(wrong("it ends within the length of a text")),
    }
}

fn utf8(text: &[u8], at: usize) -> Result<&str, Problem> {
    str::from_utf8(text).map_err(|_| wrong(format!("element {at} is not UTF-8")))
}

fn typed(datatype: Datatype, contents: Contents, count: usize) -> Result<ArrayRef, Problem> {
    let values: ArrayRef = match datatype {
        Datatype::Bool => Arc::new(BooleanArray::from(contents.bools)),
        Datatype::Int8 | Datatype::Int16 | Datatype::Int32 => {
            Arc::new(Int32Array::from(contents.ints))
        }
        Datatype::Int64 => Arc::new(Int64Array::from(contents.int64s)),
        Datatype::Uint8 | Datatype::Uint16 | Datatype::Uint32 => {
            Arc::new(UInt32Array::from(contents.uints))
        }
        Datatype::Uint64 => Arc::new(UInt64Array::from(contents.uint64s)),
        Datatype::Fp32 => Arc::new(Float32Array::from(contents.fp32s)),
        Datatype::Fp64 => Arc::new(Float64Array::from(contents.fp64s)),
        Datatype::Bytes => {
            let texts = contents.texts.iter().enumerate();
            let texts = texts.map(|(at, text): (usize, &Bytes)| utf8(text, at).map(Some));
            Arc::new(texts.collect::<Result<StringArray, _>>()?)
        }
    };
    match values.len() {
        found if found == count => Ok(values),
        found => Err(wrong_count(found, count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};

    fn tensor(datatype: &str, shape: &[i64], content: Content<'_>) -> Result<Tensor, String> {
        Tensor::new("a".to_owned(), datatype, shape, content)
            .map_err(|problem| problem.detail().to_owned())
    }

    fn of_json(datatype: &str, shape: &[i64], text: &str) -> Result<Tensor, String> {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        tensor(datatype, shape, Content::Json(raw))
    }

    #[test]
    fn bytes_need_not_be_aligned() {
        let mut bytes = vec![0];
        bytes.extend(
            [1.5_f64, -2.0, 3.0, 4.0]
                .iter()
                .flat_map(|x| x.to_le_bytes()),
        );
        let read = tensor("FP64", &[2, 2], Content::Raw(&bytes[1..])).unwrap();
        assert_eq!((read.rows, read.width), (2, 2));
        assert_eq!(
            read.values.as_primitive::<Float64Type>().values()[..],
            [1.5, -2.0, 3.0, 4.0]
        );
    }

    #[test]
    fn texts_have_their_length_before_them() {
        let read = tensor("BYTES", &[2], Content::Raw(b"\x02\0\0\0ab\0\0\0\0")).unwrap();
        assert_eq!(
            read.values
                .as_string::<i32>()
                .iter()
                .flatten()
                .collect::<Vec<_>>(),
            ["ab", ""]
        );
        for (bytes, reason) in [
            (&b"\x02\0\0\0a"[..], "element 0 is longer"),
            (b"\xff\xff\xff\xffab", "element 0 is longer"),
            (b"\x01\0\0\0a", "1 elements, and its shape says 2"),
            (b"\x01\0\0\0a\0\0\0\0\0", "ends within"),
            (b"\x01\0\0\0\xff\0\0\0\0", "element 0 is not UTF-8"),
        ] {
            let error = tensor("BYTES", &[2], Content::Raw(bytes)).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn shapes_that_no_body_fills_are_refused() {
        for shape in [
            &[i64::MAX, i64::MAX][..],
            &[i64::MAX],
            &[1 << 61],
            &[-1],
            &[-1, -1],
            &[],
            &[1, 1, 1],
            &[2],
        ] {
            for datatype in ["FP64", "BOOL", "BYTES"] {
                assert!(
                    tensor(datatype, shape, Content::Raw(&[0; 5])).is_err(),
                    "{shape:?}"
                );
                assert!(of_json(datatype, shape, "[]").is_err(), "{shape:?}");
                let contents = Content::Typed(Contents::default());
                assert!(tensor(datatype, shape, contents).is_err(), "{shape:?}");
            }
        }
        assert_eq!(
            tensor("FP64", &[0], Content::Raw(&[]))
                .unwrap()
                .values
                .len(),
            0
        );
    }

    #[test]
    fn json_may_be_flat_or_nested() {
        for text in ["[1, 2.5, 3, 4]", "[[1, 2.5], [3, 4]]"] {
            let read = of_json("FP64", &[2, 2], text).unwrap();
            assert_eq!(
                read.values.as_primitive::<Float64Type>().values()[..],
                [1.0, 2.5, 3.0, 4.0]
            );
        }
        for text in [
            "[[1, 2], 3, 4]",
            "[1, [2], 3, 4]",
            "[[1, 2, 3], [4]]",
            "[[[1], [2]], [[3], [4]]]",
            "[[1, 2]]",
            "[1, 2, 3]",
            "[1, 2, 3, 4, 5]",
            "4",
            "{}",
            "null",
            "[\"1\", 2, 3, 4]",
        ] {
            assert!(of_json("FP64", &[2, 2], text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_are_of_their_type() {
        assert!(of_json("INT8", &[1], "[127]").is_ok());
        for (datatype, text) in [
            ("INT8", "[128]"),
            ("UINT8", "[-1]"),
            ("INT64", "[1.5]"),
            ("INT64", "[9223372036854775808]"),
            ("BOOL", "[1]"),
            ("BYTES", "[1]"),
            ("FP16", "[1]"),
            ("fp64", "[1]"),
        ] {
            assert!(of_json(datatype, &[1], text).is_err(), "{datatype} {text}");
        }
        let contents = Contents {
            ints: vec![300],
            ..Contents::default()
        };
        assert!(tensor("INT8", &[1], Content::Typed(contents.clone())).is_err());
        assert!(tensor("INT16", &[1], Content::Typed(contents.clone())).is_ok());
        assert!(tensor("FP64", &[1], Content::Typed(contents)).is_err());
        let read = of_json("UINT64", &[2], "[18446744073709551615, null]").unwrap();
        assert_eq!(read.values.as_primitive::<UInt64Type>().value(0), u64::MAX);
        assert!(read.values.is_null(1));
    }
}
