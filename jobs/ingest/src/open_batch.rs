//! The batch that is filled now, from a topic, from files or from rejected records. Invariant: the columns have as many rows
//! as there are places (partition, offset, timestamp).

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    Array, ArrayRef, BinaryBuilder, Int32Array, Int64Array, RecordBatch, StringBuilder,
    TimestampMillisecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use gugus_batches::{OFFSET, PARTITION, RejectedRecord, TIMESTAMP};
use gugus_records::{Columns, ImportError, Layout, Reason};
use gugus_spec::{BatchLimits, Job, Kept};

use crate::Error;
use crate::reject_limit::RejectLimit;

/// The most rejects in memory, in number and bytes. `rows` counts accepted records only, so without these limits a topic
/// full of rubbish would fill the memory.
const MOST_REJECTS: usize = 100_000;
const MOST_REJECTED_BYTES: usize = 32 * 1024 * 1024;

/// The most bytes of accepted rows in a batch. A column of text holds 2 GiB, and no record may be rejected because its batch
/// has no room.
const MOST_BYTES: usize = 1024 * 1024 * 1024;

/// A record as it came.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// ms, UTC.
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    /// As JSON, if the job keeps them.
    pub(crate) headers: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// A record of a file.
    pub(crate) fn imported(offset: i64, value: &'a [u8]) -> Self {
        Self {
            partition: 0,
            offset,
            timestamp: None,
            key: None,
            value: Some(value),
            headers: None,
        }
    }

    /// The value, if there is one and it has at most so many bytes.
    pub(crate) fn value_within(&self, most: Option<u64>) -> Result<&'a [u8], Reason> {
        let value = self.value.ok_or(Reason::NoValue)?;
        let bytes = value.len() as u64;
        match most {
            Some(most) if bytes > most => Err(Reason::TooLarge { bytes, most }),
            _ => Ok(value),
        }
    }

    fn size(&self) -> usize {
        let headers = self.headers.map_or(0, str::len);
        self.value.map_or(0, <[u8]>::len) + self.key.map_or(0, <[u8]>::len) + headers
    }
}

pub(crate) struct OpenBatch {
    limits: BatchLimits,
    reject_limit: RejectLimit,
    columns: Columns,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
    timestamps: TimestampMillisecondBuilder,
    keys: Option<BinaryBuilder>,
    headers: Option<StringBuilder>,
    rejects: Vec<RejectedRecord>,
    rejected_bytes: usize,
    bytes: u64,
    /// When the first record came, and when the last.
    opened: Option<Instant>,
    touched: Option<Instant>,
}

impl OpenBatch {
    /// An empty batch of a job.
    pub(crate) fn new(job: &Job) -> Self {
        let keeps = |kept: Kept| job.source.keep.contains(&kept);
        Self {
            limits: job.batches.clone(),
            reject_limit: RejectLimit::new(job.batches.max_reject_ratio),
            columns: Columns::new(Layout::new(&job.source)),
            partitions: Vec::new(),
            offsets: Vec::new(),
            timestamps: TimestampMillisecondBuilder::new(),
            keys: keeps(Kept::Key).then(BinaryBuilder::new),
            headers: keeps(Kept::Headers).then(StringBuilder::new),
            rejects: Vec::new(),
            rejected_bytes: 0,
            bytes: 0,
            opened: None,
            touched: None,
        }
    }

