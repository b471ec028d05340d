//! Sending. Invariant: before the end, every record that was handed over is counted once, as delivered or as failed.

use std::io::Read;
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, PurgeConfig};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::config::{Config, Produced, Summary};
use super::delivery::{Deliveries, Producer};
use super::pace::Clock;
use super::rows::Rows;
use super::topic::topic_partitions;
use crate::Error;
use crate::formats::{self, FileFormat, open_csv};
use crate::input::Input;
use crate::kafka::setup::{self, Properties, Setup};
use crate::kafka::topic::TopicAt;

/// Our defaults. Nothing is compressed unless asked for, so that any client can read the topic.
const DEFAULTS: [(&str, &str); 2] = [("enable.idempotence", "true"), ("linger.ms", "5")];

/// The longest wait of a poll, while the queue is full or a pause lasts.
const TICK: Duration = Duration::from_millis(50);

/// After a stop, how long the confirmation of records that were handed over may take.
const LAST_FLUSH: Duration = Duration::from_secs(10);

/// Records between two looks at the delivery reports.
const LOOK_EVERY: u64 = 64;

/// Why sending ended.
enum End {
    /// The file ended, or `limit` was reached.
    Whole,
    /// The run was stopped.
    Stopped,
    /// Reading or sending broke off.
    Broke(Error),
}

struct Sender<'a> {
    config: &'a Config,
    stop: &'a CancellationToken,
    producer: Producer,
    partitions: Vec<i32>,
    clock: Clock<'a>,
    sent: u64,
}

pub(super) fn run(
    config: &Config,
    runtime: &Handle,
    stop: &CancellationToken,
) -> Result<Summary, Error> {
    let (input, format) = formats::of(&config.input)?;
    if format.name() != formats::Csv.name() {
        return Err(input.wrong("only CSV files can be produced; convert it"));
    }
    let clock = Clock::new(&config.pace)?;
    config.progress.set_length(input.size()?);
    let (mut reader, names) = open_csv(&input, input.text(&config.progress)?)?;
    let rows = Rows::of(&config.form, &names);

    let begun = Instant::now();
    let properties = Properties {
        brokers: &config.brokers,
        defaults: &DEFAULTS,
        user: &config.client,
        fixed: &[],
    };
    let setup = Setup::new(&properties, runtime)?;
    let context = setup.context(Deliveries::default());
    let producer =
        BaseProducer::from_config_and_context(&setup.config, context).map_err(setup::refused)?;
    let at = TopicAt {
        brokers: &config.brokers,
        topic: &config.topic,
        stop,
    };
    let found = topic_partitions(&at, &setup.config, &producer, runtime)?;
    let Some((partitions, created)) = found else {
        return Ok(Summary {
            topic: config.topic.clone(),
            ..Summary::default()
        });
    };
    let mut sender = Sender {
        config,
        stop,
        producer,
        partitions,
        clock,
        sent: 0,
    };
    let end = sender.send_all(&input, &mut reader, &rows);
    sender.flush();
    sender.finish(end, created, begun)
}

impl Sender<'_> {
    fn send_all(&mut self, input: &Input, reader: &mut csv::Reader<impl Read>, rows: &Rows) -> End {
        let mut row = csv::ByteRecord::new();
        let mut value = Vec::with_capacity(4096);
        loop {
            if self.config.limit.is_some_and(|limit| self.sent >= limit) {
                return End::Whole;
            }
            match reader.read_byte_record(&mut row) {
                Ok(true) => {}
                Ok(false) => return End::Whole,
                Err(e) => return End::Broke(input.broke_off(self.sent, e)),
            }
            if let Err(reason) = rows.write(&row, &mut value) {
                let line = row.position().map_or(0, csv::Position::line);
                let reason = format!("the row at line {line} {reason}");
                return End::Broke(input.stopped(self.sent, reason, None));
            }
            if !self.wait() {
                return End::Stopped;
            }
            match self.send(&value) {
                Ok(true) => self.sent += 1,
                Ok(false) => return End::Stopped,
                Err(error) => {
                    self.sent += 1;
                    let mut delivered = self.producer.context().events.so_far();
                    delivered.failed(|| format!("record {}: {error}", self.sent));
                    return End::Whole;
                }
            }
            if self.sent.is_multiple_of(LOOK_EVERY) {
                self.producer.poll(Duration::ZERO);
                if self.producer.context().events.so_far().failed > 0 {
                    // The other records would probably fail, too, and the order would be lost.
                    return End::Whole;
                }
                self.config
                    .progress
                    .set_message(format!("{} records", self.sent));
            }
        }
    }

    /// Waits until the next record is due; false after a stop.
    fn wait(&mut self) -> bool {
        let due = self.clock.next();
        loop {
            if self.stop.is_cancelled() {
                return false;
            }
            let left = due.map_or(Duration::ZERO, |due| {
                due.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return true;
            }
            self.producer.poll(left.min(TICK));
        }
    }

    /// Hands a record over, and waits while the queue is full; false after a stop.
    fn send(&self, value: &[u8]) -> Result<bool, KafkaError> {
        let turn = (self.sent % self.partitions.len().max(1) as u64) as usize;
        let partition = self.partitions.get(turn).copied().unwrap_or(0);
        let mut record = BaseRecord::<(), [u8]>::to(&self.config.topic)
            .partition(partition)
            .payload(value);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(true),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    if self.stop.is_cancelled() {
                        return Ok(false);
                    }
                    record = back;
                    self.producer.poll(TICK);
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    /// Waits until every record is confirmed or has failed. librdkafka gives up on a record after
    /// `message.timeout.ms`, so this ends.
    fn flush(&self) {
        let mut stopped = None;
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(TICK);
            if self.stop.is_cancelled()
                && stopped.get_or_insert_with(Instant::now).elapsed() > LAST_FLUSH
            {
                self.producer
                    .purge(PurgeConfig::default().queue().inflight());
            }
        }
    }

    fn finish(self, end: End, created: bool, begun: Instant) -> Result<Summary, Error> {
        let mut delivered = self.producer.context().events.so_far();
        let records = delivered.partitions.values().sum();
        if delivered.failed > 0 {
            return Err(Error::Delivery {
                topic: self.config.topic.clone(),
                failed: delivered.failed,
                sent: self.sent,
                reason: delivered.first_failure.take().unwrap_or_default(),
            });
        }
        match end {
            End::Broke(error) => return Err(error),
            End::Stopped => {
                tracing::info!(records, "stopped; all records handed over are confirmed")
            }
            End::Whole => {}
        }
        let partitions = delivered.partitions.iter();
        Ok(Summary {
            topic: self.config.topic.clone(),
            created,
            records,
            bytes: delivered.bytes,
            seconds: begun.elapsed().as_secs_f64(),
            partitions: partitions
                .map(|(partition, records)| Produced {
                    partition: *partition,
                    records: *records,
                })
                .collect(),
        })
    }
}
