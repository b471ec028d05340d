//! A producer that remembers where the broker put each message, and what became of its transactions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use crate::kit::kafka::client;
use crate::kit::messages::{Message, Place};
use crate::kit::wait::PATIENCE;

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Commit,
    Abort,
}

/// What the producer knows of the transaction a message was in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is there: it was in none, or in one that was committed.
    Sent,
    /// It must not be seen by anybody.
    Aborted,
    /// The broker went away while it was asked to commit: all of the transaction is there, or nothing of it.
    Open(usize),
}

/// A message and what the producer was told of it.
#[derive(Clone, Debug)]
pub(crate) struct Produced {
    pub(crate) message: Message,
    pub(crate) fate: Fate,
    /// By the delivery report; none where a transaction was aborted before the message went out.
    pub(crate) place: Option<Place>,
}

/// Sends messages and remembers what became of them.
pub(crate) struct Sender {
    brokers: String,
    topic: String,
    partitions: i32,
    plain: ThreadedProducer<Reporter>,
    /// Made with the first transaction.
    transactional: Option<ThreadedProducer<Reporter>>,
    reports: Arc<Mutex<Reports>>,
    sent: Vec<(Message, Fate)>,
    transactions: usize,
}

/// By a message's place in [`Sender::sent`]: where it went, or why it did not.
type Reports = BTreeMap<usize, Result<Place, String>>;

impl Sender {
    pub(crate) fn new(brokers: &str, topic: &str, partitions: i32) -> Self {
        let reports = Arc::default();
        Self {
            brokers: brokers.to_owned(),
            topic: topic.to_owned(),
            partitions,
            plain: Reporter(Arc::clone(&reports)).producer(brokers, &[]),
            transactional: None,
            reports,
            sent: Vec::new(),
            transactions: 0,
        }
    }

    /// How many transactions there were.
    pub(crate) fn transactions(&self) -> usize {
        self.transactions
    }

    /// For each partition that a report names, the offset after the last record. For whoever is on another thread.
    pub(crate) fn reached(&self) -> Reached {
        Reached(Arc::clone(&self.reports))
    }

    /// Sends to the partitions in turn, without waiting for the broker.
    pub(crate) fn send(&mut self, messages: impl IntoIterator<Item = Message>) {
        for message in messages {
            let id = self.sent.len();
            queue(&self.plain, &self.topic, self.partition(id), id, &message);
            self.sent.push((message, Fate::Sent));
        }
    }

    /// Sends to the partitions in turn within a transaction, and waits for its end. Says what it ended in.
    pub(crate) fn transaction(
        &mut self,
        messages: impl IntoIterator<Item = Message>,
        end: End,
    ) -> Fate {
        self.transactions += 1;
        let producer = match self.transactional.take() {
            Some(producer) => producer,
            None => self.transactional(),
        };
        producer
            .begin_transaction()
            .expect("a producer without a transaction begins one");
        let first = self.sent.len();
        for message in messages {
            let id = self.sent.len();
            queue(&producer, &self.topic, self.partition(id), id, &message);
            self.sent.push((message, Fate::Aborted));
        }
        if end == End::Abort {
            // Sent out before it is aborted, or the broker would see nothing of it. What is late counts as aborted too.
            let _ = producer.flush(ONCE);
        }
        let (fate, left) = finish(producer, end, self.transactions);
        self.transactional = left;
        for (_, known) in &mut self.sent[first..] {
            *known = fate;
        }
        fate
    }

    /// Waits until the broker has everything that was sent outside of transactions.
    #[track_caller]
    pub(crate) fn flush(&self) {
        self.plain
            .flush(PATIENCE)
            .expect("the broker takes everything in time");
    }

    /// Waits for the last reports, and hands out what became of every message.
    #[track_caller]
    pub(crate) fn finish(self) -> Vec<Produced> {
        self.flush();
        let reports = lock(&self.reports);
        let produced = self.sent.into_iter().enumerate().map(|(id, sent)| {
            let (message, fate) = sent;
            let place = match reports.get(&id) {
                Some(Ok(place)) => Some(*place),
                Some(Err(_)) | None if fate != Fate::Sent => None,
                other => {
                    panic!("the producer itself failed: message {id} ({message:?}): {other:?}")
                }
            };
            Produced {
                message,
                fate,
                place,
            }
        });
        produced.collect()
    }

