//! What librdkafka calls. Invariant: nothing is decided in a callback; lists are handed to the main loop, which
//! assigns and unassigns.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::TopicPartitionList;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;

use crate::client::Reports;
use crate::token::Tokens;

/// A change that the group asks for; it waits until we have answered.
pub(super) enum Change {
    Assigned(Vec<i32>),
    Revoked(Vec<i32>),
}

pub(super) struct Context {
    pub(super) reports: Reports,
    tokens: Arc<Tokens>,
    changes: Mutex<VecDeque<Change>>,
    /// Where each partition ends, by the newest statistics.
    highs: Mutex<BTreeMap<i32, i64>>,
    /// Set when the main loop has ended and nobody asks for changes any more.
    closing: AtomicBool,
}

/// Of librdkafka's statistics what we read.
#[derive(serde::Deserialize)]
struct Statistics {
    #[serde(default)]
    topics: BTreeMap<String, TopicStatistics>,
}

#[derive(serde::Deserialize)]
struct TopicStatistics {
    #[serde(default)]
    partitions: BTreeMap<i32, PartitionStatistics>,
}

#[derive(serde::Deserialize)]
struct PartitionStatistics {
    /// Behind the last record that a consumer may see: transactions that are open end it.
    ls_offset: i64,
}

impl Context {
    pub(super) fn new(tokens: &Arc<Tokens>) -> Self {
        Self {
            reports: Reports::default(),
            tokens: Arc::clone(tokens),
            changes: Mutex::default(),
            highs: Mutex::default(),
            closing: AtomicBool::new(false),
        }
    }

    /// The next change to be answered.
    pub(super) fn change(&self) -> Option<Change> {
        self.changes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    /// Whether a change waits.
    pub(super) fn has_change(&self) -> bool {
        !self
            .changes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    /// Where each partition ends that is read, as far as it is known.
    pub(super) fn highs(&self) -> BTreeMap<i32, i64> {
        self.highs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Answers a change without reading anything: what is given is given back when the consumer closes, and what is taken
    /// is let go.
    pub(super) fn give_up(consumer: &BaseConsumer<Self>, topic: &str, change: &Change) {
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

    /// From now on callbacks give everything back at once, so that the consumer can close.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.tokens
            .generate(config)
            .map_err(|error| -> Box<dyn Error> { error })
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.reports.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.reports.error(&error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        let statistics: Statistics = match serde_json::from_slice(statistics) {
            Ok(statistics) => statistics,
            Err(error) => return tracing::debug!(%error, "reading librdkafka's statistics"),
        };
        // One consumer has one topic. A partition that was not asked for yet ends at -1001.
        let partitions = statistics.topics.values().flat_map(|t| &t.partitions);
        let known = partitions.filter(|(id, p)| **id >= 0 && p.ls_offset >= 0);
        *self.highs.lock().unwrap_or_else(PoisonError::into_inner) =
            known.map(|(id, p)| (*id, p.ls_offset)).collect();
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        code: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let partitions = list
            .elements()
            .iter()
            .map(|element| element.partition())
            .collect();
        let change = if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            Change::Assigned(partitions)
        } else {
            Change::Revoked(partitions)
        };
        if self.closing.load(Ordering::SeqCst) {
            let topic = list
                .elements()
                .first()
                .map(|element| element.topic().to_owned());
            return Self::give_up(consumer, &topic.unwrap_or_default(), &change);
        }
        self.changes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(change);
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            offsets_not_committed(&error);
        }
    }
}

/// The group's offsets are for lag tools only; the batches know where they are.
pub(super) fn offsets_not_committed(error: &KafkaError) {
    tracing::warn!(%error, "the group's offsets were not committed to kafka; lag tools show too much for a while, no record is lost");
}
