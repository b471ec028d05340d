//! What goes wrong on the way into a batch folder, by what the caller can do about it.

use std::path::PathBuf;

use gugus_batches::LogError;
use gugus_error::Kind;
use gugus_files::StoreError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::properties::instead_of;

/// A failure of `produce`, `ingest` or `import`. Every text names the thing and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A property of the Kafka client is misspelt, has no meaning, or is not the user's to choose.
    #[error("-K {key}: {reason}")]
    Property {
        /// The property's name. Its value is never shown: it may be a secret.
        key: String,
        /// What is the matter and what to do.
        reason: String,
    },
    /// The Kafka client refuses its properties as a whole.
    #[error("the kafka client cannot start: {reason}; correct the -K properties")]
    Client {
        /// What librdkafka said.
        reason: String,
    },
    /// A pace at which nothing would ever be sent.
    #[error("{rate} records a second is no rate; it must be above 0 and finite")]
    Rate {
        /// The rate.
        rate: f64,
    },
    /// No broker answered in time.
    #[error("no answer from kafka at {brokers} within {seconds} s{}; start it, or correct --brokers", last(.reason))]
    Broker {
        /// The addresses that were tried.
        brokers: String,
        /// How long it was tried.
        seconds: u64,
        /// The last thing that librdkafka reported, such as a refused connection.
        reason: Option<String>,
        /// The request's own error.
        #[source]
        source: Box<KafkaError>,
    },
    /// The broker answers and has no such topic.
    #[error("kafka at {brokers} has no topic {topic:?}; create it, or let `gugus produce` do so")]
    NoTopic {
        /// The addresses that were asked.
        brokers: String,
        /// The topic.
        topic: String,
    },
    /// The topic could not be created.
    #[error("topic {topic:?} could not be created on kafka at {brokers}; create it by hand")]
    CreateTopic {
        /// The addresses.
        brokers: String,
        /// The topic.
        topic: String,
        /// What the broker said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Where the log ends and where the topic is do not fit together: the topic was recreated, truncated, or kept its
    /// records for too short a time.
    #[error(
        "{position} is offset {offset} of topic {topic:?} partition {partition}, which holds {low} to {high}: {hint}"
    )]
    OutOfRange {
        /// What names the offset: the batches' end, or `--start`.
        position: &'static str,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset that is not there.
        offset: i64,
        /// The first offset that is.
        low: i64,
        /// The one after the last.
        high: i64,
        /// What may have happened and what to do.
        hint: &'static str,
    },
    /// The last record that was taken is another one now: the topic was deleted, created again and filled.
    #[error(
        "offset {offset} of topic {topic:?} partition {partition} holds another record than the batches took from there: \
         the topic was recreated behind our back; to go on with what it holds now give --on-reset earliest (or latest), \
         or ingest into another folder"
    )]
    AnotherTopic {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset of the record that was compared.
        offset: i64,
    },
    /// The last record that was taken could not be read again to compare it.
    #[error(
        "kafka did not show the last record that was taken of topic {topic:?} partition {partition} within {seconds} s, \
         and without it nobody knows whether the topic is the same; see whether the partition has a leader, then start again"
    )]
    LastRecord {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// How long it was tried.
        seconds: u64,
    },
    /// A start that names partitions which the topic has not.
    #[error("--start names partition {partition}, but topic {topic:?} has partitions 0 to {last}")]
    NoPartition {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The topic's last partition.
        last: i32,
    },
    /// The broker refuses us for good, or the client broke for good.
    #[error("kafka at {brokers} refused {action}{}", last(.reason))]
    Kafka {
        /// The addresses.
        brokers: String,
        /// What was tried.
        action: &'static str,
        /// The last thing that librdkafka reported.
        reason: Option<String>,
        /// The error.
        #[source]
        source: Box<KafkaError>,
    },
    /// Some records did not reach the topic.
    #[error("{failed} of {sent} records did not reach topic {topic:?}: {reason}")]
    Delivery {
        /// The topic.
        topic: String,
        /// How many were refused or ran out of time.
        failed: u64,
        /// How many were handed over.
        sent: u64,
        /// What was the matter with the first of them.
        reason: String,
    },
    /// More records are rejected than the job allows.
    #[error(
        "{rejected} of the last {records} records were rejected, more than max_reject_ratio = {ratio} allows; the \
         last for: {reason}; correct the job file or the source, then start again: it goes on behind the last batch"
    )]
    TooManyRejects {
        /// Records rejected.
        rejected: u64,
        /// Records looked at.
        records: u64,
        /// The limit.
        ratio: f64,
        /// Why the last one was.
        reason: String,
    },
    /// An input file cannot be used as it is; nothing was begun.
    #[error("{}: {reason}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// What is the matter and what to do.
        reason: String,
        /// What the system or a reader said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Reading an input file broke off in its midst.
    #[error("{}: reading broke off after record {records}: {reason}", path.display())]
    BrokeOff {
        /// The file.
        path: PathBuf,
        /// Records read before.
        records: u64,
        /// What is the matter and what to do.
        reason: String,
        /// What the system or a reader said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Files that the folder already has in full.
    #[error(
        "{files} was imported before, in full; leave it out, or import it once more with --again"
    )]
    Imported {
        /// The files' names, separated by commas.
        files: String,
    },
    /// The folder is fed by the other of topic and imports.
    #[error(
        "{folder} is fed by {fed_by}, and a folder takes only one of topic and imports; name another folder"
    )]
    FedBy {
        /// The folder.
        folder: String,
        /// What feeds it.
        fed_by: &'static str,
    },
    /// Somebody else wrote into the folder while we imported.
    #[error(
        "another process wrote batch {number} while this import ran; end it, then run the import again: it goes on where it was"
    )]
    Overtaken {
        /// The other's batch.
        number: String,
    },
    /// The batch folder could not be opened for this job.
    #[error(transparent)]
    Open(Box<LogError>),
    /// The batch folder failed while it was worked on.
    #[error(transparent)]
    Log(Box<LogError>),
    /// Our own mistake.
    #[error("{what}; this is a mistake in gugus, report it")]
    Bug {
        /// What happened.
        what: String,
    },
}

