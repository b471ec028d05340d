//! The reports of librdkafka. They go to the log, and the newest one goes into error messages.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// How librdkafka's log marks connections that failed.
const CONNECTION: &str = "FAIL";

/// How long the same text is not repeated. Otherwise each second would report a broker that stays away.
const QUIET: Duration = Duration::from_secs(30);

/// The reports of one client.
#[derive(Default)]
pub(crate) struct Reports {
    last: Mutex<Option<String>>,
    /// Texts that were logged within the last [`QUIET`] seconds.
    recent: Mutex<VecDeque<(Instant, String)>>,
}

impl Reports {
    /// The newest report about trouble.
    pub(crate) fn last(&self) -> Option<String> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes an error that librdkafka mends by itself. It loses no data, so the log shows a warning.
    pub(crate) fn error(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        if code == Some(RDKafkaErrorCode::PartitionEOF) {
            // The end of a partition is not an error. The main loop hears of it as well.
            return;
        }
        // "All brokers are down" says less than the reason why the last of them is down.
        if code != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.remember(reason);
        }
        if self.is_new(&format!("{code:?}")) {
            tracing::warn!(target: "librdkafka", error = %error, "{reason}");
        }
    }

    /// Takes a line of librdkafka's log. Its errors are about connections, which librdkafka mends without losing data.
    pub(crate) fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == CONNECTION {
            self.remember(message);
        }
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => {
                // `error` gets connection trouble as well, once.
                if facility != CONNECTION && self.is_new(message) {
                    tracing::warn!(target: "librdkafka", "{facility}: {message}");
                }
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "librdkafka", "{facility}: {message}");
            }
            RDKafkaLogLevel::Debug => {
                tracing::debug!(target: "librdkafka", "{facility}: {message}")
            }
        }
    }

    fn remember(&self, reason: &str) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }

    fn is_new(&self, text: &str) -> bool {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while recent
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > QUIET)
        {
            recent.pop_front();
        }
        if recent.iter().any(|(_, known)| known == text) {
            return false;
        }
        recent.push_back((now, text.to_owned()));
        true
    }
}
