//! The partitions of the topic, which is created if it is not there.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;
use tokio::runtime::Handle;

use super::delivery::Producer;
use crate::Error;
use crate::kafka::setup;
use crate::kafka::topic::{PATIENCE, Topic, TopicAt};

/// The partitions of the topic, and whether the topic had to be created. `None` when the run was stopped first.
pub(super) fn topic_partitions(
    at: &TopicAt<'_>,
    properties: &ClientConfig,
    producer: &Producer,
    runtime: &Handle,
) -> Result<Option<(Vec<i32>, bool)>, Error> {
    let serve = || producer.poll(Duration::ZERO);
    match at.describe(producer.client(), serve)? {
        Topic::There(partitions) => return Ok(Some((partitions, false))),
        Topic::Stopped => return Ok(None),
        Topic::Missing => {}
    }
    tracing::info!(
        topic = at.topic,
        "the topic is not there, creating it with the broker's defaults"
    );
    runtime
        .block_on(create_topic(at.topic, properties))?
        .map_err(|source| {
            let action = "to create the topic; create it by hand";
            at.refused(producer.context(), action, source)
        })?;
    // It takes a moment until all brokers know a new topic.
    let partitions = at.wait(producer.client(), serve)?;
    Ok(partitions.map(|partitions| (partitions, true)))
}

/// The outer error is the client's, the inner error the broker's.
async fn create_topic(
    topic: &str,
    properties: &ClientConfig,
) -> Result<Result<(), KafkaError>, Error> {
    let admin: AdminClient<DefaultClientContext> =
        AdminClient::from_config(properties).map_err(setup::refused)?;
    // -1 and -1: as many partitions and copies as the broker is set up for.
    let topic = NewTopic::new(topic, -1, TopicReplication::Fixed(-1));
    let options = AdminOptions::new()
        .operation_timeout(Some(PATIENCE))
        .request_timeout(Some(PATIENCE));
    let created = admin.create_topics([&topic], &options).await;
    Ok(
        created.and_then(|results| match results.into_iter().next() {
            // Another process was faster, which is as good.
            None | Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code))) => Err(KafkaError::AdminOp(code)),
        }),
    )
}
