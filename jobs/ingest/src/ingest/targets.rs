//! The end of a run with [`Until::End`](super::Until::End). Invariant: the end has come when every record that was in the
//! topic at the start is in a batch, by any writer.

use std::collections::BTreeMap;

use gugus_batches::{BatchLog, PartitionEnd};

use super::partition::Partition;
use super::where_to_read::Found;

/// The end of each partition at the start. Partitions without records to read are left out.
pub(super) struct Targets(BTreeMap<i32, Target>);

struct Target {
    /// The offset behind the last record at the start.
    high: i64,
    /// For a partition that has to jump: its end in the batches at the start. Until the jump this end means another topic.
    other: Option<PartitionEnd>,
}

impl Targets {
    pub(super) fn of(found: &[Found]) -> Self {
        let left = found.iter().filter(|found| found.start < found.high);
        let target = |found: &Found| Target {
            high: found.high,
            other: found.jump.as_ref().and(found.known.clone()),
        };
        Self(left.map(|found| (found.partition, target(found))).collect())
    }

    /// Whether a partition that is read up to `next` has reached its target.
    pub(super) fn is_read(&self, partition: i32, next: i64) -> bool {
        self.0
            .get(&partition)
            .is_none_or(|target| next >= target.high)
    }

    /// Whether all of these partitions are ours.
    pub(super) fn are_ours(&self, ours: &BTreeMap<i32, Partition>) -> bool {
        self.0.keys().all(|partition| ours.contains_key(partition))
    }

    /// Whether the batches reach the targets of all partitions that are not ours.
    pub(super) fn others_are_reached(
        &self,
        ours: &BTreeMap<i32, Partition>,
        log: &BatchLog,
    ) -> bool {
        let mut others = self.0.iter().filter(|(id, _)| !ours.contains_key(id));
        others.all(|(id, target)| {
            let end = log.partition_end(*id);
            end.is_some_and(|end| end.next >= target.high && Some(end) != target.other.as_ref())
        })
    }
}
