//! The main loop.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gugus_records::Layout;
use gugus_store::{BatchLog, FedBy, OffsetRange};
use rdkafka::Message;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::context::{Change, Context};
use super::settings::{DEFAULTS, FIXED};
use super::topic::await_topic;
use super::{Config, Summary, Until};
use crate::Error;
use crate::client;
use crate::error::is_final;
use crate::gather::{Gather, Record};
use crate::window::RejectWindow;

/// The longest that a poll waits: what a stop signal, a limit of time or a look at the log may be late by.
const TICK: Duration = Duration::from_millis(100);

/// How often the progress line changes, and the group's offsets are told to Kafka.
const TELL: Duration = Duration::from_millis(250);

/// A partition that is ours.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// Where the next range begins: the batches' end.
    pub(super) first: i64,
    /// Behind the last record that is in hand.
    pub(super) next: i64,
    /// Whether a record came since reading was last set to a place. Before that, librdkafka's position means nothing.
    pub(super) delivered: bool,
    /// Whether the end of the partition was met.
    pub(super) at_end: bool,
}

impl Part {
    pub(super) fn starting(at: i64) -> Self {
        Self {
            first: at,
            next: at,
            delivered: false,
            at_end: false,
        }
    }
}

pub(super) struct Session<'a> {
    pub(super) config: &'a Config,
    pub(super) consumer: &'a BaseConsumer<Context>,
    pub(super) runtime: &'a Handle,
    pub(super) log: BatchLog,
    pub(super) gather: Gather,
    pub(super) parts: BTreeMap<i32, Part>,
    window: RejectWindow,
    /// With [`Until::End`]: where each partition ended at the start.
    pub(super) targets: BTreeMap<i32, i64>,
    pub(super) batches: u64,
    pub(super) records: u64,
    pub(super) rejected: u64,
    pub(super) taken: BTreeMap<i32, OffsetRange>,
    told: Instant,
    pub(super) looked: Instant,
    /// Whether partitions have ends that Kafka was not told of.
    pub(super) untold: bool,
}

/// Runs until the end; `ready` is told when the folder is read and the broker has answered.
pub(super) fn run(
    config: &Config,
    runtime: &Handle,
    ready: oneshot::Sender<()>,
    stop: &CancellationToken,
) -> Result<Summary, Error> {
    let group = [("group.id", config.job.name.as_str())];
    let defaults: Vec<_> = group.into_iter().chain(DEFAULTS).collect();
    let properties = client::config(&config.brokers, &defaults, &config.client, &FIXED)?;
    let consumer = BaseConsumer::from_config_and_context(&properties, Context::default())
        .map_err(Error::client)?;
    let result = in_group(config, runtime, ready, stop, &consumer);
    // Closing waits until the group's last changes are answered.
    consumer.context().close();
    drop(consumer);
    result
}

fn in_group(
    config: &Config,
    runtime: &Handle,
    ready: oneshot::Sender<()>,
    stop: &CancellationToken,
    consumer: &BaseConsumer<Context>,
) -> Result<Summary, Error> {
    let topic = &config.job.source.topic;
    let log = runtime
        .block_on(BatchLog::open(
            config.store.clone(),
            &config.job.name,
            topic,
        ))
        .map_err(Error::open)?;
    if log.fed_by() == FedBy::Imports {
        return Err(Error::FedBy {
            folder: config.store.to_string(),
            fed_by: "imports",
        });
    }
    let Some(all) = await_topic(config, consumer, stop)? else {
        return Ok(Summary::default());
    };
    let now = Instant::now();
    let mut session = Session {
        config,
        consumer,
        runtime,
        log,
        gather: Gather::new(Layout::new(&config.job.source)),
        parts: BTreeMap::new(),
        window: RejectWindow::new(config.job.batches.max_reject_ratio),
        targets: BTreeMap::new(),
        batches: 0,
        records: 0,
        rejected: 0,
        taken: BTreeMap::new(),
        told: now,
        looked: now,
        untold: false,
    };
    // Asked for all partitions, also for those that others will read: what is wrong shows before work begins.
    session.check_start(&all)?;
    let found = session.find(&all)?;
    if config.until == Until::End {
        session.targets = found
            .iter()
            .filter(|f| f.start < f.high)
            .map(|f| (f.partition, f.high))
            .collect();
    }
    tracing::info!(topic, partitions = all.len(), batches = ?session.log.head().map(|head| head.number.get()), "ready");
    // Nobody may listen any more.
    let _ = ready.send(());
    session.run(stop)?;
    Ok(session.summary())
}

