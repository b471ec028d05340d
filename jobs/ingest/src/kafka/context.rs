//! The callbacks of librdkafka that consumers and producers share.

use std::error::Error;
use std::sync::Arc;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::reports::Reports;
use super::token::Tokens;

/// The context of a client. `events` takes the callbacks that only a consumer or only a producer has.
pub(crate) struct Context<E> {
    pub(crate) reports: Reports,
    pub(crate) events: E,
    pub(super) tokens: Arc<Tokens>,
}

/// The callbacks of one kind of client.
pub(crate) trait Events: Send + Sync + 'static {
    /// Takes librdkafka's statistics, as JSON.
    fn statistics(&self, _: &[u8]) {}
}

impl<E: Events> ClientContext for Context<E> {
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
        self.events.statistics(statistics);
    }
}
