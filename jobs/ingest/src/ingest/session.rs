//! The main loop.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gugus_batches::{BatchLog, FedBy};
use gugus_records::{Layout, Reason};
use gugus_spec::OffsetRange;
use rdkafka::Message;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::assign::{Looked, Target};
use super::commit::Log;
use super::context::{Change, Context};
use super::part::Part;
use super::settings::{DEFAULTS, FIXED};
use super::times::Times;
use super::topic::await_topic;
use super::{Config, Summary, Until};
use crate::Error;
use crate::client::{self, PATIENCE, Setup};
use crate::error::is_final;
use crate::gather::{Gather, Record};
use crate::window::RejectWindow;

/// The longest that a poll waits: what a stop signal, a limit of time or a look at the log may be late by.
const TICK: Duration = Duration::from_millis(100);

/// How often the progress line and the metrics change, and the group's offsets are told to Kafka.
const TELL: Duration = Duration::from_millis(250);

/// Records between two looks at the clock and at the batch that is on its way, while records keep coming.
const LOOK_EVERY: u32 = 64;

pub(super) struct Session<'a> {
    pub(super) config: &'a Config,
    pub(super) consumer: &'a BaseConsumer<Context>,
    /// What the consumer was made of.
    pub(super) setup: &'a Setup,
    pub(super) runtime: &'a Handle,
    pub(super) stop: &'a CancellationToken,
    /// How long the broker may take to answer a question.
    patience: Duration,
    pub(super) log: Log,
    pub(super) gather: Gather,
    pub(super) parts: BTreeMap<i32, Part>,
    window: RejectWindow,
    /// With [`Until::End`]: what each partition held at the start.
    pub(super) targets: BTreeMap<i32, Target>,
    pub(super) batches: u64,
    pub(super) records: u64,
    pub(super) rejected: u64,
    pub(super) taken: BTreeMap<i32, OffsetRange>,
    pub(super) times: Times,
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
    let setup = client::setup(&config.brokers, &defaults, &config.client, &FIXED, runtime)?;
    let context = Context::new(&setup.tokens);
    let consumer =
        BaseConsumer::from_config_and_context(&setup.config, context).map_err(Error::client)?;
    let result = in_group(config, &setup, runtime, ready, stop, &consumer);
    // Closing waits until the group's last changes are answered.
    consumer.context().close();
    drop(consumer);
    result
}

fn in_group(
    config: &Config,
    setup: &Setup,
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
    let batch = log.head().map(|head| head.number.get());
    let now = Instant::now();
    let mut session = Session {
        config,
        consumer,
        setup,
        runtime,
        stop,
        patience: PATIENCE,
        log: Log::Here(Box::new(log)),
        gather: Gather::new(Layout::new(&config.job.source)),
        parts: BTreeMap::new(),
        window: RejectWindow::new(config.job.batches.max_reject_ratio),
        targets: BTreeMap::new(),
        batches: 0,
        records: 0,
        rejected: 0,
        taken: BTreeMap::new(),
        times: Times::default(),
        told: now,
        looked: now,
        untold: false,
    };
    // Asked for all partitions, also for those that others will read: what is wrong shows before work begins.
    session.check_start(&all)?;
    let found = match session.find(&all) {
        Err(_) if stop.is_cancelled() => return Ok(Summary::default()),
        found => found?,
    };
    if config.until == Until::End {
        session.targets = found
            .iter()
            .filter_map(|f| Some((f.partition, f.target()?)))
            .collect();
    }
    // A broker that was there comes back, however long its restart takes.
    session.patience = Duration::MAX;
    tracing::info!(topic, partitions = all.len(), batches = ?batch, "ready");
    // Nobody may listen any more.
    let _ = ready.send(());
    session.run()?;
    session.times.tell(now);
    Ok(session.summary())
}

impl<'a> Session<'a> {
    fn run(&mut self) -> Result<(), Error> {
        if self.is_done()? {
            return Ok(());
        }
        let topic = self.config.job.source.topic.as_str();
        self.consumer
            .subscribe(&[topic])
            .map_err(|e| self.refused("the subscription", e))?;
        while !self.stop.is_cancelled() {
            self.read()?;
            while let Some(change) = self.consumer.context().change() {
                match self.answer(change) {
                    // The broker was away, and we are not to wait for it any more.
                    Err(_) if self.stop.is_cancelled() => break,
                    answered => answered?,
                }
            }
            if self.has_landed() {
                self.settle()?;
            }
            if let Some(most) = self.config.max_batches {
                if self.on_their_way() >= most {
                    self.settle()?;
                }
                if self.batches >= most {
                    break;
                }
            }
            if let Some(error) = self.window.exceeded() {
                self.commit_all()?;
                self.tell_offsets();
                return Err(error);
            }
            if self.told.elapsed() >= TELL {
                self.told = Instant::now();
                self.tell();
            }
            if self.is_done()? {
                self.commit_all()?;
                // The commit may have found that another process was faster, and there is more to read.
                if self.is_done()? {
                    break;
                }
            }
        }
        // With --max-batches what is in hand is read again by the next run.
        if self
            .config
            .max_batches
            .is_none_or(|most| self.batches < most)
        {
            self.commit_all()?;
        }
        self.tell_offsets();
        self.tell();
        Ok(())
    }

