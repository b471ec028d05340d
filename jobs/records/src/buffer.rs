//! Growing columns that can shrink again: `truncate` removes the values of a record that turned out to be wrong.
//!
//! Arrow's own builders cannot shrink, so each record would have to be parsed aside first and then copied. These columns are
//! plain vectors that become Arrow buffers without a copy.

mod text;
mod validity;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, PrimitiveArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType,
};
use arrow::error::ArrowError;
use gugus_spec::{NotAnInstant, TimestampReader};

use self::text::Full;
pub(crate) use self::text::Text;
use self::validity::Validity;
use crate::Misfit;
use crate::layout::{Kind, UTC};
use crate::parse::{self, trim};

/// Why a text cannot be appended.
#[derive(Debug)]
pub(crate) enum Refusal {
    Misfit(Misfit),
    Full,
}

impl From<Misfit> for Refusal {
    fn from(misfit: Misfit) -> Self {
        Self::Misfit(misfit)
    }
}

impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

/// The same for the buffer of any type.
macro_rules! each {
    ($this:expr, $buffer:ident => $do:expr) => {
        match $this {
            Self::Utf8($buffer) => $do,
            Self::Bool($buffer) => $do,
            Self::Int32($buffer) => $do,
            Self::Int64($buffer) => $do,
            Self::Float32($buffer) => $do,
            Self::Float64($buffer) => $do,
            Self::Timestamp($buffer, _) => $do,
        }
    };
}

/// A growing column of one type.
#[derive(Debug)]
pub(crate) enum Buffer {
    Utf8(Text),
    Bool(Truths),
    Int32(Fixed<Int32Type>),
    Int64(Fixed<Int64Type>),
    Float32(Fixed<Float32Type>),
    Float64(Fixed<Float64Type>),
    Timestamp(Fixed<TimestampMillisecondType>, Instants),
}

impl Buffer {
    pub(crate) fn new(kind: &Kind) -> Self {
        match kind {
            Kind::Utf8 => Self::Utf8(Text::default()),
            Kind::Bool => Self::Bool(Truths::default()),
            Kind::Int32 => Self::Int32(Fixed::default()),
            Kind::Int64 => Self::Int64(Fixed::default()),
            Kind::Float32 => Self::Float32(Fixed::default()),
            Kind::Float64 => Self::Float64(Fixed::default()),
            Kind::Timestamp(reader) => Self::Timestamp(
                Fixed::default(),
                Instants {
                    reader: reader.clone(),
                    also_iso: false,
                },
            ),
        }
    }

    /// Whether a timestamp may be written in ISO 8601, whatever the formats of the job are.
    pub(crate) fn read_also_iso(&mut self, yes: bool) {
        if let Self::Timestamp(_, instants) = self {
            instants.also_iso = yes;
        }
    }

    /// Appends the value of a text that is not empty. For all types but text the text must be trimmed.
    pub(crate) fn push(&mut self, text: &str) -> Result<(), Refusal> {
        match self {
            Self::Utf8(buffer) => buffer.push(text)?,
            Self::Bool(buffer) => buffer.push(parse::bool(text)?),
            Self::Int32(buffer) => buffer.push(parse::int32(text)?),
            Self::Int64(buffer) => buffer.push(parse::int64(text)?),
            Self::Float32(buffer) => buffer.push(parse::float32(text)?),
            Self::Float64(buffer) => buffer.push(parse::float64(text)?),
            Self::Timestamp(buffer, instants) => buffer.push(instants.parse(text)?),
        }
        Ok(())
    }

    /// Appends the value of a text that is not empty, if it parses. Returns the bytes of text that were kept.
    #[inline]
    pub(crate) fn push_plain(&mut self, text: &str) -> Option<usize> {
        match self {
            Self::Utf8(buffer) => {
                buffer.push(text).ok()?;
                return Some(text.len());
            }
            Self::Int32(buffer) => buffer.push(parse::int32(trim(text)).ok()?),
            Self::Float64(buffer) => buffer.push(parse::float64(trim(text)).ok()?),
            Self::Timestamp(buffer, instants) => buffer.push(instants.parse(trim(text)).ok()?),
            other => other.push(trim(text)).ok()?,
        }
        Some(0)
    }

