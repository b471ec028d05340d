//! Waiting for the topic.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio_util::sync::CancellationToken;

use super::Config;
use super::context::Context;
use crate::Error;
use crate::client::{PATIENCE, Topic, describe};

/// How often is looked.
const LOOK: Duration = Duration::from_millis(100);

/// The topic's partitions; none when we were told to stop. Who sends to it may just be starting, and create it.
pub(super) fn await_topic(
    config: &Config,
    consumer: &BaseConsumer<Context>,
    stop: &CancellationToken,
) -> Result<Option<Vec<i32>>, Error> {
    let topic = &config.job.source.topic;
    let reports = &consumer.context().reports;
    let begun = Instant::now();
    loop {
        let serve = || drop(consumer.poll(Duration::ZERO));
        match describe(
            consumer.client(),
            topic,
            &config.brokers,
            reports,
            serve,
            stop,
        )? {
            Topic::There(partitions) => return Ok(Some(partitions)),
            Topic::Stopped => return Ok(None),
            Topic::Missing if begun.elapsed() < PATIENCE => std::thread::sleep(LOOK),
            Topic::Missing => {
                return Err(Error::NoTopic {
                    brokers: config.brokers.clone(),
                    topic: topic.clone(),
                });
            }
        }
    }
}
