//! The main loop: it composes the reader and the writer, and answers the group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gugus_batches::{BatchLog, FedBy, PartitionEnd};
use gugus_spec::Kept;
use rdkafka::Message;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::BorrowedMessage;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::broker::Broker;
use super::config::{Config, Summary, Until};
use super::connection::{Link, METADATA_REFRESH};
use super::consumer_settings::{DEFAULTS, FIXED};
use super::group::{Change, GroupEvents};
use super::headers::headers_as_json;
use super::progress::Progress;
use super::reader::{Polled, Reader};
use super::recreated::{TopicCheck, Witness};
use super::second_consumer::SecondConsumer;
use super::targets::Targets;
use super::times::Times;
use super::where_to_read::{Choice, Found};
use super::writer::{Answer, Writer};
use crate::Error;
use crate::kafka::setup::{self, Properties, Setup};
use crate::kafka::topic::{PATIENCE, TopicAt};
use crate::open_batch::Record;

/// The longest wait of a poll. A stop signal, a limit of time or a look at the log may be late by this much.
const TICK: Duration = Duration::from_millis(100);

/// How many records are read between two looks at the clock and at the batch that is written.
const LOOK_EVERY: u32 = 64;

/// How often a member that has read its partitions looks whether the others have read theirs.
const LOOK_AT_OTHERS: Duration = Duration::from_secs(1);