fn last(reason: &Option<String>) -> String {
    reason
        .as_ref()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default()
}

impl Error {
    /// Whether the caller asked for something that cannot be, or it failed.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Property { .. }
            | Self::Client { .. }
            | Self::Rate { .. }
            | Self::NoPartition { .. }
            | Self::Input { .. }
            | Self::Imported { .. }
            | Self::FedBy { .. } => Kind::Usage,
            Self::OutOfRange {
                position: START, ..
            } => Kind::Usage,
            Self::Open(error) => kind_of_open(error),
            _ => Kind::Failed,
        }
    }

    /// A folder that could not be opened.
    pub(crate) fn open(error: LogError) -> Self {
        Self::Open(Box::new(error))
    }

    /// A folder that failed later.
    pub(crate) fn log(error: LogError) -> Self {
        Self::Log(Box::new(error))
    }

    /// A client that could not be made.
    pub(crate) fn client(source: KafkaError) -> Self {
        match source {
            // The description quotes the value of a wrong one, so a secret's stays away.
            KafkaError::ClientConfig(_, description, key, _) => {
                let reason = if let Some(other) = instead_of(&key) {
                    format!("only java's clients have it; librdkafka has {other}")
                } else if is_secret(&key) {
                    "its value is refused; see librdkafka's CONFIGURATION.md".to_owned()
                } else {
                    format!("{description}; see librdkafka's CONFIGURATION.md")
                };
                Self::Property { key, reason }
            }
            KafkaError::ClientCreation(reason) => Self::Client { reason },
            other => Self::Client {
                reason: other.to_string(),
            },
        }
    }
}

/// How [`Error::OutOfRange`] names an offset that the user gave.
pub(crate) const START: &str = "--start";

fn kind_of_open(error: &LogError) -> Kind {
    match error {
        LogError::Foreign { .. }
        | LogError::FedBy { .. }
        | LogError::NoFolder { .. }
        | LogError::NotABatch { .. }
        | LogError::Damaged { .. }
        | LogError::FooterText { .. }
        | LogError::FooterVersion { .. }
        | LogError::Misnumbered { .. } => Kind::Usage,
        LogError::Store(
            StoreError::Unsupported { .. }
            | StoreError::HardLinks { .. }
            | StoreError::CreateOnly { .. }
            | StoreError::Location { .. }
            | StoreError::Settings { .. }
            | StoreError::NotAFolder { .. }
            | StoreError::NoBucket { .. }
            | StoreError::Credentials { .. }
            | StoreError::Region { .. }
            | StoreError::Denied { .. },
        ) => Kind::Usage,
        _ => Kind::Failed,
    }
}

fn is_secret(key: &str) -> bool {
    ["password", "secret", "token", "sasl", "key", "pem", "jaas"]
        .iter()
        .any(|part| key.contains(part))
}

/// Whether trying again cannot help.
pub(crate) fn is_final(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::InvalidTopic
            | RDKafkaErrorCode::Fatal
            | RDKafkaErrorCode::FencedInstanceId
    )
}
