//! The state of a partition in the writer, and the last record that was seen of it.

use gugus_batches::{Jump, LastRecord, record_hash};

use crate::open_batch::Record;

/// A partition that is ours.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    /// Where the next range begins: behind the records that are in batches or in the batch that is written now.
    pub(super) first: i64,
    /// Behind the last record that is in hand.
    pub(super) next: i64,
    /// Where the batches end, as far as we know.
    pub(super) written: i64,
    /// Set if the next range does not begin where the batches end.
    pub(super) jump: Option<Jump>,
    pub(super) last: LastSeen,
    /// The last record before `first`, or the first one that came. The topic is known by this record.
    pub(super) witness: Option<LastRecord>,
}

impl Partition {
    pub(super) fn starting(at: i64, jump: Option<Jump>, witness: Option<LastRecord>) -> Self {
        Self {
            first: at,
            next: at,
            written: at,
            jump,
            last: LastSeen::default(),
            witness,
        }
    }

    /// Takes the next record.
    pub(super) fn take(&mut self, record: &Record<'_>) {
        self.next = record.offset + 1;
        self.last.set(record);
        if self.witness.is_none() {
            self.witness = self.last.record();
        }
    }

    /// Whether records or markers of the partition are in hand.
    pub(super) fn is_in_hand(&self) -> bool {
        self.next > self.first
    }
}

/// A copy of the last record in hand. It keeps bytes instead of a hash, because only one record of a batch is hashed.
#[derive(Clone, Debug, Default)]
pub(super) struct LastSeen {
    place: Option<(i64, Option<i64>)>,
    key: Bytes,
    value: Bytes,
}

impl LastSeen {
    pub(super) fn set(&mut self, record: &Record<'_>) {
        self.place = Some((record.offset, record.timestamp));
        self.key.set(record.key);
        self.value.set(record.value);
    }

    /// The form in which a batch keeps the record. `None` if no record came since the last call.
    pub(super) fn take_record(&mut self) -> Option<LastRecord> {
        let record = self.record();
        self.place = None;
        record
    }

    fn record(&self) -> Option<LastRecord> {
        let (offset, timestamp) = self.place?;
        Some(LastRecord {
            offset,
            timestamp,
            sha256: record_hash(self.key.get(), self.value.get()),
        })
    }
}

/// Bytes that may be absent. Their memory is used again.
#[derive(Clone, Debug, Default)]
struct Bytes {
    bytes: Vec<u8>,
    is_there: bool,
}

impl Bytes {
    fn set(&mut self, bytes: Option<&[u8]>) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes.unwrap_or_default());
        self.is_there = bytes.is_some();
    }

    fn get(&self) -> Option<&[u8]> {
        self.is_there.then_some(&self.bytes)
    }
}