    /// Adds a record. `parse` appends it to the columns. A record that `parse` refuses is kept as a reject, and the kind of
    /// reason is returned.
    pub(crate) fn push(
        &mut self,
        record: Record<'_>,
        parse: impl FnOnce(&mut Columns) -> Result<(), Reason>,
    ) -> Result<(), &'static str> {
        self.accept(record, parse)
            .map_err(|reason| self.reject(record, &reason))
    }

    /// Adds a record if it can be parsed. Keeps nothing of a record that is refused.
    pub(crate) fn accept(
        &mut self,
        record: Record<'_>,
        parse: impl FnOnce(&mut Columns) -> Result<(), Reason>,
    ) -> Result<(), Reason> {
        parse(&mut self.columns)?;
        self.partitions.push(record.partition);
        self.offsets.push(record.offset);
        self.timestamps.append_option(record.timestamp);
        if let Some(keys) = &mut self.keys {
            keys.append_option(record.key);
        }
        if let Some(headers) = &mut self.headers {
            headers.append_option(record.headers);
        }
        self.reject_limit.accepted(1);
        self.touch(record.size());
        Ok(())
    }

    /// Adds rows of a file, whole columns at a time. Their offsets run on from `first`. `value` makes the bytes of a rejected
    /// row, for the reject file.
    pub(crate) fn push_rows(
        &mut self,
        rows: &RecordBatch,
        first: i64,
        value: impl Fn(&RecordBatch, usize) -> Vec<u8>,
    ) -> Result<(), ImportError> {
        let rejects = self.columns.push_rows(rows)?;
        let accepted = rows.num_rows() - rejects.len();
        // Rejects come in the order of the rows.
        let mut refused = rejects.iter().map(|reject| reject.row).peekable();
        let kept = (0..rows.num_rows()).filter(|row| refused.next_if_eq(row).is_none());
        self.offsets.extend(kept.map(|row| first + row as i64));
        self.partitions.resize(self.offsets.len(), 0);
        self.timestamps.append_nulls(accepted);
        // Files have neither keys nor headers.
        if let Some(keys) = &mut self.keys {
            keys.append_nulls(accepted);
        }
        if let Some(headers) = &mut self.headers {
            headers.append_nulls(accepted);
        }
        self.reject_limit.accepted(accepted as u64);
        self.touch(0);
        for reject in rejects {
            let value = value(rows, reject.row);
            let record = Record::imported(first + reject.row as i64, &value);
            self.reject(record, &reject.reason);
        }
        Ok(())
    }

    fn reject(&mut self, record: Record<'_>, reason: &Reason) -> &'static str {
        let text = reason.to_string();
        self.touch(record.size());
        self.reject_limit.rejected(&text);
        self.rejected_bytes += record.size() + text.len();
        self.rejects.push(RejectedRecord {
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.map(str::to_owned),
            reason: text,
        });
        reason.kind()
    }

    fn touch(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        let now = Instant::now();
        self.opened.get_or_insert(now);
        self.touched = Some(now);
    }

    /// How many records were accepted.
    pub(crate) fn rows(&self) -> u64 {
        self.offsets.len() as u64
    }

    /// How many more records the job's `rows` allows.
    pub(crate) fn rows_left(&self) -> u64 {
        self.limits.rows.get().saturating_sub(self.rows())
    }

    /// When the first record came.
    pub(crate) fn opened(&self) -> Option<Instant> {
        self.opened
    }

    /// Whether nothing was accepted and nothing rejected.
    pub(crate) fn is_empty(&self) -> bool {
        self.offsets.is_empty() && self.rejects.is_empty()
    }

    /// Whether the rows are as large as one batch can be, whatever the job says.
    pub(crate) fn is_too_large(&self) -> bool {
        self.columns.bytes() >= MOST_BYTES
    }

    /// Whether a limit is reached that counts records.
    pub(crate) fn is_full(&self) -> bool {
        self.rows_left() == 0
            || self.limits.bytes.is_some_and(|most| self.bytes >= most)
            || self.is_too_large()
            || self.rejects.len() >= MOST_REJECTS
            || self.rejected_bytes >= MOST_REJECTED_BYTES
    }

    /// When the first limit of time is reached, if no record comes.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        // A limit of many years may lie beyond the end of the clock. The batch never reaches it.
        let at = |since: Option<Instant>, limit| since?.checked_add(limit?);
        let limits = [
            at(self.opened, self.limits.max_age),
            at(self.touched, self.limits.idle),
        ];
        limits.into_iter().flatten().min()
    }

    /// Whether too many of the last records were rejected.
    pub(crate) fn has_too_many_rejects(&self) -> bool {
        self.reject_limit.is_exceeded()
    }

    /// The error to stop with when too many of the last records were rejected. It is given once.
    pub(crate) fn too_many_rejects(&mut self) -> Option<Error> {
        self.reject_limit.exceeded()
    }

    /// Takes everything out: the rows with their places, and the rejects.
    pub(crate) fn take(&mut self) -> Result<(RecordBatch, Vec<RejectedRecord>), Error> {
        let bug = |e: &dyn std::error::Error| {
            Error::Bug(format!("a batch could not be put together: {e}"))
        };
        let rows = self.columns.finish().map_err(|e| bug(&e))?;
        let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        let mut fields: Vec<_> = rows.schema().fields().iter().cloned().collect();
        let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
        let mut keep = |kept: Kept, column: ArrayRef| {
            let data_type = column.data_type().clone();
            fields.push(Arc::new(Field::new(kept.column(), data_type, true)));
            columns.push(column);
        };
        if let Some(keys) = &mut self.keys {
            keep(Kept::Key, Arc::new(keys.finish()));
        }
        if let Some(headers) = &mut self.headers {
            keep(Kept::Headers, Arc::new(headers.finish()));
        }
        fields.push(Arc::new(Field::new(PARTITION, DataType::Int32, false)));
        fields.push(Arc::new(Field::new(OFFSET, DataType::Int64, false)));
        fields.push(Arc::new(Field::new(TIMESTAMP, time, true)));
        let partitions = std::mem::take(&mut self.partitions);
        columns.push(Arc::new(Int32Array::from(partitions)));
        columns.push(Arc::new(Int64Array::from(std::mem::take(
            &mut self.offsets,
        ))));
        columns.push(Arc::new(self.timestamps.finish().with_timezone("UTC")));
        let rows =
            RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| bug(&e))?;
        self.rejected_bytes = 0;
        self.bytes = 0;
        self.opened = None;
        self.touched = None;
        Ok((rows, std::mem::take(&mut self.rejects)))
    }
}
