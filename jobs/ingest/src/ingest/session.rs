//! The main loop: it composes the reader and the writer, and answers the group.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use gugus_batches::{BatchLog, FedBy, PartitionEnd};
use rdkafka::Message;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::BorrowedMessage;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::broker::Broker;
use super::config::{Config, Summary, Until};
use super::consumer_settings::{DEFAULTS, FIXED};
use super::group::{Change, GroupEvents};
use super::progress::Progress;
use super::reader::{Polled, Reader};
use super::starts::{Choice, Found};
use super::targets::Targets;
use super::times::Times;
use super::writer::{Answer, Writer};
use crate::Error;
use crate::kafka::setup::{self, Properties, Setup};
use crate::kafka::topic::{PATIENCE, TopicAt};
use crate::open_batch::Record;

/// The longest that a poll waits: what a stop signal, a limit of time or a look at the log may be late by.
const TICK: Duration = Duration::from_millis(100);

/// Records between two looks at the clock and at the batch that is on its way, while records keep coming.
const LOOK_EVERY: u32 = 64;

/// How often a member that has read everything looks whether the others have.
const LOOK_AT_OTHERS: Duration = Duration::from_secs(1);

/// Runs until the end; `ready` is told when the folder is read and the broker has answered.
pub(super) fn run(
    config: &Config,
    runtime: &Handle,
    ready: oneshot::Sender<()>,
    stop: &CancellationToken,
) -> Result<Summary, Error> {
    let group = [("group.id", config.job.name.as_str())];
    let defaults: Vec<_> = group.into_iter().chain(DEFAULTS).collect();
    let properties = Properties {
        brokers: &config.brokers,
        defaults: &defaults,
        user: &config.client,
        fixed: &FIXED,
    };
    let setup = Setup::new(&properties, runtime)?;
    let context = setup.context(GroupEvents::default());
    let consumer =
        BaseConsumer::from_config_and_context(&setup.config, context).map_err(setup::refused)?;
    let broker = Broker {
        consumer: &consumer,
        setup: &setup,
        at: TopicAt {
            brokers: &config.brokers,
            topic: &config.job.source.topic,
            stop,
        },
        patience: PATIENCE,
    };
    let result = in_group(config, runtime, ready, broker);
    // Closing waits until the group's last changes are answered.
    consumer.context().events.close();
    drop(consumer);
    result
}

fn in_group(
    config: &Config,
    runtime: &Handle,
    ready: oneshot::Sender<()>,
    broker: Broker<'_>,
) -> Result<Summary, Error> {
    let (topic, stop) = (broker.at.topic, broker.at.stop);
    let open = BatchLog::open(config.store.clone(), &config.job.name, topic);
    let log = runtime.block_on(open).map_err(Error::open)?;
    if log.fed_by() == FedBy::Imports {
        return Err(Error::fed_by(&config.store, "imports"));
    }
    let Some(all) = broker.await_topic(stop)? else {
        return Ok(Summary::default());
    };
    let batch = log.head().map(|head| head.number.get());
    let begun = Instant::now();
    let mut session = Session {
        config,
        reader: Reader::new(broker),
        writer: Writer::new(log, &config.job, runtime),
        choice: Choice {
            start: &config.start,
            on_reset: config.on_reset,
        },
        targets: None,
        progress: Progress::new(config),
        times: Times::default(),
        looked: begun,
    };
    // Asked for all partitions, also for those that others will read: what is wrong shows before work begins.
    session.choice.check(topic, &all)?;
    let found = match session.find(&all) {
        Err(_) if stop.is_cancelled() => return Ok(Summary::default()),
        found => found?,
    };
    if config.until == Until::End {
        session.targets = Some(Targets::of(&found));
    }
    // A broker that was there comes back, however long its restart takes.
    session.reader.broker.patience = Duration::MAX;
    tracing::info!(topic, partitions = all.len(), batches = ?batch, "ready");
    // Nobody may listen any more.
    let _ = ready.send(());
    session.run()?;
    session.times.tell(begun, session.writer.waited);
    Ok(session.progress.summary())
}

struct Session<'a> {
    config: &'a Config,
    reader: Reader<'a>,
    writer: Writer,
    choice: Choice<'a>,
    /// With [`Until::End`]: what is to be in batches.
    targets: Option<Targets>,
    progress: Progress<'a>,
    times: Times,
    /// When the log was last looked at for what others wrote.
    looked: Instant,
}