/// Runs until the end. Sends `ready` when the folder is read and the broker has answered.
pub(super) fn run(
    config: &Config,
    runtime: &Handle,
    ready: oneshot::Sender<()>,
    link: &Arc<Link>,
    stop: &CancellationToken,
) -> Result<Summary, Error> {
    let group = [("group.id", config.job.name.as_str())];
    let more = group.into_iter().chain(METADATA_REFRESH);
    let defaults: Vec<_> = more.chain(DEFAULTS).collect();
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
    let at = TopicAt {
        brokers: &config.brokers,
        topic: &config.job.source.topic,
        stop,
    };
    let second = Arc::new(SecondConsumer::new(&setup, at)?);
    let broker = Broker {
        consumer: &consumer,
        at,
        patience: PATIENCE,
        link,
        second: &second,
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
    let check = TopicCheck::new(Arc::clone(broker.second), Arc::clone(broker.link));
    let check_topic = Arc::new(move |witnesses: &[Witness]| check.verdict(witnesses));
    let mut session = Session {
        config,
        reader: Reader::new(broker),
        writer: Writer::new(log, &config.job, runtime, check_topic),
        choice: Choice {
            start: &config.start,
            on_reset: config.on_reset,
        },
        targets: None,
        progress: Progress::new(config),
        times: Times::default(),
        looked: begun,
        keeps_headers: config.job.source.keep.contains(&Kept::Headers),
    };
    // Looks up all partitions, also those that other members will read, so that errors show before work begins.
    session.choice.check(topic, &all)?;
    let found = match session.find(&all) {
        Err(_) if stop.is_cancelled() => return Ok(Summary::default()),
        found => found?,
    };
    if config.until == Until::End {
        session.targets = Some(Targets::of(&found));
    }
    // The broker was there, so it will come back. Its restart may take any time.
    session.reader.broker.patience = Duration::MAX;
    tracing::info!(topic, partitions = all.len(), batches = ?batch, "ready");
    broker.link.opened();
    // Perhaps nobody listens any more.
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
    /// With [`Until::End`]: the offsets up to which the batches must reach.
    targets: Option<Targets>,
    progress: Progress<'a>,
    times: Times,
    /// When we last looked in the log for batches of others.
    looked: Instant,
    keeps_headers: bool,
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
                    // The broker is away, and after a stop we do not wait for it.
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
        // After --max-batches the next run reads the records in hand again.
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

    /// Takes records as long as there are some, up to a number, or waits a moment for one.
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
                    // The error does not say which partition it means.
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
            // A change of the group must be answered before more records are taken.
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
        let headers = match self.keeps_headers {
            true => headers_as_json(message),
            false => None,
        };
        let record = Record {
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key(),
            value: message.payload(),
            headers: headers.as_deref(),
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

    /// Begins to write the records in hand as the next batch.
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

    /// Waits until no batch is being written.
    fn settle(&mut self) -> Result<(), Error> {
        let answers = self.writer.settle()?;
        self.follow(answers)
    }

    /// Writes the records in hand, and waits until they are in the log.
    fn commit_all(&mut self) -> Result<(), Error> {
        self.commit()?;
        self.settle()
    }

    /// Acts on the writer's answers.
    fn follow(&mut self, answers: Vec<Answer>) -> Result<(), Error> {
        let recreated = |answer: &Answer| matches!(answer, Answer::Recreated);
        let recreated = answers.iter().any(recreated);
        for answer in answers {
            match answer {
                // The ends are those of the topic that is gone.
                Answer::Moved(_) if recreated => {}
                Answer::Committed { footer, took } => {
                    self.times.committed(took);
                    self.progress.committed(&footer, took);
                }
                Answer::Moved(starts) => {
                    self.reader.read_from(&starts, &self.writer.positions())?;
                }
                Answer::Recreated => {
                    let partitions = self.partitions();
                    let found = self.find(&partitions)?;
                    self.go_on(found)?;
                }
            }
        }
        Ok(())
    }

    /// Reads the newest footer when no batch of ours is being written.
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

    /// Reads the newest footer, then reads the partitions from there.
    fn assigned(&mut self, partitions: &[i32]) -> Result<(), Error> {
        self.refresh()?;
        let found = self.find(partitions)?;
        tracing::info!(?partitions, "assigned");
        let starts = self.begin(found);
        self.reader.assign(&starts)
    }

    /// Commits the records in hand of these partitions, if possible, then gives the partitions back.
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

    /// Looks up where to read partitions from.
    fn find(&mut self, partitions: &[i32]) -> Result<Vec<Found>, Error> {
        self.settle()?;
        let log = self.writer.log()?;
        let end = |partition: &i32| Some((*partition, log.partition_end(*partition)?.clone()));
        let ends: BTreeMap<i32, PartitionEnd> = partitions.iter().filter_map(end).collect();
        self.choice.find(&self.reader.broker, partitions, ends)
    }

    /// From now on takes the records of these partitions.
    fn begin(&mut self, found: impl IntoIterator<Item = Found>) -> BTreeMap<i32, i64> {
        let mut starts = BTreeMap::new();
        for found in found {
            starts.insert(found.partition, found.start);
            // After a jump the last record is of another topic, or it is gone.
            let known = found.known.filter(|_| found.jump.is_none());
            let witness = known.and_then(|end| end.last);
            self.writer
                .begin(found.partition, found.start, found.jump, witness);
        }
        starts
    }

    /// Commits the records in hand, then looks up anew where to read every partition from. Called when the broker says that
    /// our positions or the topic are not there.
    fn look_again(&mut self) -> Result<Looked, Error> {
        self.commit_all()?;
        let partitions = self.partitions();
        let mut found = self.find(&partitions)?;
        found.retain(|found| found.jump.is_some());
        if found.is_empty() {
            return Ok(Looked::AllThere);
        }
        self.go_on(found)?;
        Ok(Looked::Jumped)
    }

    /// Reads these partitions on from other places.
    fn go_on(&mut self, found: Vec<Found>) -> Result<(), Error> {
        let starts = self.begin(found);
        self.reader.read_from(&starts, &self.writer.positions())
    }

    /// Our partitions.
    fn partitions(&self) -> Vec<i32> {
        self.writer.partitions().keys().copied().collect()
    }

    /// The broker says that the topic is not there. By now another topic of that name may be there.
    fn topic_is_gone(&mut self) -> Result<(), Error> {
        self.commit_all()?;
        let never = CancellationToken::new();
        match self.reader.broker.await_topic(&never)? {
            Some(_) => self.look_again().map(drop),
            None => Ok(()),
        }
    }

    /// With [`Until::End`]: whether all records that were there at the start are in batches, by us or by others.
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
        // Others may wait for our last batch, as we wait for theirs.
        self.commit_all()?;
        if self.looked.elapsed() >= LOOK_AT_OTHERS {
            self.looked = Instant::now();
            self.refresh()?;
        }
        self.others_are_done()
    }

    /// Whether batches reach the targets of all partitions that are not ours.
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

    /// Tells the group's offsets to Kafka, and updates progress and metrics.
    fn tell(&mut self) {
        self.tell_offsets();
        let mut news = self.reader.events().news();
        let partitions = self.writer.partitions().keys().copied();
        let lost = self.reader.broker.link.judge(&news, partitions);
        if lost.is_some() {
            // These ends are old.
            news.highs.clear();
        }
        self.progress.tell(&self.writer, &news.highs, lost);
    }

    fn tell_offsets(&mut self) {
        let untold = self.progress.untold(&self.writer);
        self.reader.commit_offsets(&untold);
    }
}

/// The result of a second look at the topic.
#[derive(PartialEq, Eq)]
enum Looked {
    /// All the next records are there.
    AllThere,
    /// Some are not there, and we read on elsewhere.
    Jumped,
}
