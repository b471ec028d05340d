//! Sending. Invariant: every record that was handed over is counted once, as delivered or as failed, before the end.

use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, PurgeConfig};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::json::Keys;
use super::lines::Lines;
use super::pace::Clock;
use super::reports::Context;
use super::topic::topic_partitions;
use super::{Config, Form, Produced, Summary};
use crate::Error;
use crate::client::{self, Setup};
use crate::input::{Format, Input, header_names, wrong};

/// Our defaults. Nothing is compressed unless asked for, so that any client can read the topic.
const DEFAULTS: [(&str, &str); 2] = [("enable.idempotence", "true"), ("linger.ms", "5")];

/// What a poll waits at most, while the queue is full or a pause lasts.
const TICK: Duration = Duration::from_millis(50);

/// How long records that were handed over may take to be confirmed once we were told to stop.
const LAST_FLUSH: Duration = Duration::from_secs(10);

/// Records between two looks at the delivery reports.
const LOOK_EVERY: u64 = 64;

/// Why sending ended.
enum End {
    /// No more rows, or as many as were asked for.
    Whole,
    /// We were told to.
    Stopped,
    /// Reading or sending broke off.
    Broke(Error),
}

/// How rows become records.
enum Rows {
    Json(Keys),
    Csv(Lines),
}

impl Rows {
    fn write(&self, row: &csv::ByteRecord, out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Self::Json(keys) => keys.write(row, out),
            Self::Csv(lines) => lines.write(row, out),
        }
    }
}

struct Sender<'a> {
    config: &'a Config,
    producer: BaseProducer<Context>,
    partitions: Vec<i32>,
    sent: u64,
}

pub(super) fn run(
    config: &Config,
    runtime: &Handle,
    stop: &CancellationToken,
) -> Result<Summary, Error> {
    let input = Input::of(&config.input)?;
    if input.format != Format::Csv {
        return Err(wrong(
            &config.input,
            "only csv files can be produced; convert it",
            None,
        ));
    }
    let mut clock = Clock::new(&config.pace)?;
    config.progress.set_length(input.size()?);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .buffer_capacity(128 * 1024)
        .from_reader(input.text(&config.progress)?);
    let header = reader
        .byte_headers()
        .map_err(|e| wrong(&input.path, "its header cannot be read", Some(e.into())))?;
    let names = header_names(&input.path, header)?;
    let rows = match &config.form {
        Form::Json => Rows::Json(Keys::of(&names)),
        Form::Csv { delimiter, header } => Rows::Csv(Lines::of(&names, header, *delimiter)),
    };

    let begun = Instant::now();
    let Setup {
        config: properties,
        tokens,
    } = client::setup(&config.brokers, &DEFAULTS, &config.client, &[], runtime)?;
    let producer = BaseProducer::from_config_and_context(&properties, Context::new(&tokens))
        .map_err(Error::client)?;
    let found = topic_partitions(config, &properties, &producer, runtime, stop)?;
    let Some((partitions, created)) = found else {
        return Ok(Summary {
            topic: config.topic.clone(),
            ..Summary::default()
        });
    };
    let mut sender = Sender {
        config,
        producer,
        partitions,
        sent: 0,
    };
    let end = sender.send_all(&input, &mut reader, &rows, &mut clock, stop);
    sender.flush(stop);
    sender.finish(end, created, begun)
}

impl Sender<'_> {
    fn send_all<R: std::io::Read>(
        &mut self,
        input: &Input,
        reader: &mut csv::Reader<R>,
        rows: &Rows,
        clock: &mut Clock<'_>,
        stop: &CancellationToken,
    ) -> End {
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
                return End::Broke(Error::BrokeOff {
                    path: input.path.clone(),
                    records: self.sent,
                    reason: format!("the row at line {line} {reason}"),
                    source: None,
                });
            }
            if !self.wait(clock, stop) {
                return End::Stopped;
            }
            match self.send(&value, stop) {
                Ok(true) => self.sent += 1,
                Ok(false) => return End::Stopped,
                Err(error) => {
                    let mut delivered = self.producer.context().delivered();
                    delivered.failed += 1;
                    delivered
                        .first_failure
                        .get_or_insert_with(|| format!("record {}: {error}", self.sent + 1));
                    self.sent += 1;
                    return End::Whole;
                }
            }
            if self.sent.is_multiple_of(LOOK_EVERY) {
                self.producer.poll(Duration::ZERO);
                if self.producer.context().delivered().failed > 0 {
                    // The rest would hardly fare better, and the order would be lost.
                    return End::Whole;
                }
                self.config
                    .progress
                    .set_message(format!("{} records", self.sent));
            }
        }
    }

    /// Waits until the next record is due; false when we are to stop.
    fn wait(&mut self, clock: &mut Clock<'_>, stop: &CancellationToken) -> bool {
        let due = clock.next();
        loop {
            if stop.is_cancelled() {
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

    /// Hands a record over, waiting while the queue is full; false when we are to stop.
    fn send(&self, value: &[u8], stop: &CancellationToken) -> Result<bool, KafkaError> {
        let turn = (self.sent % self.partitions.len().max(1) as u64) as usize;
        let partition = self.partitions.get(turn).copied().unwrap_or(0);
        let mut record = BaseRecord::<(), [u8]>::to(&self.config.topic)
            .partition(partition)
            .payload(value);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(true),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    if stop.is_cancelled() {
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
    fn flush(&self, stop: &CancellationToken) {
        let mut stopped = None;
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(TICK);
            if stop.is_cancelled()
                && stopped.get_or_insert_with(Instant::now).elapsed() > LAST_FLUSH
            {
                self.producer
                    .purge(PurgeConfig::default().queue().inflight());
            }
        }
    }

    fn finish(self, end: End, created: bool, begun: Instant) -> Result<Summary, Error> {
        let mut delivered = self.producer.context().delivered();
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
