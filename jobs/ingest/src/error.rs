//! The errors of this crate, by what the caller can do about them.

use std::path::PathBuf;

use gugus_batches::LogError;
use gugus_error::Kind;
use gugus_files::StoreError;
use rdkafka::error::KafkaError;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failure of this crate's commands. Every text names the thing and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Correct the named thing, then call again. Nothing was begun.
    #[error("{what}: {reason}")]
    Usage {
        /// A file, a flag, a property or a folder. Never the value of a property: it may be a secret.
        what: String,
        /// What is wrong with it and what to do.
        reason: String,
        /// What the system or a reader said.
        #[source]
        source: Option<Source>,
    },
    /// Start the broker, or correct its address: it did not answer in time.
    #[error("no answer from kafka at {brokers} within {seconds} s{}; start it, or correct --brokers", in_brackets(.reason))]
    Broker {
        /// The addresses that were tried.
        brokers: String,
        /// How long they were tried.
        seconds: u64,
        /// The last trouble that librdkafka reported, such as a refused connection.
        reason: Option<String>,
        /// The request's own error.
        #[source]
        source: Box<KafkaError>,
    },
    /// Create the topic: the broker answers and does not have it.
    #[error("kafka at {brokers} has no topic {topic:?}; create it, or let `gugus produce` do so")]
    NoTopic {
        /// The addresses that were asked.
        brokers: String,
        /// The topic.
        topic: String,
    },
    /// Ask the broker's owner for the right, or mend the client: trying again does not help.
    #[error("kafka at {brokers} refused {action}{}", in_brackets(.reason))]
    Kafka {
        /// The addresses.
        brokers: String,
        /// What was tried.
        action: &'static str,
        /// The last trouble that librdkafka reported.
        reason: Option<String>,
        /// The error.
        #[source]
        source: Box<KafkaError>,
    },
    /// Choose with `on_reset` how to go on: the topic does not hold the next record. The topic was recreated or truncated,
    /// or it deleted records before they were ingested.
    #[error("{0}")]
    Reset(String),
    /// Start again once the partition has a leader: the last ingested record could not be compared.
    #[error(
        "kafka did not show the last ingested record of topic {topic:?} partition {partition} within {seconds} s, so \
         gugus cannot tell whether the topic is still the same; check that the partition has a leader, then start again"
    )]
    LastRecord {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// How long it was tried.
        seconds: u64,
    },
    /// Send the missing records again: they did not reach the topic.
    #[error("{failed} of {sent} records did not reach topic {topic:?}: {reason}")]
    Delivery {
        /// The topic.
        topic: String,
        /// How many were refused or ran out of time.
        failed: u64,
        /// How many were handed over.
        sent: u64,
        /// Why the first of them failed.
        reason: String,
    },
    /// Correct the job file or the source: more records are rejected than the job allows.
    #[error(
        "{rejected} of the last {records} records were rejected, more than max_reject_ratio = {ratio} allows; the \
         last for: {reason}; correct the job file or the source, then start again: reading continues after the last batch"
    )]
    TooManyRejects {
        /// Records rejected.
        rejected: u64,
        /// Records looked at.
        records: u64,
        /// The limit.
        ratio: f64,
        /// Why the last one was rejected.
        reason: String,
    },
    /// Mend the input file, then call again: reading broke off in the middle of it.
    #[error("{}: reading broke off after record {records}: {reason}", path.display())]
    BrokeOff {
        /// The file.
        path: PathBuf,
        /// Records read before.
        records: u64,
        /// What is wrong and what to do.
        reason: String,
        /// What the system or a reader said.
        #[source]
        source: Option<Source>,
    },
    /// Run the import again: another process wrote into the folder while the import ran.
    #[error(
        "another process wrote batch {number} while this import ran; end that process, then run the import again: it \
         continues where it stopped"
    )]
    Overtaken {
        /// The other's batch.
        number: String,
    },
    /// The batch folder could not be opened for this job.
    #[error(transparent)]
    Open(Box<LogError>),
    /// The batch folder failed while it was in use.
    #[error(transparent)]
    Log(Box<LogError>),
    /// Report it: this is our own mistake.
    #[error("{0}; this is a mistake in gugus, report it")]
    Bug(String),
}

impl Error {
    /// Whether the request was wrong, or carrying it out failed.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Usage { .. } => Kind::Usage,
            Self::Open(error) => kind_of_open(error),
            _ => Kind::Failed,
        }
    }

    /// The error of a thing that cannot be used.
    pub(crate) fn usage(what: impl ToString, reason: impl Into<String>) -> Self {
        Self::Usage {
            what: what.to_string(),
            reason: reason.into(),
            source: None,
        }
    }

    /// The same, with the error of a reader or of the system.
    pub(crate) fn usage_of(
        what: impl ToString,
        reason: impl Into<String>,
        source: impl Into<Source>,
    ) -> Self {
        Self::Usage {
            what: what.to_string(),
            reason: reason.into(),
            source: Some(source.into()),
        }
    }

    /// The error of a property of the Kafka client: misspelt, without meaning, or not for the user to choose.
    pub(crate) fn property(key: &str, reason: impl Into<String>) -> Self {
        Self::usage(format_args!("-K {key}"), reason)
    }

    /// The error of a folder that takes imports instead of a topic, or the other way round.
    pub(crate) fn fed_by(folder: impl ToString, fed_by: &str) -> Self {
        let reason = format!(
            "the folder is fed by {fed_by}, and a folder takes only one of topic and imports; name another folder"
        );
        Self::usage(folder, reason)
    }

    /// The error of a folder that could not be opened.
    pub(crate) fn open(error: LogError) -> Self {
        Self::Open(Box::new(error))
    }

    /// The error of a folder that failed later.
    pub(crate) fn log(error: LogError) -> Self {
        Self::Log(Box::new(error))
    }
}

fn in_brackets(reason: &Option<String>) -> String {
    reason
        .as_ref()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default()
}

fn kind_of_open(error: &LogError) -> Kind {
    match error {
        LogError::Foreign { .. }
        | LogError::FedBy { .. }
        | LogError::NoFolder { .. }
        | LogError::NotABatch { .. }
        | LogError::Damaged { .. }
        | LogError::Altered { .. }
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
