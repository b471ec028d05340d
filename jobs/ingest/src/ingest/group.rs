//! The callbacks of a member of a group. Invariant: a callback decides nothing. It hands changes to the main loop, which
//! answers them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaResult;
use rdkafka::types::RDKafkaRespErr;

use super::connection::News;
use super::statistics::Statistics;
use crate::kafka::context::{Context, Events};

/// A consumer in a group.
pub(super) type Member = BaseConsumer<Context<GroupEvents>>;

/// A change that the group asks for. The group waits for our answer.
pub(super) enum Change {
    Assigned(Vec<i32>),
    Revoked(Vec<i32>),
}

/// The news from the group and from the statistics.
#[derive(Default)]
pub(super) struct GroupEvents {
    changes: Mutex<VecDeque<Change>>,
    /// By the newest statistics.
    news: Mutex<News>,
    /// Set when the main loop has ended, so that nobody takes changes any more.
    closing: AtomicBool,
}

impl GroupEvents {
    /// The next change to answer.
    pub(super) fn change(&self) -> Option<Change> {
        lock(&self.changes).pop_front()
    }

    /// Whether a change waits.
    pub(super) fn has_change(&self) -> bool {
        !lock(&self.changes).is_empty()
    }

    /// The newest statistics.
    pub(super) fn news(&self) -> News {
        lock(&self.news).clone()
    }

    /// From now on callbacks give everything back at once, so that the consumer can close.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }
}

impl Events for GroupEvents {
    fn statistics(&self, statistics: &[u8]) {
        match serde_json::from_slice::<Statistics>(statistics) {
            Ok(statistics) => *lock(&self.news) = statistics.news(),
            Err(error) => tracing::debug!(%error, "reading librdkafka's statistics"),
        }
    }
}

impl ConsumerContext for Context<GroupEvents> {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        code: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let elements = list.elements();
        let partitions = elements.iter().map(|element| element.partition()).collect();
        let change = if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            Change::Assigned(partitions)
        } else {
            Change::Revoked(partitions)
        };
        if self.events.closing.load(Ordering::SeqCst) {
            let topic = elements.first().map_or("", |element| element.topic());
            return give_up(consumer, topic, &change);
        }
        lock(&self.events.changes).push_back(change);
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            offsets_not_committed(&error);
        }
    }
}

/// Answers a change without reading anything. The consumer gives assigned partitions back when it closes, and gives revoked
/// partitions back now.
pub(super) fn give_up(consumer: &Member, topic: &str, change: &Change) {
    let list = |partitions: &[i32]| {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(topic, *partition);
        }
        list
    };
    let answered = match (consumer.rebalance_protocol(), change) {
        (RebalanceProtocol::Cooperative, Change::Assigned(partitions)) => {
            consumer.incremental_assign(&list(partitions))
        }
        (RebalanceProtocol::Cooperative, Change::Revoked(partitions)) => {
            consumer.incremental_unassign(&list(partitions))
        }
        _ => consumer.unassign(),
    };
    if let Err(error) = answered {
        tracing::debug!(%error, "giving partitions back");
    }
}

/// Logs the error. The group's offsets are for lag tools only, because the batches know where they end.
pub(super) fn offsets_not_committed(error: &dyn std::error::Error) {
    tracing::warn!(%error, "the group's offsets were not committed to kafka; lag tools show too much for a while, no record is lost");
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
