//! How a client is set up. Invariant: no value of a property is ever shown, because it may be a secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use tokio::runtime::Handle;

use super::context::Context;
use super::properties::instead_of;
use super::reports::Reports;
use super::token::Tokens;
use crate::Error;

/// Properties of a client. Later ones win over earlier ones.
pub(crate) struct Properties<'a> {
    pub(crate) brokers: &'a str,
    /// Our defaults.
    pub(crate) defaults: &'a [(&'a str, &'a str)],
    /// The user's.
    pub(crate) user: &'a [(String, String)],
    /// Those that the user must not choose, each with the reason.
    pub(crate) fixed: &'a [(&'a str, &'a str, &'a str)],
}

/// The settings of a client.
pub(crate) struct Setup {
    /// The properties for librdkafka.
    pub(crate) config: ClientConfig,
    /// The tokens that librdkafka asks us for.
    tokens: Arc<Tokens>,
}

impl Setup {
    pub(crate) fn new(properties: &Properties<'_>, runtime: &Handle) -> Result<Self, Error> {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let mut all = BTreeMap::from([
            pair("bootstrap.servers", properties.brokers),
            pair("client.id", "gugus"),
        ]);
        all.extend(
            properties
                .defaults
                .iter()
                .map(|(key, value)| pair(key, value)),
        );
        for (key, value) in properties.user {
            if let Some((.., why)) = properties.fixed.iter().find(|(name, ..)| name == key) {
                return Err(Error::property(key, *why));
            }
            all.insert(key.clone(), value.clone());
        }
        all.extend(
            properties
                .fixed
                .iter()
                .map(|(key, value, _)| pair(key, value)),
        );
        let tokens = Arc::new(Tokens::take(&mut all, runtime)?);
        let mut config = ClientConfig::new();
        for (key, value) in all {
            config.set(key, value);
        }
        Ok(Self { config, tokens })
    }

    /// A context for one client.
    pub(crate) fn context<E>(&self, events: E) -> Context<E> {
        Context {
            reports: Reports::default(),
            events,
            tokens: Arc::clone(&self.tokens),
        }
    }
}

/// The error when librdkafka refuses to make a client.
pub(crate) fn refused(error: KafkaError) -> Error {
    match error {
        KafkaError::ClientConfig(_, description, key, _) => {
            let reason = if let Some(other) = instead_of(&key) {
                format!("only Java's clients have this property; librdkafka has {other}")
            } else if is_secret(&key) {
                // The description quotes the value.
                "its value is refused; see librdkafka's CONFIGURATION.md".to_owned()
            } else {
                format!("{description}; see librdkafka's CONFIGURATION.md")
            };
            Error::property(&key, reason)
        }
        KafkaError::ClientCreation(reason) => cannot_start(&reason),
        other => cannot_start(&other.to_string()),
    }
}

fn cannot_start(reason: &str) -> Error {
    let reason = format!("{reason}; correct the -K properties");
    Error::usage("the kafka client cannot start", reason)
}

fn is_secret(key: &str) -> bool {
    ["password", "secret", "token", "sasl", "key", "pem", "jaas"]
        .iter()
        .any(|part| key.contains(part))
}
