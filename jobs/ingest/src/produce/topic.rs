//! The topic: its partitions, and its creation where it is not there.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::Config;
use super::reports::Context;
use crate::Error;
use crate::client::{PATIENCE, Topic, describe};

/// How often is looked whether the new topic is there.
const LOOK: Duration = Duration::from_millis(50);

/// The topic's partitions, and whether it had to be created; none when we were told to stop before that was known.
pub(super) fn topic_partitions(
    config: &Config,
    properties: &ClientConfig,
    producer: &BaseProducer<Context>,
    runtime: &Handle,
    stop: &CancellationToken,
) -> Result<Option<(Vec<i32>, bool)>, Error> {
    let reports = &producer.context().reports;
    let serve = || producer.poll(Duration::ZERO);
    let look = || {
        describe(
            producer.client(),
            &config.topic,
            &config.brokers,
            reports,
            serve,
            stop,
        )
    };
    match look()? {
        Topic::There(partitions) => return Ok(Some((partitions, false))),
        Topic::Stopped => return Ok(None),
        Topic::Missing => {}
    }
    tracing::info!(
        topic = config.topic,
        "the topic is not there, creating it with the broker's defaults"
    );
    runtime.block_on(create_topic(config, properties))?;
    // A new topic needs a moment to be known everywhere.
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match look()? {
            Topic::There(partitions) => return Ok(Some((partitions, true))),
            Topic::Stopped => return Ok(None),
            Topic::Missing => std::thread::sleep(LOOK),
        }
    }
    Err(Error::NoTopic {
        brokers: config.brokers.clone(),
        topic: config.topic.clone(),
    })
}

async fn create_topic(config: &Config, properties: &ClientConfig) -> Result<(), Error> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::CreateTopic {
        brokers: config.brokers.clone(),
        topic: config.topic.clone(),
        source,
    };
    let admin: AdminClient<DefaultClientContext> =
        AdminClient::from_config(properties).map_err(Error::client)?;
    // -1 and -1: as many partitions and copies as the broker is set up for.
    let topic = NewTopic::new(&config.topic, -1, TopicReplication::Fixed(-1));
    let options = AdminOptions::new()
        .operation_timeout(Some(PATIENCE))
        .request_timeout(Some(PATIENCE));
    let results = admin
        .create_topics([&topic], &options)
        .await
        .map_err(|e| failed(e.into()))?;
    match results.into_iter().next() {
        // Somebody else was faster, which is as good.
        None | Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
        Some(Err((_, code))) => Err(failed(KafkaError::AdminOp(code).into())),
    }
}
