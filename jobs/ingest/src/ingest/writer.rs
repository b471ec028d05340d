//! The writing side: the batch log, the batch that is written now, and the records in hand for the next batch. Invariant: the
//! ranges of a draft begin where the batches end. Records that another process committed meanwhile are dropped, so that
//! they are not committed twice.
//!
//! One batch is written while the next one fills, because encoding and the disk cost as much as parsing. So they can use
//! another core. Only one batch is written at a time, so commits stay in order and memory holds two batches.
//!
//! The writer knows no consumer. It answers what became of records, and the session tells the reader. Before each commit it
//! asks whether the topic is still the same, by a function that it is given.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int32Type;
use gugus_batches::{Appended, BatchLog, Footer, Jump, LastRecord, PARTITION, TopicDraft};
use gugus_records::{Columns, Reason};
use gugus_spec::{Job, OffsetRange};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::partition::Partition;
use super::recreated::{Verdict, Witness};
use crate::Error;
use crate::open_batch::{OpenBatch, Record};

/// Tells before a commit whether the topic is still the same.
pub(super) type CheckTopic = Arc<dyn Fn(&[Witness]) -> Result<Verdict, Error> + Send + Sync>;

pub(super) struct Writer {
    runtime: Handle,
    log: Log,
    /// The records in hand.
    pub(super) open: OpenBatch,
    /// The partitions whose records we take.
    partitions: BTreeMap<i32, Partition>,
    /// The partition of the newest record.
    newest: i32,
    check_topic: CheckTopic,
    /// How long reading waited for batches that were being written.
    pub(super) waited: Duration,
}

/// The fate of records.
#[derive(Debug)]
pub(super) enum Answer {
    /// They are in the log, as this batch. `took` is the time since the batch was handed over.
    Committed { footer: Box<Footer>, took: Duration },
    /// Another process has committed records of these partitions, so their records in hand were dropped. Read on from these
    /// offsets, where the batches end.
    Moved(BTreeMap<i32, i64>),
    /// The topic was created again, so all records in hand were dropped. Look up anew where to read every partition from.
    Recreated,
}

/// The batch log: with us, or with the batch that is being written.
enum Log {
    Here(Box<BatchLog>),
    Writing(Flight),
    /// The task that had it is gone. Only a panic in the task or the end of the runtime can cause that.
    Gone,
}

/// A batch that is being written.
struct Flight {
    work: JoinHandle<Written>,
    /// When its first record came.
    opened: Instant,
}

/// A batch that was written, or not.
struct Written {
    log: Box<BatchLog>,
    draft: TopicDraft,
    begun: Instant,
    /// `None` if the topic was created again.
    result: Result<Option<Appended>, Error>,
}

impl Writer {
    /// A writer into the log of a job, on the threads of `runtime`. Its methods must be called from another thread.
    pub(super) fn new(log: BatchLog, job: &Job, runtime: &Handle, check_topic: CheckTopic) -> Self {
        Self {
            runtime: runtime.clone(),
            log: Log::Here(Box::new(log)),
            open: OpenBatch::new(job),
            partitions: BTreeMap::new(),
            newest: 0,
            check_topic,
            waited: Duration::ZERO,
        }
    }

    /// From now on takes the records of this partition, beginning at this offset. The topic is known by the witness, if there
    /// is one, else by the first record.
    pub(super) fn begin(
        &mut self,
        partition: i32,
        at: i64,
        jump: Option<Jump>,
        witness: Option<LastRecord>,
    ) {
        self.partitions
            .insert(partition, Partition::starting(at, jump, witness));
    }

    /// From now on ignores the records of these partitions.
    pub(super) fn end(&mut self, partitions: &BTreeSet<i32>) {
        self.partitions.retain(|p, _| !partitions.contains(p));
    }

    /// The partitions whose records we take.
    pub(super) fn partitions(&self) -> &BTreeMap<i32, Partition> {
        &self.partitions
    }

    /// Where to read on in each partition.
    pub(super) fn positions(&self) -> BTreeMap<i32, i64> {
        let position = |(id, partition): (&i32, &Partition)| (*id, partition.next);
        self.partitions.iter().map(position).collect()
    }

