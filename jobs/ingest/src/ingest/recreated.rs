//! Whether the topic is the one that the batches were taken from. Invariant: if the topic now has another record in place of
//! a record that was taken, no batch takes its records silently.
//!
//! Offsets alone cannot tell. A topic that was deleted, created again and filled past our end looks like a topic that
//! went on. So the batches keep timestamp and hash of the last record of each partition. That record is fetched and compared
//! before a partition is read on, and again before a batch is committed. If compaction or retention removed the record,
//! there is nothing to compare.
//!
//! librdkafka learns the new topic by itself and reads on in it without a word. The protocol has an identity of a topic, but
//! rdkafka does not give it to us. So before a commit we look at the record again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gugus_batches::{LastRecord, PartitionEnd};

use super::broker::Broker;
use super::connection::Link;
use super::looker::{Looker, Shown, Trouble, Watermarks};
use crate::Error;

/// How long a comparison counts. A topic cannot be deleted, created again and filled past our end within that time, and be
/// known to our consumer again. Many small batches per second share one comparison.
const FRESH: Duration = Duration::from_millis(100);

/// How long a commit waits for the comparison, unless the connection is lost before. If the broker does not answer, the records
/// in hand came before it fell silent.
const PATIENCE: Duration = Duration::from_secs(3);

/// The pause before a topic that changed is looked up again.
const PAUSE: Duration = Duration::from_millis(100);

/// The partitions whose last record in the batches is another record in the topic. `None` if the topic does not hold one of
/// these records any more: look up what it holds again.
pub(super) fn recreated(
    broker: &Broker<'_>,
    ends: &BTreeMap<i32, PartitionEnd>,
    marks: &BTreeMap<i32, Watermarks>,
) -> Result<Option<BTreeSet<i32>>, Error> {
    let mut wanted: BTreeMap<i32, &LastRecord> = BTreeMap::new();
    for (partition, end) in ends {
        if let (Some((low, high)), Some(last)) = (marks.get(partition), &end.last)
            && (*low..*high).contains(&last.offset)
        {
            wanted.insert(*partition, last);
        }
    }
    if wanted.is_empty() {
        return Ok(Some(BTreeSet::new()));
    }
    let _asking = broker.link.ask();
    let begun = Instant::now();
    match broker.looker.compare(&wanted, || broker.gives_up(begun)) {
        Ok(shown) => {
            let others = shown
                .into_iter()
                .filter(|(_, shown)| *shown == Shown::Another);
            Ok(Some(others.map(|(partition, _)| partition).collect()))
        }
        Err(Trouble::Refused(error)) => Err(broker.refused("to show the last record", error)),
        Err(Trouble::NoSuchOffset | Trouble::NoSuchTopic) if !broker.gives_up(begun) => {
            std::thread::sleep(PAUSE);
            Ok(None)
        }
        Err(Trouble::Silent(partition)) => Err(silent(broker, partition, begun)),
        Err(_) => Err(silent(
            broker,
            wanted.keys().next().copied().unwrap_or(0),
            begun,
        )),
    }
}

fn silent(broker: &Broker<'_>, partition: i32, begun: Instant) -> Error {
    Error::LastRecord {
        topic: broker.at.topic.to_owned(),
        partition,
        seconds: begun.elapsed().as_secs(),
    }
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
pub(super) struct Watch {
    looker: Arc<Looker>,
    link: Arc<Link>,
    /// When the last comparison began that counts.
    compared: Mutex<Option<Instant>>,
}

impl Watch {
    pub(super) fn new(looker: Arc<Looker>, link: Arc<Link>) -> Self {
        Self {
            looker,
            link,
            compared: Mutex::default(),
        }
    }

    /// Compares a witness with the record that the topic now holds in its place. All records in question were read before
    /// this call. One answer is enough, because a topic is created again as a whole.
    pub(super) fn verdict(&self, witnesses: &[Witness]) -> Result<Verdict, Error> {
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = Instant::now();
        if compared.is_some_and(|at| begun < at + FRESH) {
            return Ok(Verdict::Same);
        }
        // The main loop often waits for this commit.
        let _asking = self.link.ask();
        for (partition, record) in witnesses {
            match self.look(*partition, record, begun) {
                Ok(Shown::Another) => return Ok(Verdict::Recreated),
                Ok(Shown::Same) => {
                    *compared = Some(begun);
                    return Ok(Verdict::Same);
                }
                Ok(Shown::Nothing) => {}
                // The topic is gone, so the records were read before that.
                Err(Trouble::NoSuchOffset | Trouble::NoSuchTopic) => return Ok(Verdict::Same),
                Err(Trouble::Refused(error)) => return Err(self.looker.refused(error)),
                Err(Trouble::Silent(partition)) => {
                    tracing::debug!(
                        partition,
                        "kafka did not show the last record before a commit"
                    );
                    // What was fetched before the silence does not wait for it again with each batch.
                    *compared = Some(Instant::now() + PATIENCE);
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
            match self.looker.compare(&wanted, gives_up) {
                Ok(shown) => return Ok(shown.get(&partition).copied().unwrap_or(Shown::Nothing)),
                Err(Trouble::NoSuchOffset) if !gives_up() => {}
                Err(trouble) => return Err(trouble),
            }
            match self.looker.watermarks(partition, PATIENCE) {
                Some((_, high)) if record.offset >= high => return Ok(Shown::Another),
                Some((low, _)) if record.offset < low => return Ok(Shown::Nothing),
                _ => {}
            }
        }
    }
}
