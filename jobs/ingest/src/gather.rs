//! The batch that is being filled, from a topic or from files. Invariant: the rows of the columns and their places
//! (partition, offset, timestamp) are as many as each other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, TimestampMillisecondBuilder,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use gugus_batches::{Draft, ImportedPart, OFFSET, PARTITION, RejectedRecord, TIMESTAMP};
use gugus_records::{Columns, Layout, Reason};
use gugus_spec::BatchLimits;
use gugus_spec::OffsetRange;

use crate::Error;

/// Rejects that are held at most before they are committed, in number and bytes. `rows` counts accepted records only,
/// so a topic full of rubbish would fill the memory without these.
const MOST_REJECTS: usize = 100_000;
const MOST_REJECTED_BYTES: usize = 32 * 1024 * 1024;

/// What the accepted rows of a batch may take at most. A column of text holds 2 GiB, and a record must never be refused
/// because its batch has no room.
const MOST_BYTES: usize = 1024 * 1024 * 1024;

/// Why a record was refused.
pub(crate) struct Refused<'a> {
    /// The kind, for metrics: one of few.
    pub(crate) kind: &'static str,
    /// The reason in words.
    pub(crate) reason: &'a str,
}

/// A record as it came.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// ms, UTC.
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

impl Record<'_> {
    fn size(&self) -> usize {
        self.value.map_or(0, <[u8]>::len) + self.key.map_or(0, <[u8]>::len)
    }
}

pub(crate) struct Gather {
    columns: Columns,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
    timestamps: TimestampMillisecondBuilder,
    rejects: Vec<RejectedRecord>,
    rejected_bytes: usize,
    bytes: u64,
    /// When the first and the last record came.
    opened: Option<Instant>,
    touched: Option<Instant>,
}

impl Gather {
    pub(crate) fn new(layout: Arc<Layout>) -> Self {
        Self {
            columns: Columns::new(layout),
            partitions: Vec::new(),
            offsets: Vec::new(),
            timestamps: TimestampMillisecondBuilder::new(),
            rejects: Vec::new(),
            rejected_bytes: 0,
            bytes: 0,
            opened: None,
            touched: None,
        }
    }