    /// Adds a record, which `parse` appends to the columns. A record that `parse` refuses is kept as a reject, and the kind of
    /// reason is returned. `None` for a record of another partition, and for a record that was taken before.
    pub(super) fn push(
        &mut self,
        record: Record<'_>,
        parse: impl FnOnce(&mut Columns) -> Result<(), Reason>,
    ) -> Option<Result<(), &'static str>> {
        let partition = self.partitions.get_mut(&record.partition)?;
        if record.offset < partition.next {
            return None;
        }
        partition.take(&record);
        self.newest = record.partition;
        Some(self.open.push(record, parse))
    }

    /// Passes offsets of a partition that are not records.
    pub(super) fn pass(&mut self, partition: i32, next: i64) {
        if let Some(partition) = self.partitions.get_mut(&partition) {
            partition.next = partition.next.max(next);
        }
    }

    /// Waits for the batch before, then begins to write the records in hand. Without records in hand there is no batch.
    /// Returns the fate of the batch before.
    pub(super) fn commit(&mut self) -> Result<Vec<Answer>, Error> {
        if self.open.is_empty() {
            return Ok(Vec::new());
        }
        let mut answers = self.settle()?;
        // Settling may have dropped all records in hand.
        if self.open.is_empty() {
            return Ok(answers);
        }
        let opened = self.open.opened().unwrap_or_else(Instant::now);
        let witnesses = self.witnesses();
        let draft = self.draft()?;
        // An assignment of other partitions may have read the head anew since these records came.
        if !self.moved(&draft)?.is_empty() {
            if let Verdict::Recreated = (self.check_topic)(&witnesses)? {
                answers.push(self.recreated()?);
                return Ok(answers);
            }
            self.lost(draft, &mut answers)?;
            return Ok(answers);
        }
        let Log::Here(mut log) = std::mem::replace(&mut self.log, Log::Gone) else {
            return Err(gone());
        };
        let check_topic = Arc::clone(&self.check_topic);
        let work = self.runtime.spawn(async move {
            let begun = Instant::now();
            let verdict = tokio::task::spawn_blocking(move || check_topic(&witnesses)).await;
            let result = match verdict.unwrap_or_else(|_| Err(gone())) {
                Ok(Verdict::Same) => log.append(&draft).await.map(Some).map_err(Error::log),
                Ok(Verdict::Recreated) => Ok(None),
                Err(error) => Err(error),
            };
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

    /// Whether a batch is being written.
    pub(super) fn is_writing(&self) -> bool {
        matches!(self.log, Log::Writing(_))
    }

    /// Whether the batch that was being written is done.
    pub(super) fn has_landed(&self) -> bool {
        matches!(&self.log, Log::Writing(flight) if flight.work.is_finished())
    }

    /// When the oldest record in memory came.
    pub(super) fn oldest(&self) -> Option<Instant> {
        match &self.log {
            Log::Writing(flight) => Some(flight.opened),
            _ => self.open.opened(),
        }
    }

    /// Waits until no batch is being written.
    ///
    /// If another writer was faster, this tries again behind its batch. If that batch moved the end of a partition, all our
    /// records of the partition are dropped, also those in hand, because they follow on dropped ones.
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
        match written.result? {
            None => answers.push(self.recreated()?),
            Some(Appended::Committed(footer)) => {
                answers.push(self.committed(footer, written.begun));
            }
            Some(Appended::Lost { head }) => {
                tracing::debug!(
                    batch = head.number.get(),
                    "another process took the number, trying the next"
                );
                self.lost(written.draft, &mut answers)?;
            }
        }
        Ok(answers)
    }

    /// The batch log. No batch may be in writing: settle first.
    pub(super) fn log(&self) -> Result<&BatchLog, Error> {
        match &self.log {
            Log::Here(log) => Ok(log),
            _ => Err(gone()),
        }
    }

    /// Reads the newest footer. No batch may be in writing: settle first.
    pub(super) fn refresh(&mut self) -> Result<(), Error> {
        let Log::Here(log) = &mut self.log else {
            return Err(gone());
        };
        let refreshed = self.runtime.block_on(log.refresh());
        refreshed.map(drop).map_err(Error::log)
    }

    /// Tries again with the part of our draft that the winners have left, then with the records in hand if they follow on
    /// dropped ones.
    fn lost(&mut self, draft: TopicDraft, answers: &mut Vec<Answer>) -> Result<(), Error> {
        let mut drafts = VecDeque::from([draft]);
        while let Some(mut draft) = drafts.pop_front() {
            loop {
                let moved = self.moved(&draft)?;
                if !moved.is_empty() {
                    // Records in hand of these partitions follow on the ones that are dropped here.
                    if !self.open.is_empty() {
                        match (self.check_topic)(&self.witnesses())? {
                            Verdict::Same => drafts.push_back(self.draft()?),
                            Verdict::Recreated => answers.push(self.recreated()?),
                        }
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

    /// Drops the records in hand, because they follow on records of another topic.
    fn recreated(&mut self) -> Result<Answer, Error> {
        self.open.take()?;
        tracing::warn!(
            "the topic was created again while it was read; what is in hand of it is dropped"
        );
        Ok(Answer::Recreated)
    }

    /// Sets partitions back to the end of the batches. None of their records may be in hand.
    fn set_back(&mut self, moved: &BTreeMap<i32, i64>) -> Option<Answer> {
        let mut set_back = BTreeMap::new();
        for (id, end) in moved {
            let known = self.log().ok().and_then(|log| log.partition_end(*id));
            let witness = known.and_then(|end| end.last.clone());
            // After a dropped draft the next draft finds its partitions set back already.
            if let Some(partition) = self.partitions.get_mut(id)
                && partition.next != *end
            {
                *partition = Partition::starting(*end, None, witness);
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

    /// Moves the records in hand into a draft. The next draft begins where this one ends.
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
            if let Some(last) = partition.last.take_record() {
                partition.witness = Some(last.clone());
                draft.lasts.push((*id, last));
            }
            draft.jumps.extend(partition.jump.take());
            partition.first = partition.next;
        }
        Ok(draft)
    }

    /// Records by which the topic is known that the records in hand come from. The partition of the newest record comes first,
    /// because its broker answered last.
    fn witnesses(&self) -> Vec<Witness> {
        let in_hand = self.partitions.iter().filter(|(_, p)| p.is_in_hand());
        let witness = |(id, p): (&i32, &Partition)| Some((*id, p.witness.clone()?));
        let mut witnesses: Vec<Witness> = in_hand.filter_map(witness).collect();
        witnesses.sort_by_key(|(id, _)| *id != self.newest);
        witnesses
    }

    /// The partitions in which the batches no longer end where the draft continues, with the ends of the batches.
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

/// Removes the records of these partitions from a draft.
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
