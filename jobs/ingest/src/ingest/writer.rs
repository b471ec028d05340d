//! The side that writes: the batch log, the batch on its way, and the records that are gathered for the next one.
//! Invariant: a draft's ranges begin where the batches end. Records that somebody else committed meanwhile are dropped,
//! not committed twice.
//!
//! One batch is written while the next is gathered: encoding and the disk cost as much as parsing, and have a core of
//! their own then. There is never more than one on its way, so commits stay in order and memory holds two batches.
//!
//! The writer knows no consumer. It answers what became of the records, and whoever reads them follows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int32Type;
use gugus_batches::{Appended, BatchLog, Footer, Jump, LogError, PARTITION, TopicDraft};
use gugus_records::{Columns, Reason};
use gugus_spec::{Job, OffsetRange};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::partition::Partition;
use crate::Error;
use crate::open_batch::{OpenBatch, Record};

pub(super) struct Writer {
    runtime: Handle,
    log: Log,
    /// What is in hand.
    pub(super) open: OpenBatch,
    /// The partitions whose records are taken.
    partitions: BTreeMap<i32, Partition>,
    /// How long reading had to wait for batches on their way.
    pub(super) waited: Duration,
}

/// What became of records.
#[derive(Debug)]
pub(super) enum Answer {
    /// They are in the log, as this batch. It took so long since it was handed over.
    Committed { footer: Box<Footer>, took: Duration },
    /// Another process has committed records of these partitions. What was in hand of them is dropped: read on from
    /// these offsets, the batches' ends.
    Moved(BTreeMap<i32, i64>),
}

/// The batch log: in our hands, or with the batch that is being written.
enum Log {
    Here(Box<BatchLog>),
    Writing(Flight),
    /// The task that had it is gone, which only a panic in it or the end of the runtime can do.
    Gone,
}

/// A batch on its way.
struct Flight {
    work: JoinHandle<Written>,
    /// When its first record came.
    opened: Instant,
}

/// What became of it.
struct Written {
    log: Box<BatchLog>,
    draft: TopicDraft,
    begun: Instant,
    result: Result<Appended, LogError>,
}

impl Writer {
    /// Writes batches of a job into its log, on the threads of `runtime`. Must be called from another thread than those.
    pub(super) fn new(log: BatchLog, job: &Job, runtime: &Handle) -> Self {
        Self {
            runtime: runtime.clone(),
            log: Log::Here(Box::new(log)),
            open: OpenBatch::new(job),
            partitions: BTreeMap::new(),
            waited: Duration::ZERO,
        }
    }

    /// From now on records of this partition are taken, from this offset on.
    pub(super) fn begin(&mut self, partition: i32, at: i64, jump: Option<Jump>) {
        self.partitions
            .insert(partition, Partition::starting(at, jump));
    }

    /// From now on records of these partitions are ignored.
    pub(super) fn end(&mut self, partitions: &BTreeSet<i32>) {
        self.partitions.retain(|p, _| !partitions.contains(p));
    }

    /// The partitions whose records are taken.
    pub(super) fn partitions(&self) -> &BTreeMap<i32, Partition> {
        &self.partitions
    }

    /// Where each partition is to be read on.
    pub(super) fn positions(&self) -> BTreeMap<i32, i64> {
        let position = |(id, partition): (&i32, &Partition)| (*id, partition.next);
        self.partitions.iter().map(position).collect()
    }

