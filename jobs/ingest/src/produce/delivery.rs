//! Delivery reports. Our own polls deliver them, so nobody waits for the lock.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, ProducerContext};

use crate::kafka::context::{Context, Events};

/// A producer that counts its delivered and failed records.
pub(super) type Producer = BaseProducer<Context<Deliveries>>;

/// How many records arrived and how many failed.
#[derive(Default)]
pub(super) struct Delivered {
    pub(super) partitions: BTreeMap<i32, u64>,
    pub(super) bytes: u64,
    pub(super) failed: u64,
    pub(super) first_failure: Option<String>,
}

impl Delivered {
    pub(super) fn failed(&mut self, reason: impl FnOnce() -> String) {
        self.failed += 1;
        self.first_failure.get_or_insert_with(reason);
    }
}

/// The callbacks of a producer.
#[derive(Default)]
pub(super) struct Deliveries(Mutex<Delivered>);

impl Deliveries {
    pub(super) fn so_far(&self) -> MutexGuard<'_, Delivered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events for Deliveries {}

impl ProducerContext for Context<Deliveries> {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut delivered = self.events.so_far();
        match result {
            Ok(message) => {
                *delivered.partitions.entry(message.partition()).or_default() += 1;
                delivered.bytes += message.payload_len() as u64;
            }
            Err((error, _)) => delivered.failed(|| match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::MessageSizeTooLarge) => format!(
                    "{error}; raise max.message.bytes of the topic, or message.max.bytes of the broker"
                ),
                _ => error.to_string(),
            }),
        }
    }
}
