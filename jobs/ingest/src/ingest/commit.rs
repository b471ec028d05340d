//! Committing what is in hand. Invariant: a draft's ranges begin where the batches end, and records that are behind that
//! because somebody else committed them are dropped, not committed twice.

use std::collections::BTreeSet;

use gugus_store::{Appended, Draft, Footer, OffsetRange};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::context::offsets_not_committed;
use super::session::Session;
use crate::Error;
use crate::gather::without;

impl Session<'_> {
    /// Commits what is in hand as the next batch; nothing in hand is no batch.
    ///
    /// When another writer was faster this tries again behind it. Records of partitions whose end it moved are dropped and
    /// read again from the new end.
    pub(super) fn commit(&mut self) -> Result<(), Error> {
        if self.gather.is_empty() {
            return Ok(());
        }
        self.pass_markers();
        let ranges = self.parts.iter().filter(|(_, part)| part.next > part.first);
        let ranges = ranges
            .map(|(p, part)| OffsetRange {
                partition: *p,
                first: part.first,
                next: part.next,
            })
            .collect();
        let mut draft = self.gather.take(ranges, Vec::new())?;
        loop {
            let moved = self.moved(&draft);
            if !moved.is_empty() {
                tracing::warn!(
                    partitions = ?moved,
                    "another process has committed records of these partitions; what is in hand of them is dropped, and \
                     read again from the batches' end"
                );
                without(&mut draft, &moved)?;
                self.go_back(&moved)?;
            }
            if draft.ranges.is_empty() {
                return Ok(());
            }
            match self
                .runtime
                .block_on(self.log.append(&draft))
                .map_err(Error::log)?
            {
                Appended::Committed(footer) => {
                    self.committed(&footer);
                    return Ok(());
                }
                Appended::Lost { head } => {
                    tracing::debug!(
                        batch = head.number.get(),
                        "another process took the number, trying the next"
                    );
                }
            }
        }
    }

    /// Partitions of the draft in which the batches no longer end where the draft begins.
    fn moved(&self, draft: &Draft) -> BTreeSet<i32> {
        let moved = |range: &&OffsetRange| {
            self.log
                .end_of(range.partition)
                .is_some_and(|end| end != range.first)
        };
        draft
            .ranges
            .iter()
            .filter(moved)
            .map(|range| range.partition)
            .collect()
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

    fn committed(&mut self, footer: &Footer) {
        self.batches += 1;
        self.records += footer.rows;
        self.rejected += footer.rejected_rows();
        for range in &footer.ranges {
            self.taken.entry(range.partition).or_insert(*range).next = range.next;
            if let Some(part) = self.parts.get_mut(&range.partition) {
                part.first = range.next;
            }
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
                list.add_partition_offset(topic, *partition, Offset::Offset(part.first))
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
