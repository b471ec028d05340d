//! The growing columns of one batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::buffer::{Buffer, Text};
use crate::cell::{CellKind, Target};
use crate::cells::{append_plain, append_value, cell_text, read_cells};
use crate::csv::Splitter;
use crate::formats::csv::cells_of;
use crate::formats::{self, ReadRecords, json};
use crate::layout::Layout;
use crate::slots::Slots;
use crate::{Header, Reason};

/// The columns of one batch, which grow by records.
///
/// A push either appends one row to all columns or, with a [`Reason`], nothing.
#[derive(Debug)]
pub struct Columns {
    layout: Arc<Layout>,
    job: Vec<Buffer>,
    /// The columns of the names in `slots.others()`. They may be shorter than `rows`; the missing rows are null.
    others: Vec<Text>,
    slots: Slots,
    rows: usize,
    bytes: usize,
    /// Text of the current CSV row.
    row: String,
    /// How the topic's records are taken apart. Made with the first of them: it may have tables of some kilobytes.
    format: Option<Box<dyn ReadRecords>>,
    /// Text of the current unescaped JSON string.
    unescaped: String,
    /// Made with the first row of CSV that does not come from the topic.
    splitter: Option<Splitter>,
}

/// Finds the cells in the text of an object.
type ReadObject = fn(&str, &mut Slots) -> Result<(), Reason>;