    /// Takes records for as long as there are some, up to a number, or waits a moment for one.
    fn read(&mut self) -> Result<(), Error> {
        let deadline = self.gather.deadline(&self.config.job.batches);
        let mut wait = deadline.map_or(TICK, |at| {
            at.saturating_duration_since(Instant::now()).min(TICK)
        });
        for _ in 0..LOOK_EVERY {
            let polled = self.times.clock();
            let message = self.consumer.poll(wait);
            self.times.polled(polled);
            match message {
                Some(Ok(message)) => {
                    let parsed = self.times.clock();
                    self.take(&message);
                    self.times.parsed(parsed);
                }
                Some(Err(error)) => {
                    self.error(error)?;
                    break;
                }
                None => break,
            }
            if self.gather.is_full(&self.config.job.batches) {
                self.commit()?;
                break;
            }
            // What the group asks for must be answered before more is taken.
            if self.window.is_exceeded() || self.consumer.context().has_change() {
                break;
            }
            wait = Duration::ZERO;
        }
        let deadline = self.gather.deadline(&self.config.job.batches);
        if deadline.is_some_and(|at| at <= Instant::now()) {
            self.commit()?;
        }
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
        part.at_end = false;
        let record = Record {
            partition,
            offset,
            timestamp: message.timestamp().to_millis(),
            key: message.key(),
            value: message.payload(),
        };
        part.last.set(&record);
        let bytes = record.value.map_or(0, <[u8]>::len);
        let limit = self.config.job.batches.max_record_bytes;
        let refused = match (record.value, limit) {
            (Some(value), Some(most)) if value.len() as u64 > most => {
                let reason = Reason::TooLarge {
                    bytes: value.len() as u64,
                    most,
                };
                Some(self.gather.reject(record, "too_large", reason.to_string()))
            }
            (Some(value), _) => self
                .gather
                .push(record, |columns| columns.push_record(value)),
            (None, _) => {
                let reason = "the record has no value".to_owned();
                Some(self.gather.reject(record, "null", reason))
            }
        };
        match refused {
            Some(refused) => {
                if let Some(metrics) = &self.config.metrics {
                    metrics.rejected(refused.kind);
                }
                self.window.rejected(refused.reason);
            }
            None => self.window.accepted(1),
        }
        if let Some(metrics) = &self.config.metrics {
            metrics.read(bytes);
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
                match self.look_again()? {
                    Looked::Jumped => Ok(()),
                    Looked::AllThere => Err(self.refused("an offset", error)),
                }
            }
            Some(
                RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopicId,
            ) => self.topic_is_gone(),
            Some(code) if is_final(code) => Err(self.refused("to go on", error)),
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                Err(self.refused("to go on", error))
            }
            // librdkafka goes on by itself, and has reported it.
            _ => Ok(()),
        }
    }

    /// The broker says that the topic is not there. It may be back by now, as another one.
    fn topic_is_gone(&mut self) -> Result<(), Error> {
        self.commit_all()?;
        let stop = CancellationToken::new();
        match await_topic(self.config, self.consumer, &stop)? {
            Some(_) => self.look_again().map(drop),
            None => Ok(()),
        }
    }

    /// Whether a question to the broker that began then is given up.
    pub(super) fn gives_up(&self, begun: Instant) -> bool {
        begun.elapsed() > self.patience || self.stop.is_cancelled()
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

    /// Batches that are committed, and the one that may be soon.
    fn on_their_way(&self) -> u64 {
        self.batches + u64::from(matches!(self.log, Log::Writing(_)))
    }

    fn tell(&mut self) {
        self.tell_offsets();
        let highs = self.consumer.context().highs();
        if let Some(metrics) = &self.config.metrics {
            let oldest = match &self.log {
                Log::Writing(flight) => Some(flight.opened),
                _ => self.gather.opened(),
            };
            let oldest = oldest.map_or(Duration::ZERO, |opened| opened.elapsed());
            metrics.tell(&self.parts, &highs, oldest);
        }
        let behind = |(partition, part): (&i32, &Part)| Some(highs.get(partition)? - part.written);
        let lag: Option<i64> = self.parts.iter().map(behind).sum();
        self.config
            .progress
            .set_position(self.records + self.rejected);
        self.config.progress.set_message(format!(
            "in {} batches, {} rejected, {} in hand, lag {}, {} partitions",
            self.batches,
            self.rejected,
            self.gather.rows(),
            lag.map_or_else(|| "not known".to_owned(), |lag| lag.max(0).to_string()),
            self.parts.len(),
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
