//! Committing what is in hand. Invariant: a draft's ranges begin where the batches end, and records that are behind that
//! because somebody else committed them are dropped, not committed twice.
//!
//! One batch is written while the next is gathered: encoding and the disk cost as much as parsing, and have a core of
//! their own then. There is never more than one on its way, so commits stay in order and memory holds two batches.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use gugus_batches::{Appended, BatchLog, Draft, Footer, LogError};
use gugus_spec::OffsetRange;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::task::JoinHandle;

use super::context::offsets_not_committed;
use super::session::Session;
use crate::Error;
use crate::gather::without;

/// The batch log: in our hands, or with the batch that is being written.
pub(super) enum Log {
    Here(Box<BatchLog>),
    Writing(Flight),
    /// The task that had it is gone, which only a panic in it or the end of the runtime can do.
    Gone,
}

/// A batch on its way.
pub(super) struct Flight {
    work: JoinHandle<Written>,
    /// When its first record came.
    pub(super) opened: Instant,
}

/// What became of it.
struct Written {
    log: Box<BatchLog>,
    draft: Draft,
    begun: Instant,
    result: Result<Appended, LogError>,
}

impl Session<'_> {
    /// Sends what is in hand on its way to be the next batch, after the one before has arrived; nothing in hand is no
    /// batch.
    pub(super) fn commit(&mut self) -> Result<(), Error> {
        if self.gather.is_empty() {
            return Ok(());
        }
        self.settle()?;
        // Settling may have dropped all that was in hand.
        if self.gather.is_empty() {
            return Ok(());
        }
        let opened = self.gather.opened().unwrap_or_else(Instant::now);
        let draft = self.draft()?;
        // The head may have been read anew since these records came, for an assignment of other partitions.
        if !self.moved(&draft)?.is_empty() {
            return self.lost(draft);
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
        Ok(())
    }

    /// Sends what is in hand on its way, and waits until it is in the log.
    pub(super) fn commit_all(&mut self) -> Result<(), Error> {
        self.commit()?;
        self.settle()
    }

    /// Whether a batch is on its way that has arrived.
    pub(super) fn has_landed(&self) -> bool {
        matches!(&self.log, Log::Writing(flight) if flight.work.is_finished())
    }

    /// Waits until no batch is on its way.
    ///
    /// When another writer was faster this tries again behind it. Records of partitions whose end it moved are dropped and
    /// read again from the new end, those in hand as well, for they follow on what was dropped.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        let Log::Writing(flight) = &mut self.log else {
            return Ok(());
        };
        let waited = Instant::now();
        let landed = self.runtime.block_on(&mut flight.work);
        self.times.wait += waited.elapsed();
        self.log = Log::Gone;
        let Written {
            log,
            draft,
            begun,
            result,
        } = landed.map_err(|_| gone())?;
        self.log = Log::Here(log);
        match result.map_err(Error::log)? {
            Appended::Committed(footer) => {
                self.committed(&footer, begun);
                Ok(())
            }
            Appended::Lost { head } => {
                tracing::debug!(
                    batch = head.number.get(),
                    "another process took the number, trying the next"
                );
                self.lost(draft)
            }
        }
    }

    /// Tries again with what the winners have left of our draft, then with what is in hand, if that has to be looked at.
    fn lost(&mut self, draft: Draft) -> Result<(), Error> {
        let mut drafts = VecDeque::from([draft]);
        while let Some(mut draft) = drafts.pop_front() {
            loop {
                let moved = self.moved(&draft)?;
                if !moved.is_empty() {
                    // What is in hand of these partitions follows on what is dropped here.
                    if !self.gather.is_empty() {
                        drafts.push_back(self.draft()?);
                    }
                    without(&mut draft, &moved)?;
                    self.go_back_once(moved)?;
                }
                if draft.ranges.is_empty() || self.append_now(&draft)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Commits a draft while we wait; false when another writer was faster.
    fn append_now(&mut self, draft: &Draft) -> Result<bool, Error> {
        let begun = Instant::now();
        let Log::Here(log) = &mut self.log else {
            return Err(gone());
        };
        let appended = self.runtime.block_on(log.append(draft));
        match appended.map_err(Error::log)? {
            Appended::Committed(footer) => {
                self.committed(&footer, begun);
                Ok(true)
            }
            Appended::Lost { .. } => Ok(false),
        }
    }

    /// Reads partitions on from where others have moved their ends. Nothing of them is in hand.
    fn go_back_once(&mut self, mut moved: BTreeSet<i32>) -> Result<(), Error> {
        let Log::Here(log) = &self.log else {
            return Err(gone());
        };
        // A draft that follows on one that was dropped finds its partitions set back already.
        moved.retain(|p| self.parts.get(p).map(|part| part.next) != log.end_of(*p));
        if moved.is_empty() {
            return Ok(());
        }
        tracing::warn!(
            partitions = ?moved,
            "another process has committed records of these partitions; what is in hand of them is dropped, and read \
             again from the batches' end"
        );
        self.go_back(&moved)
    }

    /// Empties what is in hand into a draft; the next one begins where this one ends.
    fn draft(&mut self) -> Result<Draft, Error> {
        self.pass_markers();
        let (mut ranges, mut lasts, mut jumps) = (Vec::new(), Vec::new(), Vec::new());
        for (partition, part) in &mut self.parts {
            if part.next == part.first {
                continue;
            }
            ranges.push(OffsetRange {
                partition: *partition,
                first: part.first,
                next: part.next,
            });
            lasts.extend(part.last.take_record().map(|last| (*partition, last)));
            jumps.extend(part.jump.take());
            part.first = part.next;
        }
        let mut draft = self.gather.take(ranges, Vec::new())?;
        draft.lasts = lasts;
        draft.jumps = jumps;
        Ok(draft)
    }

    /// The batch log, when no batch is on its way any more.
    pub(super) fn log(&mut self) -> Result<&mut BatchLog, Error> {
        self.settle()?;
        match &mut self.log {
            Log::Here(log) => Ok(log),
            _ => Err(gone()),
        }
    }

    /// Partitions of the draft in which the batches no longer end where the draft goes on.
    fn moved(&self, draft: &Draft) -> Result<BTreeSet<i32>, Error> {
        let Log::Here(log) = &self.log else {
            return Err(gone());
        };
        let moved = |range: &&OffsetRange| {
            let jump = draft.jumps.iter().find(|j| j.partition == range.partition);
            let expected = jump.map_or(range.first, |jump| jump.from);
            log.end_of(range.partition)
                .is_some_and(|end| end != expected)
        };
        let moved = draft.ranges.iter().filter(moved);
        Ok(moved.map(|range| range.partition).collect())
    }

    /// Moves our positions past transaction markers, which take an offset and are no record.
    ///
    /// Everything that librdkafka's position is behind has gone through our hands since, for it moves as records are
    /// polled, and markers between them are passed by it alone.
    fn pass_markers(&mut self) {
        let position = match self.consumer.position() {
            Ok(position) => position,
            // Then the markers belong to the next batch.
            Err(error) => return tracing::debug!(%error, "asking for the position"),
        };
        for element in position.elements() {
            if let (Some(part), Offset::Offset(offset)) =
                (self.parts.get_mut(&element.partition()), element.offset())
                && part.delivered
            {
                part.next = part.next.max(offset);
            }
        }
    }

    fn committed(&mut self, footer: &Footer, begun: Instant) {
        let took = begun.elapsed();
        self.times.commit += took;
        self.batches += 1;
        self.records += footer.rows;
        self.rejected += footer.rejected_rows();
        if let Some(metrics) = &self.config.metrics {
            metrics.committed(took);
        }
        for range in &footer.ranges {
            self.taken.entry(range.partition).or_insert(*range).next = range.next;
            if let Some(part) = self.parts.get_mut(&range.partition) {
                part.written = range.next;
            }
        }
        for jump in &footer.jumps {
            tracing::warn!(
                partition = jump.partition,
                from = jump.from,
                to = jump.to,
                batch = footer.number.get(),
                "the batches go on elsewhere than they ended, as --on-reset asked; it is written down in the batch"
            );
        }
        self.untold = true;
    }

    /// Tells the group's offsets to Kafka, without waiting for the answer.
    pub(super) fn tell_offsets(&mut self) {
        if !std::mem::take(&mut self.untold) {
            return;
        }
        let mut list = TopicPartitionList::new();
        for (partition, part) in self
            .parts
            .iter()
            .filter(|(p, _)| self.taken.contains_key(p))
        {
            let topic = &self.config.job.source.topic;
            if let Err(error) =
                list.add_partition_offset(topic, *partition, Offset::Offset(part.written))
            {
                return offsets_not_committed(&error);
            }
        }
        if list.count() > 0
            && let Err(error) = self.consumer.commit(&list, CommitMode::Async)
        {
            offsets_not_committed(&error);
        }
    }
}

fn gone() -> Error {
    Error::Bug {
        what: "the task that writes batches is gone".to_owned(),
    }
}
