//! A growing column of text that can shrink again.

use arrow::array::{Array, AsArray, StringArray};
use arrow::buffer::{Buffer as Bytes, OffsetBuffer, ScalarBuffer};
use arrow::error::ArrowError;

use super::validity::Validity;

/// The most bytes of text in a column: Arrow counts them in 31 bits.
const MOST_TEXT: usize = i32::MAX as usize;

/// A column of text is full.
#[derive(Debug)]
pub(crate) struct Full;

/// A growing column of text.
#[derive(Debug)]
pub(crate) struct Text {
    data: Vec<u8>,
    /// Where each text begins, and the end of the last.
    offsets: Vec<i32>,
    nulls: Validity,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            data: Vec::new(),
            offsets: vec![0],
            nulls: Validity::default(),
        }
    }
}

impl Text {
    pub(crate) fn len(&self) -> usize {
        self.nulls.rows()
    }

    #[inline]
    pub(crate) fn push(&mut self, text: &str) -> Result<(), Full> {
        let end = self.data.len() + text.len();
        if end > MOST_TEXT {
            return Err(Full);
        }
        self.data.extend_from_slice(text.as_bytes());
        self.offsets.push(end as i32);
        self.nulls.push_value();
        Ok(())
    }

    #[inline]
    pub(crate) fn push_null(&mut self) {
        self.offsets.push(self.data.len() as i32);
        self.nulls.push_null();
    }

    /// Appends nulls until there are `rows`.
    pub(crate) fn pad(&mut self, rows: usize) {
        let missing = rows.saturating_sub(self.len());
        if missing > 0 {
            self.offsets
                .resize(self.offsets.len() + missing, self.data.len() as i32);
            (0..missing).for_each(|_| self.nulls.push_null());
        }
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        if rows < self.len() {
            self.offsets.truncate(rows + 1);
            self.data
                .truncate(self.offsets.last().map_or(0, |end| *end as usize));
            self.nulls.truncate(rows);
        }
    }

    /// Appends an array of text, and nulls for an array of another type.
    pub(crate) fn extend(&mut self, array: &dyn Array) -> Result<(), Full> {
        let Some(array) = array.as_string_opt::<i32>() else {
            self.pad(self.len() + array.len());
            return Ok(());
        };
        let offsets = array.value_offsets();
        let (first, last) = match (offsets.first(), offsets.last()) {
            (Some(first), Some(last)) => (*first, *last),
            _ => return Ok(()),
        };
        let start = self.data.len();
        let data = &array.value_data()[first as usize..last as usize];
        if start + data.len() > MOST_TEXT {
            return Err(Full);
        }
        self.data.extend_from_slice(data);
        self.offsets.extend(
            offsets
                .iter()
                .skip(1)
                .map(|end| start as i32 + (end - first)),
        );
        self.nulls.extend(array.nulls(), array.len());
        Ok(())
    }

    pub(crate) fn finish(&mut self) -> Result<StringArray, ArrowError> {
        let data = std::mem::take(&mut self.data);
        self.data.reserve(data.len());
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = std::mem::replace(&mut self.offsets, next);
        StringArray::try_new(
            OffsetBuffer::new(ScalarBuffer::from(offsets)),
            Bytes::from_vec(data),
            self.nulls.finish(),
        )
    }
}
