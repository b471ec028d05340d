//! Delivery reports. They are called from our own polls, so nobody waits for the lock.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;

use crate::client::Reports;
use crate::token::Tokens;

/// What became of the records.
#[derive(Default)]
pub(super) struct Delivered {
    pub(super) partitions: BTreeMap<i32, u64>,
    pub(super) bytes: u64,
    pub(super) failed: u64,
    pub(super) first_failure: Option<String>,
}

pub(super) struct Context {
    pub(super) reports: Reports,
    tokens: Arc<Tokens>,
    delivered: Mutex<Delivered>,
}

impl Context {
    pub(super) fn new(tokens: &Arc<Tokens>) -> Self {
        Self {
            reports: Reports::default(),
            tokens: Arc::clone(tokens),
            delivered: Mutex::default(),
        }
    }

    pub(super) fn delivered(&self) -> MutexGuard<'_, Delivered> {
        self.delivered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut delivered = self.delivered();
        match result {
            Ok(message) => {
                *delivered.partitions.entry(message.partition()).or_default() += 1;
                delivered.bytes += message.payload_len() as u64;
            }
            Err((error, _)) => {
                delivered.failed += 1;
                delivered
                    .first_failure
                    .get_or_insert_with(|| error.to_string());
            }
        }
    }
}