impl Session<'_> {
    fn run(&mut self) -> Result<(), Error> {
        if self.is_done()? {
            return Ok(());
        }
        self.reader.join()?;
        while !self.is_stopped() {
            self.read()?;
            while let Some(change) = self.reader.events().change() {
                match self.answer(&change) {
                    // The broker was away, and we are not to wait for it any more.
                    Err(_) if self.is_stopped() => break,
                    answered => answered?,
                }
            }
            if self.writer.has_landed() {
                self.settle()?;
            }
            if let Some(most) = self.config.max_batches {
                if self.progress.batches + u64::from(self.writer.is_writing()) >= most {
                    self.settle()?;
                }
                if self.progress.batches >= most {
                    break;
                }
            }
            if let Some(error) = self.writer.open.too_many_rejects() {
                self.commit_all()?;
                self.tell_offsets();
                return Err(error);
            }
            if self.progress.is_due() {
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
        let batches = self.progress.batches;
        if self.config.max_batches.is_none_or(|most| batches < most) {
            self.commit_all()?;
        }
        self.tell();
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.reader.broker.at.stop.is_cancelled()
    }

    /// Takes records for as long as there are some, up to a number, or waits a moment for one.
    fn read(&mut self) -> Result<(), Error> {
        let mut wait = self.writer.open.deadline().map_or(TICK, |at| {
            at.saturating_duration_since(Instant::now()).min(TICK)
        });
        for _ in 0..LOOK_EVERY {
            let polled = self.times.clock();
            let message = self.reader.poll(wait)?;
            self.times.polled(polled);
            match message {
                Polled::Record(message) => {
                    let parsed = self.times.clock();
                    self.take(&message);
                    self.times.parsed(parsed);
                }
                Polled::Nothing => break,
                Polled::NoSuchOffset(error) => {
                    // Which partition it is does not come with the error.
                    if self.look_again()? == Looked::AllThere {
                        return Err(self.reader.broker.refused("an offset", error));
                    }
                    break;
                }
                Polled::NoSuchTopic => {
                    self.topic_is_gone()?;
                    break;
                }
            }
            if self.writer.open.is_full() {
                self.commit()?;
                break;
            }
            // What the group asks for must be answered before more is taken.
            if self.writer.open.has_too_many_rejects() || self.reader.events().has_change() {
                break;
            }
            wait = Duration::ZERO;
        }
        let deadline = self.writer.open.deadline();
        if deadline.is_some_and(|at| at <= Instant::now()) {
            self.commit()?;
        }
        Ok(())
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) {
        let record = Record {
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key(),
            value: message.payload(),
        };
        let most = self.config.job.batches.max_record_bytes;
        let taken = self.writer.push(record, |columns| {
            columns.push_record(record.value_within(most)?)
        });
        if let Some(taken) = taken {
            let bytes = record.value.map_or(0, <[u8]>::len);
            self.progress.read(bytes, taken);
        }
    }

    /// Sends what is in hand on its way to be the next batch.
    fn commit(&mut self) -> Result<(), Error> {
        if self.writer.open.is_empty() {
            return Ok(());
        }
        for (partition, next) in self.reader.positions() {
            self.writer.pass(partition, next);
        }
        let answers = self.writer.commit()?;
        self.follow(answers)
    }

    /// Waits until no batch is on its way.
    fn settle(&mut self) -> Result<(), Error> {
        let answers = self.writer.settle()?;
        self.follow(answers)
    }

    /// Sends what is in hand on its way, and waits until it is in the log.
    fn commit_all(&mut self) -> Result<(), Error> {
        self.commit()?;
        self.settle()
    }

    /// Does what the writer's answers ask for.
    fn follow(&mut self, answers: Vec<Answer>) -> Result<(), Error> {
        for answer in answers {
            match answer {
                Answer::Committed { footer, took } => {
                    self.times.committed(took);
                    self.progress.committed(&footer, took);
                }
                Answer::Moved(starts) => {
                    self.reader.read_from(&starts, &self.writer.positions())?;
                }
            }
        }
        Ok(())
    }

    /// Reads the newest footer, once no batch of ours is on its way.
    fn refresh(&mut self) -> Result<(), Error> {
        self.settle()?;
        self.writer.refresh()
    }

    /// Answers a change of the group.
    fn answer(&mut self, change: &Change) -> Result<(), Error> {
        let answered = match change {
            Change::Assigned(partitions) => self.assigned(partitions),
            Change::Revoked(partitions) => self.revoked(partitions.iter().copied().collect()),
        };
        if answered.is_err() {
            self.reader.give_up(change);
        }
        answered
    }

    /// Reads the newest footer, then reads on from there.
    fn assigned(&mut self, partitions: &[i32]) -> Result<(), Error> {
        self.refresh()?;
        let found = self.find(partitions)?;
        tracing::info!(?partitions, "assigned");
        let starts = self.begin(found);
        self.reader.assign(&starts)
    }

    /// Commits what is in hand of these partitions first, if it can be.
    fn revoked(&mut self, revoked: BTreeSet<i32>) -> Result<(), Error> {
        let mut partitions = self.writer.partitions().iter();
        if partitions.any(|(id, partition)| revoked.contains(id) && partition.is_in_hand()) {
            self.commit()?;
        }
        // The next owner reads where the log ends.
        self.settle()?;
        self.tell_offsets();
        tracing::info!(partitions = ?revoked, "revoked");
        self.writer.end(&revoked);
        self.reader.unassign(&revoked)
    }

    /// Looks up where partitions are to be read from.
    fn find(&mut self, partitions: &[i32]) -> Result<Vec<Found>, Error> {
        self.settle()?;
        let log = self.writer.log()?;
        let end = |partition: &i32| Some((*partition, log.partition_end(*partition)?.clone()));
        let ends: BTreeMap<i32, PartitionEnd> = partitions.iter().filter_map(end).collect();
        self.choice.find(&self.reader.broker, partitions, ends)
    }

    /// Takes records of partitions from where they were found to begin.
    fn begin(&mut self, found: impl IntoIterator<Item = Found>) -> BTreeMap<i32, i64> {
        let mut starts = BTreeMap::new();
        for found in found {
            starts.insert(found.partition, found.start);
            self.writer.begin(found.partition, found.start, found.jump);
        }
        starts
    }

    /// Looks anew where every partition in hand is to be read from; what is in hand is committed first. Called when
    /// the broker says that our positions are not there, or that the topic is not.
    fn look_again(&mut self) -> Result<Looked, Error> {
        self.commit_all()?;
        let partitions: Vec<i32> = self.writer.partitions().keys().copied().collect();
        let mut found = self.find(&partitions)?;
        found.retain(|found| found.jump.is_some());
        if found.is_empty() {
            return Ok(Looked::AllThere);
        }
        let starts = self.begin(found);
        self.reader.read_from(&starts, &self.writer.positions())?;
        Ok(Looked::Jumped)
    }

    /// The broker says that the topic is not there. It may be back by now, as another one.
    fn topic_is_gone(&mut self) -> Result<(), Error> {
        self.commit_all()?;
        let never = CancellationToken::new();
        match self.reader.broker.await_topic(&never)? {
            Some(_) => self.look_again().map(drop),
            None => Ok(()),
        }
    }

    /// With [`Until::End`]: whether everything that was there at the start is in batches, of ours or of others.
    fn is_done(&mut self) -> Result<bool, Error> {
        let Some(targets) = &self.targets else {
            return Ok(false);
        };
        let mut partitions = self.writer.partitions().iter();
        if !partitions.all(|(id, p)| self.reader.is_at_end(*id) || targets.is_read(*id, p.next)) {
            return Ok(false);
        }
        if self.others_are_done()? {
            return Ok(true);
        }
        // Others may wait for our last batch as we do for theirs.
        self.commit_all()?;
        if self.looked.elapsed() >= LOOK_AT_OTHERS {
            self.looked = Instant::now();
            self.refresh()?;
        }
        self.others_are_done()
    }

    /// Whether partitions that are not ours are in batches up to their targets.
    fn others_are_done(&mut self) -> Result<bool, Error> {
        let ours = self.writer.partitions();
        if self
            .targets
            .as_ref()
            .is_none_or(|targets| targets.are_ours(ours))
        {
            return Ok(true);
        }
        self.settle()?;
        let (ours, log) = (self.writer.partitions(), self.writer.log()?);
        let targets = self.targets.as_ref();
        Ok(targets.is_none_or(|targets| targets.others_are_reached(ours, log)))
    }

    /// Tells the group's offsets to Kafka, and shows where the run is.
    fn tell(&mut self) {
        self.tell_offsets();
        let highs = self.reader.events().highs();
        self.progress.tell(&self.writer, &highs);
    }

    fn tell_offsets(&mut self) {
        let untold = self.progress.untold(&self.writer);
        self.reader.commit_offsets(&untold);
    }
}

/// What a second look at the topic found.
#[derive(PartialEq, Eq)]
enum Looked {
    /// Everything that comes next is there.
    AllThere,
    /// Something is not, and we read on elsewhere.
    Jumped,
}