/// A batch could not be made from its columns. This is a defect of this crate and not of any record.
#[derive(Debug, Error)]
#[error("the columns of a batch do not fit together, which is a defect of gugus: {0}")]
pub struct FinishError(#[from] ArrowError);

impl Columns {
    /// Columns without rows.
    pub fn new(layout: Arc<Layout>) -> Self {
        Self {
            job: layout
                .columns()
                .iter()
                .map(|column| Buffer::new(&column.kind))
                .collect(),
            others: Vec::new(),
            slots: Slots::new(layout.clone()),
            format: None,
            layout,
            rows: 0,
            bytes: 0,
            row: String::new(),
            unescaped: String::new(),
            splitter: None,
        }
    }

    /// The layout of the records.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Appends one record of the job's topic: a JSON object, or one row of CSV with or without the end of its line, as
    /// `format` in the job file says.
    ///
    /// # Errors
    /// Why the record is rejected; nothing was appended.
    pub fn push_record(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        let format = self.format.take();
        let mut format = format.unwrap_or_else(|| formats::reader(&self.layout));
        let read = format.read(bytes, &self.layout, &mut self.slots);
        let appended = read.and_then(|text| self.append(text));
        self.format = Some(format);
        self.settle(appended)
    }

    /// Appends one JSON object, whatever the job's topic has.
    ///
    /// # Errors
    /// Why the record is rejected; nothing was appended.
    pub fn push_json(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        self.push_object(bytes, json::read)
    }

    fn push_object(&mut self, bytes: &[u8], read: ReadObject) -> Result<(), Reason> {
        let text = json::object_text(bytes)?;
        let read = read(text, &mut self.slots);
        let appended = read.and_then(|()| self.append(text));
        self.settle(appended)
    }

    /// Appends the JSON object that a text begins with, as [`push_json`](Self::push_json) would, and tells its length. So the
    /// objects of an array are found and read in one pass. `None`, and nothing was appended, where that takes
    /// `push_json`: for a text that is no object or no JSON, and for rare spellings.
    pub fn push_first_json(&mut self, text: &str) -> Option<Result<usize, Reason>> {
        let Some(read) = json::read_first(text, &mut self.slots) else {
            self.slots.reject();
            return None;
        };
        let mut end = 0;
        let appended = read.and_then(|at| {
            end = at;
            self.append(text)
        });
        Some(self.settle(appended).map(|()| end))
    }

    /// Appends one JSON object that is parsed already, as if its text had been pushed.
    ///
    /// Parsing has lost some of that text, such as the zeros of `1.50`. Push the text if you have it.
    ///
    /// # Errors
    /// Why the record is rejected; nothing was appended.
    pub fn push_json_value(&mut self, record: &Map<String, Value>) -> Result<(), Reason> {
        // Writing the object out again costs a microsecond, and keeps one set of rules.
        let text = serde_json::to_vec(record).map_err(|e| Reason::NotJson {
            message: e.to_string(),
        })?;
        self.push_json(&text)
    }

    /// Appends the cells of one CSV row, whatever the job's topic has. `header` must be of this layout.
    ///
    /// # Errors
    /// Why the row is rejected; nothing was appended.
    pub fn push_cells<'c>(
        &mut self,
        header: &Header,
        cells: impl IntoIterator<Item = &'c [u8]>,
    ) -> Result<(), Reason> {
        let mut row = std::mem::take(&mut self.row);
        let read = read_cells(header, cells, &mut row, &self.layout, &mut self.slots);
        let appended = read.and_then(|()| self.append(&row));
        self.row = row;
        self.settle(appended)
    }

    /// Appends one row of CSV in the bytes of one record, whatever the job's topic has. `header` must be of this layout.
    ///
    /// # Errors
    /// Why the row is rejected; nothing was appended.
    pub fn push_csv(&mut self, header: &Header, record: &[u8]) -> Result<(), Reason> {
        let splitter = self.splitter.take();
        let mut splitter = splitter.unwrap_or_else(|| Splitter::new(self.layout.csv().into()));
        let pushed =
            cells_of(&mut splitter, record).and_then(|cells| self.push_cells(header, cells));
        self.splitter = Some(splitter);
        pushed
    }

    /// Appends one row that [`row_json`](crate::row_json) wrote: as [`push_json`](Self::push_json), but timestamps may stand
    /// in ISO 8601 whatever the formats of the job are. The instants of Parquet have no format.
    ///
    /// # Errors
    /// Why the row is rejected; nothing was appended.
    pub fn push_row_json(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        self.job.iter_mut().for_each(|b| b.read_also_iso(true));
        let pushed = self.push_json(bytes);
        self.job.iter_mut().for_each(|b| b.read_also_iso(false));
        pushed
    }

    /// Rows appended since the start or the last [`finish`](Self::finish).
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes the rows take: text, and the width of each value.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The batch of all rows: the job's columns, then the others in order of first appearance. Starts anew afterwards,
    /// also when there is an error.
    ///
    /// # Errors
    /// None that any record could cause.
    pub fn finish(&mut self) -> Result<RecordBatch, FinishError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let others = self.slots.others();
        let schema = if others.is_empty() {
            Arc::clone(self.layout.schema())
        } else {
            let others = others
                .iter()
                .map(|name| Field::new(name, DataType::Utf8, true));
            let fields = self.layout.fields().iter().cloned().chain(others);
            Arc::new(Schema::new(fields.collect::<Vec<_>>()))
        };
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        let mut first_error = None;
        for buffer in &mut self.job {
            // Every buffer is emptied, even if another one failed.
            match buffer.finish() {
                Ok(array) => arrays.push(array),
                Err(e) => first_error = first_error.or(Some(e)),
            }
        }
        for mut text in self.others.drain(..) {
            text.pad(rows);
            match text.finish() {
                Ok(array) => arrays.push(Arc::new(array)),
                Err(e) => first_error = first_error.or(Some(e)),
            }
        }
        self.slots.reset();
        if let Some(e) = first_error {
            return Err(e.into());
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(schema, arrays, &options)?)
    }

    /// As [`push_json`](Self::push_json), but without the fast parser.
    #[cfg(test)]
    pub(crate) fn push_json_by_serde(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        self.push_object(bytes, json::read_by_serde)
    }

    /// Appends the record whose cells are in the slots. On an error some columns may have grown.
    fn append(&mut self, text: &str) -> Result<usize, Reason> {
        let mut bytes = self.layout.row_bytes();
        let columns = self.layout.columns().iter().zip(&mut self.job);
        for ((column, buffer), cell) in columns.zip(self.slots.job_cells()) {
            bytes += match append_plain(column, buffer, cell, text, &self.layout) {
                Some(kept) => kept,
                None => {
                    let value = cell_text(cell, text, &mut self.unescaped, &column.name)?;
                    append_value(column, buffer, cell.kind, value, &self.layout)?
                }
            };
        }
        self.others
            .resize_with(self.slots.others().len(), Text::default);
        for (i, (buffer, cell)) in self
            .others
            .iter_mut()
            .zip(self.slots.other_cells())
            .enumerate()
        {
            let name = &self.slots.others()[i];
            let value = match cell.kind {
                CellKind::Null => continue,
                CellKind::Text | CellKind::Nested => &text[cell.start..cell.end],
                CellKind::Escaped => cell_text(cell, text, &mut self.unescaped, name)?,
            };
            if !value.is_empty() && !self.layout.is_null(value) {
                buffer.pad(self.rows);
                buffer.push(value).map_err(|_| Reason::Full {
                    column: name.clone(),
                })?;
                bytes += value.len() + size_of::<i32>();
            }
        }
        Ok(bytes)
    }

    /// Keeps the values that a record appended, or removes all of them.
    fn settle(&mut self, appended: Result<usize, Reason>) -> Result<(), Reason> {
        match appended {
            Ok(bytes) => {
                self.rows += 1;
                self.bytes += bytes;
                self.slots.accept();
                Ok(())
            }
            Err(reason) => {
                self.slots.reject();
                self.job
                    .iter_mut()
                    .for_each(|buffer| buffer.truncate(self.rows));
                self.others.truncate(self.slots.others().len());
                self.others
                    .iter_mut()
                    .for_each(|text| text.truncate(self.rows));
                Err(reason)
            }
        }
    }

    /// Appends arrays of the layout's types, and named ones of text. All have the same length.
    pub(crate) fn extend(
        &mut self,
        rows: usize,
        job: &[ArrayRef],
        others: &[(&str, StringArray)],
    ) -> Result<(), Reason> {
        let extended = self.try_extend(rows, job, others);
        match extended {
            Ok(bytes) => {
                self.rows += rows;
                self.bytes += bytes;
                self.slots.accept();
                Ok(())
            }
            Err(reason) => self.settle(Err(reason)),
        }
    }

    fn try_extend(
        &mut self,
        rows: usize,
        job: &[ArrayRef],
        others: &[(&str, StringArray)],
    ) -> Result<usize, Reason> {
        let text_bytes = |array: &StringArray| {
            let offsets = array.value_offsets();
            offsets
                .last()
                .zip(offsets.first())
                .map_or(0, |(last, first)| (last - first) as usize)
        };
        let mut bytes = rows * self.layout.row_bytes();
        for ((column, buffer), array) in self.layout.columns().iter().zip(&mut self.job).zip(job) {
            buffer.extend(array).map_err(|_| Reason::Full {
                column: column.name.clone(),
            })?;
            bytes += array.as_any().downcast_ref().map_or(0, text_bytes);
        }
        self.slots.begin();
        for (name, array) in others {
            let target = self.slots.resolve(name);
            if let Some(reason) = self.slots.take_refusal() {
                return Err(reason);
            }
            let Target::Slot(slot) = target else { continue };
            self.others
                .resize_with(self.slots.others().len(), Text::default);
            let text = &mut self.others[slot - self.layout.columns().len()];
            text.pad(self.rows);
            text.extend(array).map_err(|_| Reason::Full {
                column: (*name).to_owned(),
            })?;
            bytes += text_bytes(array) + rows * size_of::<i32>();
        }
        Ok(bytes)
    }
}
