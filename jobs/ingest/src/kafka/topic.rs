//! Asking a broker about a topic.

use std::time::{Duration, Instant};

use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio_util::sync::CancellationToken;

use super::context::{Context, Events};
use crate::Error;

/// How long a broker may take to answer the first request, and a topic to appear. Long enough for a broker that
/// is just starting, short enough for a person who mistyped its address.
pub(crate) const PATIENCE: Duration = Duration::from_secs(12);

/// One try of a request within [`PATIENCE`]. A stop signal is noticed between two tries.
const TRY: Duration = Duration::from_secs(1);

/// Reports to take after a try. One try makes fewer.
const REPORTS: usize = 32;

/// The pause before asking again for a topic or a leader.
const PAUSE: Duration = Duration::from_millis(100);

/// A topic on some brokers, and the signal that ends the asking.
#[derive(Clone, Copy)]
pub(crate) struct TopicAt<'a> {
    pub(crate) brokers: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) stop: &'a CancellationToken,
}

/// A topic as the broker describes it.
pub(crate) enum Topic {
    /// It has these partitions, in order.
    There(Vec<i32>),
    Missing,
    /// The run was stopped before the broker answered.
    Stopped,
}

impl TopicAt<'_> {
    /// Asks for the partitions until the topic is there. `None` when the run was stopped.
    pub(crate) fn wait<E: Events>(
        &self,
        client: &Client<Context<E>>,
        serve: impl Fn(),
    ) -> Result<Option<Vec<i32>>, Error> {
        let begun = Instant::now();
        loop {
            match self.describe(client, &serve)? {
                Topic::There(partitions) => return Ok(Some(partitions)),
                Topic::Stopped => return Ok(None),
                Topic::Missing if begun.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                Topic::Missing => {
                    return Err(Error::NoTopic {
                        brokers: self.brokers.to_owned(),
                        topic: self.topic.to_owned(),
                    });
                }
            }
        }
    }

    /// Asks for the partitions.
    ///
    /// Waits [`PATIENCE`] for the broker, and as long for leaders to be chosen. `serve` takes one of librdkafka's
    /// reports, such as that a connection was refused.
    pub(crate) fn describe<E: Events>(
        &self,
        client: &Client<Context<E>>,
        serve: impl Fn(),
    ) -> Result<Topic, Error> {
        let begun = Instant::now();
        loop {
            if self.stop.is_cancelled() {
                return Ok(Topic::Stopped);
            }
            let source = match client.fetch_metadata(Some(self.topic), TRY) {
                Ok(metadata) => {
                    let mut topics = metadata.topics().iter();
                    let topic = topics.find(|found| found.name() == self.topic);
                    let error = topic
                        .and_then(|topic| topic.error())
                        .map(RDKafkaErrorCode::from);
                    let partitions = topic.map_or(&[][..], |topic| topic.partitions());
                    let mut ids: Vec<i32> = partitions.iter().map(|p| p.id()).collect();
                    ids.sort_unstable();
                    match error {
                        None if !ids.is_empty() => return Ok(Topic::There(ids)),
                        Some(code) if is_final(code) => KafkaError::MetadataFetch(code),
                        Some(RDKafkaErrorCode::UnknownTopicOrPartition) | None => {
                            return Ok(Topic::Missing);
                        }
                        _ if begun.elapsed() > PATIENCE => return Ok(Topic::Missing),
                        // A leader is being chosen.
                        Some(_) => {
                            std::thread::sleep(PAUSE);
                            continue;
                        }
                    }
                }
                Err(source) => {
                    (0..REPORTS).for_each(|_| serve());
                    source
                }
            };
            if source.rdkafka_error_code().is_some_and(is_final) {
                return Err(self.refused(client.context(), "to describe the topic", source));
            }
            if begun.elapsed() + TRY > PATIENCE {
                return Err(Error::Broker {
                    brokers: self.brokers.to_owned(),
                    seconds: begun.elapsed().as_secs(),
                    reason: client.context().reports.last(),
                    source: Box::new(source),
                });
            }
        }
    }

    /// The error of a request that the broker refused.
    pub(crate) fn refused<E>(
        &self,
        context: &Context<E>,
        action: &'static str,
        source: KafkaError,
    ) -> Error {
        Error::Kafka {
            brokers: self.brokers.to_owned(),
            action,
            reason: context.reports.last(),
            source: Box::new(source),
        }
    }
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

/// Whether the topic does not hold the offset.
pub(crate) fn is_no_offset(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::AutoOffsetReset
    )
}

/// Whether the topic is not there.
pub(crate) fn is_no_topic(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopicId
    )
}