    #[inline]
    pub(crate) fn push_null(&mut self) {
        each!(self, buffer => buffer.push_null());
    }

    /// Removes rows from the end until `rows` are left.
    pub(crate) fn truncate(&mut self, rows: usize) {
        each!(self, buffer => buffer.truncate(rows));
    }

    /// Appends a whole array of this column's type. An array of another type is a mistake of the caller and appends nulls.
    pub(crate) fn extend(&mut self, array: &dyn Array) -> Result<(), Full> {
        each!(self, buffer => buffer.extend(array))
    }

    /// The array of all rows; the buffer is empty afterwards.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Utf8(buffer) => Arc::new(buffer.finish()?),
            Self::Bool(buffer) => Arc::new(buffer.finish()),
            Self::Int32(buffer) => Arc::new(buffer.finish()?),
            Self::Int64(buffer) => Arc::new(buffer.finish()?),
            Self::Float32(buffer) => Arc::new(buffer.finish()?),
            Self::Float64(buffer) => Arc::new(buffer.finish()?),
            Self::Timestamp(buffer, _) => Arc::new(buffer.finish()?.with_timezone(UTC)),
        })
    }
}

/// How the texts of a timestamp column are read.
#[derive(Debug)]
pub(crate) struct Instants {
    reader: Arc<TimestampReader>,
    /// Whether ISO 8601 is read beside the formats of the job.
    also_iso: bool,
}

impl Instants {
    fn parse(&self, text: &str) -> Result<i64, Misfit> {
        match self.reader.parse(text) {
            Err(NotAnInstant::Format) if self.also_iso => Ok(self.reader.parse_iso(text)?),
            read => Ok(read?),
        }
    }
}

/// A growing column of numbers.
#[derive(Debug)]
pub(crate) struct Fixed<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    nulls: Validity,
}

impl<T: ArrowPrimitiveType> Default for Fixed<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            nulls: Validity::default(),
        }
    }
}

impl<T: ArrowPrimitiveType> Fixed<T> {
    #[inline]
    fn push(&mut self, value: T::Native) {
        self.values.push(value);
        self.nulls.push_value();
    }

    fn push_null(&mut self) {
        self.values.push(T::Native::default());
        self.nulls.push_null();
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows);
    }

    fn extend(&mut self, array: &dyn Array) -> Result<(), Full> {
        match array.as_primitive_opt::<T>() {
            Some(array) => {
                self.values.extend_from_slice(array.values());
                self.nulls.extend(array.nulls(), array.len());
            }
            None => (0..array.len()).for_each(|_| self.push_null()),
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<PrimitiveArray<T>, ArrowError> {
        // The next batch is likely to be as long as this one.
        let next = Vec::with_capacity(self.values.len());
        let values = std::mem::replace(&mut self.values, next);
        PrimitiveArray::try_new(ScalarBuffer::from(values), self.nulls.finish())
    }
}

/// A growing column of truth values.
#[derive(Debug)]
pub(crate) struct Truths {
    values: BooleanBufferBuilder,
    nulls: Validity,
}

impl Default for Truths {
    fn default() -> Self {
        Self {
            values: BooleanBufferBuilder::new(0),
            nulls: Validity::default(),
        }
    }
}

impl Truths {
    fn push(&mut self, value: bool) {
        self.values.append(value);
        self.nulls.push_value();
    }

    fn push_null(&mut self) {
        self.values.append(false);
        self.nulls.push_null();
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows);
    }

    fn extend(&mut self, array: &dyn Array) -> Result<(), Full> {
        match array.as_boolean_opt() {
            Some(array) => {
                self.values.append_buffer(array.values());
                self.nulls.extend(array.nulls(), array.len());
            }
            None => (0..array.len()).for_each(|_| self.push_null()),
        }
        Ok(())
    }

    fn finish(&mut self) -> BooleanArray {
        BooleanArray::new(self.values.finish(), self.nulls.finish())
    }
}
