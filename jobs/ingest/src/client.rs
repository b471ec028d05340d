//! What `produce` and `ingest` ask of librdkafka alike. Invariant: no property's value is ever shown.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::error::is_final;
use crate::token::Tokens;

/// How long a broker may take to answer the first request, and a topic to appear. Long enough for a broker that
/// is just starting beside us, short enough for a person who mistyped its address.
pub(crate) const PATIENCE: Duration = Duration::from_secs(12);

/// One try of a request within [`PATIENCE`]; a stop signal is noticed between two.
const TRY: Duration = Duration::from_secs(1);

/// Reports that are taken after a try, which makes some few.
const REPORTS: usize = 32;

/// How a client is set up.
pub(crate) struct Setup {
    /// What librdkafka gets.
    pub(crate) config: ClientConfig,
    /// What it asks us for.
    pub(crate) tokens: Arc<Tokens>,
}

/// Our defaults, the user's properties over them, and what is not the user's to choose.
pub(crate) fn setup(
    brokers: &str,
    defaults: &[(&str, &str)],
    user: &[(String, String)],
    fixed: &[(&str, &str, &str)],
    runtime: &Handle,
) -> Result<Setup, Error> {
    let mut properties = BTreeMap::from([
        ("bootstrap.servers".to_owned(), brokers.to_owned()),
        ("client.id".to_owned(), "gugus".to_owned()),
    ]);
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    properties.extend(defaults.iter().map(pair));
    for (key, value) in user {
        if let Some((.., why)) = fixed.iter().find(|(name, ..)| name == key) {
            return Err(Error::Property {
                key: key.clone(),
                reason: (*why).to_owned(),
            });
        }
        properties.insert(key.clone(), value.clone());
    }
    properties.extend(fixed.iter().map(|(key, value, _)| pair(&(key, value))));
    let tokens = Tokens::take(&mut properties, runtime)?;
    let mut config = ClientConfig::new();
    for (key, value) in properties {
        config.set(key, value);
    }
    Ok(Setup {
        config,
        tokens: Arc::new(tokens),
    })
}

/// How librdkafka's log marks connections that failed.
const CONNECTION: &str = "FAIL";

/// What librdkafka reports on the side, for whom the logs are, and the last of it for error messages.
#[derive(Default)]
pub(crate) struct Reports {
    last: Mutex<Option<String>>,
    /// Texts of the last seconds, so that a broker that stays away is not told of each second.
    recent: Mutex<VecDeque<(Instant, String)>>,
}

impl Reports {
    /// How long the same text is not repeated.
    const QUIET: Duration = Duration::from_secs(30);

    /// The last thing that was reported.
    pub(crate) fn last(&self) -> Option<String> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// An error that librdkafka goes on from by itself. No data is lost by it, so it is a warning.
    pub(crate) fn error(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        if code == Some(RDKafkaErrorCode::PartitionEOF) {
            // No error: it says that everything was read, and comes to the main loop as well.
            return;
        }
        // That all are down says less than why the last of them is.
        if code != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
        if self.is_new(&format!("{code:?}")) {
            tracing::warn!(target: "librdkafka", error = %error, "{reason}");
        }
    }

    fn is_new(&self, text: &str) -> bool {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while recent
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > Self::QUIET)
        {
            recent.pop_front();
        }
        if recent.iter().any(|(_, known)| known == text) {
            return false;
        }
        recent.push_back((now, text.to_owned()));
        true
    }

    /// librdkafka's log. Its errors are about connections, which it mends: none of our data is lost by them.
    pub(crate) fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == CONNECTION {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.to_owned());
        }
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => {
                // Connection trouble also comes through `error`, once.
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
}

/// A topic as the broker describes it.
pub(crate) enum Topic {
    /// It has these partitions, in order.
    There(Vec<i32>),
    Missing,
    /// We were told to stop before the broker answered.
    Stopped,
}

/// Asks the broker for a topic's partitions.
///
/// Waits [`PATIENCE`] for the broker, and as long for leaders to be chosen. `serve` takes one of librdkafka's reports,
/// such as that a connection was refused.
pub(crate) fn describe<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    brokers: &str,
    reports: &Reports,
    serve: impl Fn(),
    stop: &CancellationToken,
) -> Result<Topic, Error> {
    let begun = Instant::now();
    loop {
        if stop.is_cancelled() {
            return Ok(Topic::Stopped);
        }
        let refused = |source: KafkaError| Error::Kafka {
            brokers: brokers.to_owned(),
            action: "to describe the topic",
            reason: reports.last(),
            source: Box::new(source),
        };
        match client.fetch_metadata(Some(topic), TRY) {
            Ok(metadata) => {
                let topic = metadata.topics().iter().find(|found| found.name() == topic);
                let error = topic
                    .and_then(|topic| topic.error())
                    .map(RDKafkaErrorCode::from);
                let mut ids: Vec<i32> = topic
                    .map(|topic| topic.partitions().iter().map(|p| p.id()).collect())
                    .unwrap_or_default();
                ids.sort_unstable();
                match error {
                    None if !ids.is_empty() => return Ok(Topic::There(ids)),
                    Some(code) if is_final(code) => {
                        return Err(refused(KafkaError::MetadataFetch(code)));
                    }
                    _ if begun.elapsed() > PATIENCE => return Ok(Topic::Missing),
                    Some(RDKafkaErrorCode::UnknownTopicOrPartition) | None => {
                        return Ok(Topic::Missing);
                    }
                    // A leader is being chosen.
                    Some(_) => std::thread::sleep(Duration::from_millis(100)),
                }
            }
            Err(source) => {
                (0..REPORTS).for_each(|_| serve());
                if source.rdkafka_error_code().is_some_and(is_final) {
                    return Err(refused(source));
                }
                if begun.elapsed() + TRY > PATIENCE {
                    return Err(Error::Broker {
                        brokers: brokers.to_owned(),
                        seconds: begun.elapsed().as_secs(),
                        reason: reports.last(),
                        source: Box::new(source),
                    });
                }
            }
        }
    }
}