    /// Adds a record: `push` parses it into the columns; what it refuses goes to the rejects. Tells the reason then.
    pub(crate) fn push(
        &mut self,
        record: Record<'_>,
        push: impl FnOnce(&mut Columns) -> Result<(), Reason>,
    ) -> Option<Refused<'_>> {
        match self.accept(record, push) {
            Ok(()) => None,
            Err(reason) => Some(self.reject(record, reason.kind(), reason.to_string())),
        }
    }

    /// Adds a record if it can be parsed. Nothing is kept of one that is refused.
    pub(crate) fn accept(
        &mut self,
        record: Record<'_>,
        push: impl FnOnce(&mut Columns) -> Result<(), Reason>,
    ) -> Result<(), Reason> {
        push(&mut self.columns)?;
        self.partitions.push(record.partition);
        self.offsets.push(record.offset);
        self.timestamps.append_option(record.timestamp);
        self.touch(record.size());
        Ok(())
    }

    /// Keeps a record aside, with the kind of reason for counters and the reason in words.
    pub(crate) fn reject(
        &mut self,
        record: Record<'_>,
        kind: &'static str,
        reason: String,
    ) -> Refused<'_> {
        self.touch(record.size());
        self.rejected_bytes += record.size() + reason.len();
        self.rejects.push(RejectedRecord {
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            reason,
        });
        let reason = self.rejects.last().map_or("", |reject| &reject.reason);
        Refused { kind, reason }
    }

    /// The columns, for whoever adds many rows at once; [`Gather::placed`] tells their places afterwards.
    pub(crate) fn columns(&mut self) -> &mut Columns {
        &mut self.columns
    }

    /// The places of accepted rows of an import that were pushed into [`Gather::columns`].
    pub(crate) fn placed(&mut self, offsets: impl Iterator<Item = i64>) {
        let before = self.offsets.len();
        self.offsets.extend(offsets);
        let added = self.offsets.len() - before;
        self.partitions.resize(self.offsets.len(), 0);
        self.timestamps.append_nulls(added);
        self.touch(0);
    }

    fn touch(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        let now = Instant::now();
        self.opened.get_or_insert(now);
        self.touched = Some(now);
    }

    /// Accepted records.
    pub(crate) fn rows(&self) -> u64 {
        self.offsets.len() as u64
    }

    /// When the first record came that is in hand.
    pub(crate) fn opened(&self) -> Option<Instant> {
        self.opened
    }

    /// Nothing accepted and nothing rejected.
    pub(crate) fn is_empty(&self) -> bool {
        self.offsets.is_empty() && self.rejects.is_empty()
    }

    /// Whether the rows are as large as one batch can be, whatever the job says.
    pub(crate) fn is_too_large(&self) -> bool {
        self.columns.bytes() >= MOST_BYTES
    }

    fn is_full_of_rejects(&self) -> bool {
        self.rejects.len() >= MOST_REJECTS || self.rejected_bytes >= MOST_REJECTED_BYTES
    }

    /// Whether a limit is reached that counts records.
    pub(crate) fn is_full(&self, limits: &BatchLimits) -> bool {
        self.rows() >= limits.rows.get()
            || limits.bytes.is_some_and(|most| self.bytes >= most)
            || self.is_too_large()
            || self.is_full_of_rejects()
    }

    /// When a limit will be reached that counts time, if nothing comes.
    pub(crate) fn deadline(&self, limits: &BatchLimits) -> Option<Instant> {
        // A limit of years may lie beyond the clock's end; that one is never reached.
        let at = |since: Option<Instant>, limit| since?.checked_add(limit?);
        [
            at(self.opened, limits.max_age),
            at(self.touched, limits.idle),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Empties this into a draft.
    pub(crate) fn take(
        &mut self,
        ranges: Vec<OffsetRange>,
        imported: Vec<ImportedPart>,
    ) -> Result<Draft, Error> {
        let bug = |e: &dyn std::error::Error| Error::Bug {
            what: format!("a batch could not be put together: {e}"),
        };
        let rows = self.columns.finish().map_err(|e| bug(&e))?;
        let timestamps = self.timestamps.finish().with_timezone("UTC");
        let partitions = Int32Array::from(std::mem::take(&mut self.partitions));
        let offsets = Int64Array::from(std::mem::take(&mut self.offsets));
        let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        let schema = rows.schema();
        let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(PARTITION, DataType::Int32, false)));
        fields.push(Arc::new(Field::new(OFFSET, DataType::Int64, false)));
        fields.push(Arc::new(Field::new(TIMESTAMP, time, true)));
        let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
        columns.push(Arc::new(partitions));
        columns.push(Arc::new(offsets));
        columns.push(Arc::new(timestamps));
        let rows =
            RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| bug(&e))?;
        self.rejected_bytes = 0;
        self.bytes = 0;
        self.opened = None;
        self.touched = None;
        Ok(Draft {
            rejects: std::mem::take(&mut self.rejects),
            imported,
            ..Draft::new(rows, ranges)
        })
    }
}

/// Takes out of a draft what is of these partitions.
pub(crate) fn without(draft: &mut Draft, partitions: &BTreeSet<i32>) -> Result<(), Error> {
    let column = draft
        .rows
        .column_by_name(PARTITION)
        .and_then(|c| c.as_any().downcast_ref::<Int32Array>());
    let Some(column) = column else {
        return Err(Error::Bug {
            what: format!("a draft has no column {PARTITION}"),
        });
    };
    let kept: BooleanArray = column
        .values()
        .iter()
        .map(|p| Some(!partitions.contains(p)))
        .collect();
    draft.rows = filter_record_batch(&draft.rows, &kept).map_err(|e| Error::Bug {
        what: format!("a draft could not be filtered: {e}"),
    })?;
    draft
        .ranges
        .retain(|range| !partitions.contains(&range.partition));
    draft
        .rejects
        .retain(|reject| !partitions.contains(&reject.partition));
    draft
        .lasts
        .retain(|(partition, _)| !partitions.contains(partition));
    draft
        .jumps
        .retain(|jump| !partitions.contains(&jump.partition));
    Ok(())
}
