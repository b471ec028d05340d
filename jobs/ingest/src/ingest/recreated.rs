//! Whether the topic is the one that the batches were taken from. Invariant: if the topic now has another record in place of
//! a record that was taken, no batch takes its records silently, as long as that record can be compared: the topic still holds
//! it, and the broker answers within [`PATIENCE`]. Batches within [`FRESH`] share one comparison.
//!
//! Offsets alone cannot tell. A topic that was deleted, created again and filled past our end looks like a topic that
//! went on. So the batches keep timestamp and hash of the last record of each partition. That record is fetched and compared
//! before a partition is read on, and again before a batch is committed.
//!
//! librdkafka learns the new topic by itself and reads on in it without a word. The protocol has an identity of a topic, but
//! rdkafka does not give it to us. So before a commit we look at the record again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gugus_batches::{LastRecord, PartitionEnd};

use super::broker::Broker;
use super::connection::Link;
use super::second_consumer::{SecondConsumer, Shown, Trouble, Watermarks};
use crate::Error;

/// How long a comparison counts. A topic cannot be deleted, created again and filled past our end within that time, and be
/// known to our consumer again. Many small batches per second share one comparison.
const FRESH: Duration = Duration::from_millis(100);

/// How long a commit waits for the comparison, unless the connection is lost before. If the broker does not answer, the records
/// in hand came before it fell silent.
const PATIENCE: Duration = Duration::from_secs(3);

/// The pause before a topic that changed is looked up again.
const PAUSE: Duration = Duration::from_millis(100);

/// What the partitions hold, and those whose last record in the batches is another record in the topic.
pub(super) fn recreated(
    broker: &Broker<'_>,
    partitions: &[i32],
    ends: &BTreeMap<i32, PartitionEnd>,
) -> Result<(BTreeMap<i32, Watermarks>, BTreeSet<i32>), Error> {
    let begun = Instant::now();
    loop {
        let mut marks = BTreeMap::new();
        for partition in partitions {
            marks.insert(*partition, broker.watermarks(*partition)?);
        }
        let wanted = held(ends, &marks);
        let Some(first) = wanted.keys().next().copied() else {
            return Ok((marks, BTreeSet::new()));
        };
        let asking = broker.link.ask();
        let compared = broker.second.compare(&wanted, || broker.gives_up(begun));
        drop(asking);
        let partition = match compared {
            Ok(shown) => {
                let others = shown.into_iter();
                let others = others.filter(|(_, shown)| *shown == Shown::Another);
                return Ok((marks, others.map(|(partition, _)| partition).collect()));
            }
            Err(Trouble::Refused(error)) => return Err(broker.second.refused(error)),
            Err(Trouble::Silent(partition)) => partition,
            // The topic has changed since its watermarks were asked for.
            Err(Trouble::NoSuchOffset | Trouble::NoSuchTopic) if !broker.gives_up(begun) => {
                std::thread::sleep(PAUSE);
                continue;
            }
            Err(Trouble::NoSuchOffset | Trouble::NoSuchTopic) => first,
        };
        return Err(Error::LastRecord {
            topic: broker.at.topic.to_owned(),
            partition,
            seconds: begun.elapsed().as_secs(),
        });
    }
}

/// The last records in the batches whose offsets the partitions hold.
fn held<'e>(
    ends: &'e BTreeMap<i32, PartitionEnd>,
    marks: &BTreeMap<i32, Watermarks>,
) -> BTreeMap<i32, &'e LastRecord> {
    let held = ends.iter().filter_map(|(partition, end)| {
        let ((low, high), last) = (*marks.get(partition)?, end.last.as_ref()?);
        (low..high)
            .contains(&last.offset)
            .then_some((*partition, last))
    });
    held.collect()
}

/// A record of a partition that was taken from the topic, to know the topic by.
pub(super) type Witness = (i32, LastRecord);

/// Whether a topic is the one that a witness came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Verdict {
    #[default]
    Same,
    Recreated,
}

/// Looks before commits whether the topic is still the same.
pub(super) struct TopicCheck {
    second: Arc<SecondConsumer>,
    link: Arc<Link>,
    /// Until then no comparison is needed.
    good_until: Mutex<Instant>,
}

impl TopicCheck {
    pub(super) fn new(second: Arc<SecondConsumer>, link: Arc<Link>) -> Self {
        Self {
            second,
            link,
            good_until: Mutex::new(Instant::now()),
        }
    }

    /// Compares a witness with the record that the topic now holds in its place. All records in question were read before
    /// this call. One answer is enough, because a topic is created again as a whole.
    pub(super) fn verdict(&self, witnesses: &[Witness]) -> Result<Verdict, Error> {
        let good_until = self.good_until.lock();
        let mut good_until = good_until.unwrap_or_else(PoisonError::into_inner);
        let begun = Instant::now();
        if begun < *good_until {
            return Ok(Verdict::Same);
        }
        // The main loop often waits for this commit.
        let _asking = self.link.ask();
        for (partition, record) in witnesses {
            match self.look(*partition, record, begun) {
                Ok(Shown::Another) => return Ok(Verdict::Recreated),
                Ok(Shown::Same) => {
                    *good_until = begun + FRESH;
                    return Ok(Verdict::Same);
                }
                Ok(Shown::Nothing) => {}
                // The topic is gone, so the records were read before that.
                Err(Trouble::NoSuchOffset | Trouble::NoSuchTopic) => return Ok(Verdict::Same),
                Err(Trouble::Refused(error)) => return Err(self.second.refused(error)),
                Err(Trouble::Silent(partition)) => {
                    tracing::debug!(
                        partition,
                        "kafka did not show the last record before a commit"
                    );
                    // What was fetched before the silence does not wait for it again with each batch.
                    *good_until = Instant::now() + PATIENCE + FRESH;
                    return Ok(Verdict::Same);
                }
            }
        }
        Ok(Verdict::Same)
    }

    fn look(&self, partition: i32, record: &LastRecord, begun: Instant) -> Result<Shown, Trouble> {
        let gives_up = || begun.elapsed() > PATIENCE || self.link.is_lost();
        let wanted = BTreeMap::from([(partition, record)]);
        loop {
            match self.second.compare(&wanted, gives_up) {
                Ok(shown) => return Ok(shown.get(&partition).copied().unwrap_or(Shown::Nothing)),
                Err(Trouble::NoSuchOffset) if !gives_up() => {}
                Err(trouble) => return Err(trouble),
            }
            match self.second.watermarks(partition, PATIENCE) {
                Some((_, high)) if record.offset >= high => return Ok(Shown::Another),
                Some((low, _)) if record.offset < low => return Ok(Shown::Nothing),
                _ => {}
            }
        }
    }
}