impl<'a> Session<'a> {
    fn run(&mut self, stop: &CancellationToken) -> Result<(), Error> {
        if self.is_done()? {
            return Ok(());
        }
        let topic = self.config.job.source.topic.as_str();
        self.consumer
            .subscribe(&[topic])
            .map_err(|e| self.refused("the subscription", e))?;
        while !stop.is_cancelled() {
            let now = Instant::now();
            let deadline = self.gather.deadline(&self.config.job.batches);
            let wait = deadline.map_or(TICK, |at| at.saturating_duration_since(now).min(TICK));
            match self.consumer.poll(wait) {
                Some(Ok(message)) => self.take(&message),
                Some(Err(error)) => self.error(error)?,
                None => {}
            }
            while let Some(change) = self.consumer.context().change() {
                self.answer(change)?;
            }
            let late = deadline.is_some_and(|at| at <= Instant::now());
            if late || self.gather.is_full(&self.config.job.batches) {
                self.commit()?;
            }
            if self
                .config
                .max_batches
                .is_some_and(|most| self.batches >= most)
            {
                self.tell_offsets();
                return Ok(());
            }
            if let Some(error) = self.window.exceeded() {
                self.commit()?;
                self.tell_offsets();
                return Err(error);
            }
            if now.duration_since(self.told) >= TELL {
                self.told = now;
                self.tell();
            }
            if self.is_done()? {
                self.commit()?;
                // The commit may have found that another process was faster, and there is more to read.
                if self.is_done()? {
                    break;
                }
            }
        }
        self.commit()?;
        self.tell_offsets();
        Ok(())
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) {
        let (partition, offset) = (message.partition(), message.offset());
        let Some(part) = self.parts.get_mut(&partition) else {
            return;
        };
        if offset < part.next {
            return;
        }
        part.next = offset + 1;
        part.delivered = true;
        let record = Record {
            partition,
            offset,
            timestamp: message.timestamp().to_millis(),
            key: message.key(),
            value: message.payload(),
        };
        let refused = match record.value {
            Some(value) => self.gather.push(record, |columns| columns.push_json(value)),
            None => Some(
                self.gather
                    .reject(record, "the record has no value".to_owned()),
            ),
        };
        match refused {
            Some(reason) => self.window.rejected(reason),
            None => self.window.accepted(1),
        }
    }

    fn error(&mut self, error: KafkaError) -> Result<(), Error> {
        if let KafkaError::PartitionEOF(partition) = error {
            if let Some(part) = self.parts.get_mut(&partition) {
                part.at_end = true;
            }
            return Ok(());
        }
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::AutoOffsetReset) => {
                // Which partition it is does not come with the error.
                self.check_range()?;
                Err(self.refused("an offset", error))
            }
            Some(code) if is_final(code) => Err(self.refused("to go on", error)),
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                Err(self.refused("to go on", error))
            }
            // librdkafka goes on by itself, and has reported it.
            _ => Ok(()),
        }
    }

    fn answer(&mut self, change: Change) -> Result<(), Error> {
        let answered = match &change {
            Change::Assigned(partitions) => self.assigned(partitions),
            Change::Revoked(partitions) => self.revoked(partitions),
        };
        if answered.is_err() {
            // The consumer waits for an answer before it can close.
            Context::give_up(self.consumer, &self.config.job.source.topic, &change);
        }
        answered
    }

    fn tell(&mut self) {
        self.tell_offsets();
        self.config.progress.set_message(format!(
            "{} batches, {} records, {} rejected, {} in hand, {} partitions",
            self.batches,
            self.records,
            self.rejected,
            self.gather.rows(),
            self.parts.len()
        ));
        self.config.progress.tick();
    }

    pub(super) fn refused(&self, action: &'static str, source: KafkaError) -> Error {
        Error::Kafka {
            brokers: self.config.brokers.clone(),
            action,
            reason: self.consumer.context().reports.last(),
            source: Box::new(source),
        }
    }

    fn summary(&self) -> Summary {
        Summary {
            batches: self.batches,
            records: self.records,
            rejected: self.rejected,
            partitions: self.taken.values().copied().collect(),
        }
    }
}
