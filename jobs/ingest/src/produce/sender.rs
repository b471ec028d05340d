//! Sending. Invariant: before the end, every record that was handed over is counted once, as delivered or as failed.

use std::io::Read;
use std::time::{Duration, Instant};

use gugus_records::{CsvRows, RecordWriter};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, PurgeConfig};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::config::{Config, OnBadRow, Produced, Summary};
use super::delivery::{Deliveries, Producer};
use super::pace::Clock;
use super::skipped::Skipped;
use super::topic::topic_partitions;
use crate::Error;
use crate::formats::{self, FileFormat, open_csv};
use crate::input::{Input, Reads};
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

/// Bytes that a record has beyond its value, generously.
const ROOM: usize = 1024;

/// Why sending ended.
enum End {
    /// The file ended, or the client refused a record.
    Whole,
    /// `limit` was reached.
    Limit,
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
    skipped: Option<Skipped>,
    /// A line behind the beginning of the last row that was sent or skipped, and not behind the next row.
    next_line: u64,
}

/// A record whose row begins at this line of the file.
struct Row<'r> {
    line: u64,
    raw: &'r [u8],
    value: &'r [u8],
}

/// What became of a record.
enum Sent {
    Yes,
    /// The run was stopped before.
    Stopped,
    /// The client does not send so many bytes.
    TooLarge(String),
}

pub(super) fn run(
    config: &Config,
    runtime: &Handle,
    stop: &CancellationToken,
) -> Result<Summary, Error> {
    let (input, format) = formats::of(&config.input, Reads::Once)?;
    if format.name() != formats::Csv.name() {
        return Err(input.wrong("only CSV files can be produced; convert it"));
    }
    let clock = Clock::new(&config.pace)?;
    config.progress.set_total(input.size()?);
    let source = &config.source;
    let text = input.text(&config.progress)?;
    let (mut reader, names) = open_csv(&input, text, &source.csv, &source.columns)?;
    let writer = RecordWriter::new(source, &names);

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
        topic: &source.topic,
        stop,
    };
    let found = topic_partitions(&at, &setup.config, &producer, runtime)?;
    let Some((partitions, created)) = found else {
        return Ok(Summary {
            topic: source.topic.clone(),
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
        skipped: match &config.on_bad_row {
            OnBadRow::Stop => None,
            OnBadRow::Skip(path) => Some(Skipped::new(path)),
        },
        next_line: config.from_line.unwrap_or(0),
    };
    let end = sender.send_all(&input, &mut reader, &writer);
    sender.flush();
    sender.finish(end, created, begun)
}

impl Sender<'_> {
    fn send_all(
        &mut self,
        input: &Input,
        reader: &mut CsvRows<impl Read>,
        writer: &RecordWriter,
    ) -> End {
        let mut value = Vec::with_capacity(4096);
        let from_line = self.next_line;
        loop {
            if self.config.limit.is_some_and(|limit| self.sent >= limit) {
                return End::Limit;
            }
            let row = match reader.next_row() {
                Ok(Some(row)) if row.line() < from_line => continue,
                Ok(Some(row)) => row,
                Ok(None) => return End::Whole,
                Err(e) => return End::Broke(input.broke_off_csv(self.sent, e)),
            };
            let (line, raw) = (row.line(), row.raw());
            let written = writer.write(&row, &mut value);
            let row = Row {
                line,
                raw,
                value: &value,
            };
            if let Err(reason) = written {
                match self.skip(input, &row, &reason) {
                    Ok(()) => continue,
                    Err(error) => return End::Broke(error),
                }
            }
            if !self.wait() {
                return End::Stopped;
            }
            match self.send(row.value) {
                Ok(Sent::Yes) => {
                    self.sent += 1;
                    self.next_line = line + 1;
                }
                Ok(Sent::Stopped) => return End::Stopped,
                Ok(Sent::TooLarge(reason)) if self.skipped.is_some() => {
                    match self.skip(input, &row, &reason) {
                        Ok(()) => continue,
                        Err(error) => return End::Broke(error),
                    }
                }
                Ok(Sent::TooLarge(reason)) => {
                    self.fail(format!("{reason}; {}", how_to_go_on(line)));
                    return End::Whole;
                }
                Err(error) => {
                    self.fail(format!("record {}: {error}", self.sent + 1));
                    return End::Whole;
                }
            }
            if self.sent.is_multiple_of(LOOK_EVERY) {
                self.producer.poll(Duration::ZERO);
                if self.producer.context().events.so_far().failed > 0 {
                    // The other records would probably fail, too, and the order would be lost.
                    return End::Whole;
                }
                self.config.progress.say(format!("{} records", self.sent));
            }
        }
    }

    /// Keeps a row aside, or gives the error to stop with.
    fn skip(&mut self, input: &Input, row: &Row<'_>, reason: &str) -> Result<(), Error> {
        let Some(skipped) = &mut self.skipped else {
            let how = how_to_go_on(row.line);
            let reason = format!(
                "the row at line {} cannot be sent: {reason}; {how}",
                row.line
            );
            return Err(input.stopped(self.sent, reason, None));
        };
        skipped.add(row.line, reason, row.raw)?;
        self.next_line = row.line + 1;
        Ok(())
    }

    /// Counts a record that the client refused.
    fn fail(&mut self, reason: String) {
        self.sent += 1;
        self.producer.context().events.so_far().failed(|| reason);
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

    /// Hands a record over, and waits while the queue is full.
    fn send(&self, value: &[u8]) -> Result<Sent, KafkaError> {
        let turn = (self.sent % self.partitions.len().max(1) as u64) as usize;
        let partition = self.partitions.get(turn).copied().unwrap_or(0);
        let mut record = BaseRecord::<(), [u8]>::to(&self.config.source.topic)
            .partition(partition)
            .payload(value);
        loop {
            let (error, back) = match self.producer.send(record) {
                Ok(()) => return Ok(Sent::Yes),
                Err(refused) => refused,
            };
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) if self.stop.is_cancelled() => {
                    return Ok(Sent::Stopped);
                }
                Some(RDKafkaErrorCode::QueueFull) => {
                    record = back;
                    self.producer.poll(TICK);
                }
                Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                    return Ok(Sent::TooLarge(format!(
                        "the record has {} bytes, more than message.max.bytes allows (MessageSizeTooLarge); raise it with -K \
                         message.max.bytes={}, and max.message.bytes of the topic",
                        value.len(),
                        (value.len() + ROOM).next_power_of_two()
                    )));
                }
                _ => return Err(error),
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
                topic: self.config.source.topic.clone(),
                failed: delivered.failed,
                sent: self.sent,
                reason: delivered.first_failure.take().unwrap_or_default(),
            });
        }
        let next_line = match end {
            End::Broke(error) => return Err(error),
            End::Stopped => {
                tracing::info!(records, "stopped; all records handed over are confirmed");
                Some(self.next_line)
            }
            End::Limit => Some(self.next_line),
            End::Whole => None,
        };
        let partitions = delivered.partitions.iter();
        Ok(Summary {
            topic: self.config.source.topic.clone(),
            skipped: self.skipped.map_or(0, |skipped| skipped.rows),
            next_line,
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

/// What to do after a row stopped the run.
fn how_to_go_on(line: u64) -> String {
    format!(
        "mend the row, then go on with --from-line {line}; or leave such rows out with --on-bad-row skip --from-line {line}"
    )
}