    /// Adds a record, which `parse` appends to the columns; a record that `parse` refuses is kept aside, and the kind of
    /// reason is the answer. `None` for a record that is not taken: of another partition, or one that was taken before.
    pub(super) fn push(
        &mut self,
        record: Record<'_>,
        parse: impl FnOnce(&mut Columns) -> Result<(), Reason>,
    ) -> Option<Result<(), &'static str>> {
        let partition = self.partitions.get_mut(&record.partition)?;
        if record.offset < partition.next {
            return None;
        }
        partition.next = record.offset + 1;
        partition.last.set(&record);
        Some(self.open.push(record, parse))
    }

    /// Passes offsets of a partition that are no records.
    pub(super) fn pass(&mut self, partition: i32, next: i64) {
        if let Some(partition) = self.partitions.get_mut(&partition) {
            partition.next = partition.next.max(next);
        }
    }

    /// Sends what is in hand on its way to be the next batch, after the one before has arrived; nothing in hand is no
    /// batch. Answers what became of the one before.
    pub(super) fn commit(&mut self) -> Result<Vec<Answer>, Error> {
        if self.open.is_empty() {
            return Ok(Vec::new());
        }
        let mut answers = self.settle()?;
        // Settling may have dropped all that was in hand.
        if self.open.is_empty() {
            return Ok(answers);
        }
        let opened = self.open.opened().unwrap_or_else(Instant::now);
        let draft = self.draft()?;
        // The head may have been read anew since these records came, for an assignment of other partitions.
        if !self.moved(&draft)?.is_empty() {
            self.lost(draft, &mut answers)?;
            return Ok(answers);
        }
        let Log::Here(mut log) = std::mem::replace(&mut self.log, Log::Gone) else {
            return Err(gone());
        };
        let work = self.runtime.spawn(async move {
            let begun = Instant::now();
            let result = log.append(&draft).await;
            Written {
                log,
                draft,
                begun,
                result,
            }
        });
        self.log = Log::Writing(Flight { work, opened });
        Ok(answers)
    }

    /// Whether a batch is on its way.
    pub(super) fn is_writing(&self) -> bool {
        matches!(self.log, Log::Writing(_))
    }

    /// Whether a batch is on its way that has arrived.
    pub(super) fn has_landed(&self) -> bool {
        matches!(&self.log, Log::Writing(flight) if flight.work.is_finished())
    }

    /// When the oldest record came that is in memory.
    pub(super) fn oldest(&self) -> Option<Instant> {
        match &self.log {
            Log::Writing(flight) => Some(flight.opened),
            _ => self.open.opened(),
        }
    }

    /// Waits until no batch is on its way.
    ///
    /// When another writer was faster this tries again behind it. Records of partitions whose end it moved are dropped,
    /// those in hand as well, for they follow on what was dropped.
    pub(super) fn settle(&mut self) -> Result<Vec<Answer>, Error> {
        let mut answers = Vec::new();
        let Log::Writing(flight) = &mut self.log else {
            return Ok(answers);
        };
        let waited = Instant::now();
        let landed = self.runtime.block_on(&mut flight.work);
        self.waited += waited.elapsed();
        self.log = Log::Gone;
        let written = landed.map_err(|_| gone())?;
        self.log = Log::Here(written.log);
        match written.result.map_err(Error::log)? {
            Appended::Committed(footer) => answers.push(self.committed(footer, written.begun)),
            Appended::Lost { head } => {
                tracing::debug!(
                    batch = head.number.get(),
                    "another process took the number, trying the next"
                );
                self.lost(written.draft, &mut answers)?;
            }
        }
        Ok(answers)
    }

    /// The batch log, which must not be with a batch on its way: settle first.
    pub(super) fn log(&self) -> Result<&BatchLog, Error> {
        match &self.log {
            Log::Here(log) => Ok(log),
            _ => Err(gone()),
        }
    }

    /// Reads the newest footer. No batch may be on its way: settle first.
    pub(super) fn refresh(&mut self) -> Result<(), Error> {
        let Log::Here(log) = &mut self.log else {
            return Err(gone());
        };
        let refreshed = self.runtime.block_on(log.refresh());
        refreshed.map(drop).map_err(Error::log)
    }

    /// Tries again with what the winners have left of our draft, then with what is in hand, if that has to be looked at.
    fn lost(&mut self, draft: TopicDraft, answers: &mut Vec<Answer>) -> Result<(), Error> {
        let mut drafts = VecDeque::from([draft]);
        while let Some(mut draft) = drafts.pop_front() {
            loop {
                let moved = self.moved(&draft)?;
                if !moved.is_empty() {
                    // What is in hand of these partitions follows on what is dropped here.
                    if !self.open.is_empty() {
                        drafts.push_back(self.draft()?);
                    }
                    without(&mut draft, &moved)?;
                    answers.extend(self.set_back(&moved));
                }
                if draft.ranges.is_empty() {
                    break;
                }
                let begun = Instant::now();
                let Log::Here(log) = &mut self.log else {
                    return Err(gone());
                };
                let appended = self.runtime.block_on(log.append(&draft));
                if let Appended::Committed(footer) = appended.map_err(Error::log)? {
                    answers.push(self.committed(footer, begun));
                    break;
                }
            }
        }
        Ok(())
    }

    /// Sets partitions back to the batches' end. Nothing of them is in hand.
    fn set_back(&mut self, moved: &BTreeMap<i32, i64>) -> Option<Answer> {
        let mut set_back = BTreeMap::new();
        for (id, end) in moved {
            // A draft that follows on one that was dropped finds its partitions set back already.
            if let Some(partition) = self.partitions.get_mut(id)
                && partition.next != *end
            {
                *partition = Partition::starting(*end, None);
                set_back.insert(*id, *end);
            }
        }
        if set_back.is_empty() {
            return None;
        }
        tracing::warn!(
            partitions = ?set_back.keys(),
            "another process has committed records of these partitions; what is in hand of them is dropped, and read \
             again from the batches' end"
        );
        Some(Answer::Moved(set_back))
    }

    /// Empties what is in hand into a draft; the next one begins where this one ends.
    fn draft(&mut self) -> Result<TopicDraft, Error> {
        let (rows, rejects) = self.open.take()?;
        let mut draft = TopicDraft::new(rows, Vec::new());
        draft.rejects = rejects;
        for (id, partition) in &mut self.partitions {
            if !partition.is_in_hand() {
                continue;
            }
            draft.ranges.push(OffsetRange {
                partition: *id,
                first: partition.first,
                next: partition.next,
            });
            let last = partition.last.take_record();
            draft.lasts.extend(last.map(|last| (*id, last)));
            draft.jumps.extend(partition.jump.take());
            partition.first = partition.next;
        }
        Ok(draft)
    }

    /// The partitions of the draft in which the batches no longer end where the draft continues, and where they end.
    fn moved(&self, draft: &TopicDraft) -> Result<BTreeMap<i32, i64>, Error> {
        let log = self.log()?;
        let moved = draft.ranges.iter().filter_map(|range| {
            let jump = draft.jumps.iter().find(|j| j.partition == range.partition);
            let expected = jump.map_or(range.first, |jump| jump.from);
            let end = log.end_of(range.partition)?;
            (end != expected).then_some((range.partition, end))
        });
        Ok(moved.collect())
    }

    fn committed(&mut self, footer: Footer, begun: Instant) -> Answer {
        for range in &footer.ranges {
            if let Some(partition) = self.partitions.get_mut(&range.partition) {
                partition.written = range.next;
            }
        }
        for jump in &footer.jumps {
            tracing::warn!(
                partition = jump.partition,
                from = jump.from,
                to = jump.to,
                batch = footer.number.get(),
                "the batches do not continue where they ended, as --on-reset asked; the batch records this"
            );
        }
        Answer::Committed {
            footer: Box::new(footer),
            took: begun.elapsed(),
        }
    }
}

/// Takes out of a draft what is of these partitions.
fn without(draft: &mut TopicDraft, partitions: &BTreeMap<i32, i64>) -> Result<(), Error> {
    let bug = |what: &dyn std::fmt::Display| Error::Bug(format!("a draft cannot be cut: {what}"));
    let column = draft.rows.column_by_name(PARTITION);
    let ids = column
        .and_then(|column| column.as_primitive_opt::<Int32Type>())
        .ok_or_else(|| bug(&"it has no partitions"))?;
    let stays = |partition: &i32| !partitions.contains_key(partition);
    let kept: BooleanArray = ids.values().iter().map(|p| Some(stays(p))).collect();
    draft.rows = filter_record_batch(&draft.rows, &kept).map_err(|e| bug(&e))?;
    draft.ranges.retain(|range| stays(&range.partition));
    draft.rejects.retain(|reject| stays(&reject.partition));
    draft.lasts.retain(|(partition, _)| stays(partition));
    draft.jumps.retain(|jump| stays(&jump.partition));
    Ok(())
}

fn gone() -> Error {
    Error::Bug("the task that writes batches is gone".to_owned())
}

#[cfg(test)]
mod tests;