    fn partition(&self, id: usize) -> i32 {
        i32::try_from(id % self.partitions.unsigned_abs() as usize).unwrap_or(0)
    }

    /// The producer of transactions. A new one of the same id first ends what an earlier one left open.
    fn transactional(&self) -> ThreadedProducer<Reporter> {
        let id = format!("{}-sender", self.topic);
        let producer = Reporter(Arc::clone(&self.reports)).producer(
            &self.brokers,
            &[
                ("transactional.id", id.as_str()),
                // Longer than a broker takes to come back, or librdkafka gives up what a restart delays.
                ("transaction.timeout.ms", "60000"),
                ("message.timeout.ms", "60000"),
            ],
        );
        retry("a producer of transactions", || {
            producer.init_transactions(ONCE)
        })
        .expect("the broker knows transactions");
        producer
    }
}

/// One try of what waits for the broker.
const ONCE: Duration = Duration::from_secs(10);

/// Tries again while librdkafka says that this may help.
fn retry(
    what: &str,
    mut request: impl FnMut() -> Result<(), KafkaError>,
) -> Result<(), KafkaError> {
    let begun = Instant::now();
    loop {
        match request() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() => assert!(
                begun.elapsed() < PATIENCE,
                "{what} took more than {PATIENCE:?}: {error}"
            ),
            other => return other,
        }
    }
}

/// Ends a transaction. The producer comes back unless it is of no use any more.
fn finish(
    producer: ThreadedProducer<Reporter>,
    end: End,
    number: usize,
) -> (Fate, Option<ThreadedProducer<Reporter>>) {
    let wanted = match end {
        End::Abort => Err(Fate::Aborted),
        End::Commit => retry("a commit", || producer.commit_transaction(ONCE))
            // Whether it took effect before it failed we do not know.
            .map_err(|_| Fate::Open(number)),
    };
    let Err(fate) = wanted else {
        return (Fate::Sent, Some(producer));
    };
    match retry("an abort", || producer.abort_transaction(ONCE)) {
        Ok(()) => (fate, Some(producer)),
        // The next one of its id ends it, one way or the other.
        Err(_) => (Fate::Open(number), None),
    }
}

fn queue(
    producer: &ThreadedProducer<Reporter>,
    topic: &str,
    partition: i32,
    id: usize,
    message: &Message,
) {
    let begun = Instant::now();
    loop {
        let mut record =
            BaseRecord::<'_, [u8], [u8], usize>::with_opaque_to(topic, id).partition(partition);
        record.key = message.key.as_deref();
        record.payload = message.value.as_deref();
        match producer.send(record) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                assert!(
                    begun.elapsed() < PATIENCE,
                    "the producer's queue stayed full for {PATIENCE:?}"
                );
                std::thread::sleep(Duration::from_millis(10));
            }
            // A transaction that has failed takes no more, and its end says so; outside of one it is judged at the end.
            Err((error, _)) => {
                lock(&producer.context().0).insert(id, Err(error.to_string()));
                return;
            }
        }
    }
}

/// How far the delivery reports have come.
#[derive(Clone)]
pub(crate) struct Reached(Arc<Mutex<Reports>>);

impl Reached {
    /// By partition: the offset after the last record that the broker has reported.
    pub(crate) fn now(&self) -> BTreeMap<i32, i64> {
        let mut ends = BTreeMap::new();
        for (partition, offset) in lock(&self.0).values().flatten() {
            let end = ends.entry(*partition).or_insert(0);
            *end = (*end).max(offset + 1);
        }
        ends
    }
}

fn lock(reports: &Mutex<Reports>) -> MutexGuard<'_, Reports> {
    reports.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes delivery reports.
struct Reporter(Arc<Mutex<Reports>>);

impl Reporter {
    fn producer(self, brokers: &str, more: &[(&str, &str)]) -> ThreadedProducer<Reporter> {
        let mut config = client(brokers);
        config
            .set("enable.idempotence", "true")
            // A broker that is restarted is away for seconds; nothing may be given up for that.
            .set("message.timeout.ms", "120000");
        for (key, value) in more {
            config.set(*key, *value);
        }
        config.create_with_context(self).expect("a producer")
    }
}

impl ClientContext for Reporter {
    /// A broker that is away on purpose is not worth a line.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Reporter {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, id: usize) {
        let report = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.to_string()),
        };
        lock(&self.0).insert(id, report);
    }
}
