//! The promises of `ingest`, with the real binary and a real Kafka. Each promise has a test of its name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::kit::batch_files;
use crate::kit::judge::{self, Account};
use crate::kit::messages::{self, Message};
use crate::kit::process::{Gugus, Output, Signal, Up};
use crate::kit::protocol::Protocol;
use crate::kit::reader::Group;
use crate::kit::same::{holds, short};
use crate::kit::sender::{End, Fate, Produced, Sender};
use crate::kit::topic::Topic;
use crate::kit::wait::until;

/// A topic and its batches.
struct Case(Topic);

impl Case {
    fn new(name: &str, partitions: i32, limits: &str) -> Option<Self> {
        let job = |topic: &str| messages::job(topic, topic, limits);
        Topic::new(name, partitions, job).map(Self)
    }

    fn batches(&self) -> PathBuf {
        self.0.batches()
    }

    fn brokers(&self) -> &str {
        self.0.kafka.brokers()
    }

    fn sender(&self) -> Sender {
        Sender::new(self.brokers(), &self.0.name, self.0.partitions)
    }

    fn group(&self) -> Group {
        let topic = &self.0.name;
        Group::new(self.brokers(), topic, topic, self.0.partitions)
    }

    fn ingest(&self, protocol: Protocol, more: &[&str]) -> Gugus {
        self.0.ingest(more).with(protocol.flags())
    }

    /// Starts an ingest that runs on, and waits until it has partitions.
    fn up(&self, protocol: Protocol) -> Up {
        let up = self.ingest(protocol, &[]).up();
        until("partitions are assigned", || {
            let said = up.stderr();
            let assigned = said.split(" assigned partitions=[").skip(1);
            // An empty list is an assignment, too.
            match assigned.into_iter().any(|list| !list.starts_with(']')) {
                true => Ok(()),
                false => Err(said),
            }
        });
        up
    }

    /// Waits until batches hold everything up to these offsets in all.
    fn await_total(&self, total: i64) {
        until("all records are in batches", || {
            let ends = batch_files::ends(&self.batches());
            let is_so = ends.values().sum::<i64>() >= total;
            let so = || format!("{total} offsets wanted, the batches end at {ends:?}");
            is_so.then_some(()).ok_or_else(so)
        });
    }

    fn await_batch(&self, number: u64) {
        until("the batch is there", || {
            let numbers = batch_files::numbers(&self.batches());
            let so = || format!("{number} wanted, there are {numbers:?}");
            numbers.contains(&number).then_some(()).ok_or_else(so)
        });
    }

    fn check(&self, produced: &[Produced]) -> Account {
        judge::check(
            &self.batches(),
            self.brokers(),
            &self.0.name,
            self.0.partitions,
            produced,
        )
    }
}

fn stop(up: Up) -> Output {
    up.stop(Signal::Term).expect(0)
}

fn rows(numbers: std::ops::Range<i64>) -> impl Iterator<Item = Message> {
    numbers.map(Message::row)
}

#[test]
fn an_idle_topic_flushes_within_its_interval_plus_one_second() {
    const IDLE: Duration = Duration::from_secs(2);
    let Some(case) = Case::new("idle", 1, "rows = 1000\nidle = \"2s\"") else {
        return;
    };
    let ingest = case.up(Protocol::Cooperative);
    let mut sender = case.sender();
    // The clock begins anew with each batch. It counts from the arrival of the record, so no batch is there earlier. Where
    // other programs run beside this test, a batch may be late, but not each of five.
    let mut late = Vec::new();
    while late.len() < 5 {
        let round = late.len() as i64;
        let sending = Instant::now();
        sender.send(rows(7 * round..7 * (round + 1)));
        sender.flush();
        let sent = Instant::now();
        case.await_batch(round as u64 + 1);
        let (least, most) = (sending.elapsed(), sent.elapsed());
        assert!(least >= IDLE, "{least:?}\n{}", short(&ingest.stderr()));
        late.push(most.saturating_sub(IDLE));
        if late.len() >= 2 && most < IDLE + Duration::from_secs(1) {
            break;
        }
    }
    let batches = late.len();
    let quickest = late.iter().min();
    assert!(quickest < Some(&Duration::from_secs(1)), "{late:?}");
    stop(ingest);
    assert_eq!(case.check(&sender.finish()).batches, batches);
}

#[test]
fn a_burst_after_an_idle_gap_is_not_cut_into_one_row_files() {
    let limits = "rows = 100\nidle = \"500ms\"\nmax_age = \"2s\"";
    let Some(case) = Case::new("burst", 1, limits) else {
        return;
    };
    let ingest = case.up(Protocol::Cooperative);
    let mut sender = case.sender();
    sender.send(rows(0..1));
    case.await_batch(1);
    // Longer than any limit of time of the closed batch.
    std::thread::sleep(Duration::from_millis(2_500));
    // A transaction shows all of them at once, however busy the machine is.
    sender.transaction(rows(1..251), End::Commit);
    case.await_total(251);
    stop(ingest);
    case.check(&sender.finish());
    let batches = batch_files::batches(&case.batches());
    let sizes = batches.iter().map(|batch| batch.rows.len());
    assert_eq!(sizes.collect::<Vec<_>>(), [1, 100, 100, 50]);
}

#[test]
fn poison_records_do_not_loop() {
    let Some(case) = Case::new("poison", 1, "rows = 1000\nidle = \"300ms\"") else {
        return;
    };
    let ingest = case.up(Protocol::Cooperative);
    let group = case.group();
    let mut sender = case.sender();
    sender.send((0..30).map(Message::poison));
    case.await_batch(1);
    until("the group's offset is behind them", || {
        match group.committed() {
            committed if committed == BTreeMap::from([(0, 30)]) => Ok(()),
            committed => Err(format!("{committed:?}\n{}", ingest.stderr())),
        }
    });
    // If they were read again, another batch would come within three idle times.
    std::thread::sleep(Duration::from_millis(1_000));
    assert_eq!(batch_files::numbers(&case.batches()), [1]);
    sender.send(rows(30..31));
    case.await_batch(2);
    stop(ingest);
    // The next ingest does not read them either.
    let again = case.ingest(Protocol::Cooperative, &["--until-end", "--output", "json"]);
    assert_eq!(again.run().expect(0).json()["batches"], 0);
    let account = case.check(&sender.finish());
    assert_eq!((account.batches, account.rejects, account.rows), (2, 30, 1));
    let batches = batch_files::batches(&case.batches());
    assert_eq!(batches[0].ranges(), [(0, 0, 30)]);
    assert_eq!(batches[1].ranges(), [(0, 30, 31)]);
}

/// The offsets that the group commits to Kafka never exceed the ends of the batches and never go back. This holds while a
/// member wakes up that was taken for dead and still holds records of partitions that others have now.
#[test]
fn offsets_are_not_committed_after_revoke() {
    for protocol in [Protocol::Eager, Protocol::Cooperative] {
        // The rest of the records stays in hand until the process is frozen.
        let Some(case) = Case::new("revoke", 2, "rows = 40\nidle = \"4s\"") else {
            return;
        };
        let (group, asked, folder) = (case.group(), case.group(), case.batches());
        let told_all = |what: &str| {
            until(what, || {
                let (told, ends) = (asked.committed(), batch_files::ends(&folder));
                let so = || format!("kafka was told {told:?}, the batches end at {ends:?}");
                (told == ends).then_some(()).ok_or_else(so)
            });
        };
        let over = AtomicBool::new(false);
        let sampled = std::thread::scope(|scope| {
            let sampler = scope.spawn(|| sample(&group, &folder, &over));
            // The scope waits for the sampler, so the sampler must end even if an assertion fails.
            let _over = SetOnDrop(&over);
            let mut sender = case.sender();
            let mut zombie = case.up(protocol);
            sender.send(rows(0..50));
            case.await_batch(1);
            told_all("kafka knows of the first batch");
            // It holds the ten records behind the batch.
            zombie.signal(Signal::Stop);
            let heir = case.up(protocol);
            sender.send(rows(50..80));
            case.await_batch(2);
            told_all("kafka knows of the second batch");
            zombie.signal(Signal::Cont);
            zombie.await_stderr(" revoked ");
            sender.send(rows(80..160));
            case.await_total(160);
            stop(zombie);
            stop(heir);
            let out = case.ingest(protocol, &["--until-end"]).run();
            out.expect(0);
            told_all("kafka knows of everything");
            case.check(&sender.finish());
            over.store(true, Ordering::SeqCst);
            sampler.join().unwrap()
        });
        assert_eq!(sampled.wrong, Vec::<String>::new(), "{protocol}");
        assert!(sampled.states > 2, "{protocol}: few states: {sampled:?}");
    }
}

#[derive(Debug, Default)]
struct Sampled {
    /// Different states that were seen.
    states: usize,
    wrong: Vec<String>,
}

/// Compares the committed offsets with the batches, again and again. The batches only grow, so they are read second.
fn sample(group: &Group, folder: &std::path::Path, over: &AtomicBool) -> Sampled {
    let mut sampled = Sampled::default();
    let mut before = BTreeMap::new();
    while !over.load(Ordering::SeqCst) {
        let told = group.committed();
        let ends = batch_files::ends(folder);
        for (partition, offset) in &told {
            if Some(offset) > ends.get(partition) {
                let wrong = format!("told {told:?}, batches end at {ends:?}");
                sampled.wrong.push(wrong);
            }
            if Some(offset) < before.get(partition) {
                let wrong = format!("told {told:?} after {before:?}");
                sampled.wrong.push(wrong);
            }
        }
        if told != before {
            sampled.states += 1;
            before = told;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    sampled
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Markers take offsets and are not records. Aborted records are in the topic and must not be seen.
#[test]
fn a_transactional_producer_leaves_no_gap() {
    let Some(case) = Case::new("markers", 3, "rows = 25") else {
        return;
    };
    let mut sender = case.sender();
    let mut next = 0;
    let mut some = |count: i64| {
        next += count;
        rows(next - count..next).chain((0..count / 10).map(Message::poison))
    };
    let until_end = || {
        let ingest = case.ingest(Protocol::Cooperative, &["--until-end", "--output", "json"]);
        ingest.run().expect(0).json()
    };
    sender.send(some(10));
    sender.flush();
    assert_eq!(sender.transaction(some(60), End::Commit), Fate::Sent);
    assert_eq!(sender.transaction(some(30), End::Abort), Fate::Aborted);
    sender.send(some(20));
    sender.flush();
    assert_eq!(sender.transaction(some(33), End::Commit), Fate::Sent);
    assert_eq!(sender.transaction(some(12), End::Abort), Fate::Aborted);
    let first = until_end();
    // 10 + 60 + 20 + 33 good records, and poison: a tenth of each number.
    holds(&first, json!({"records": 123, "rejected": 12}));
    // The batches end where the topic ends, behind the last marker.
    let ends = batch_files::ends(&case.batches()).into_values();
    let topic_ends = case.0.kafka.ends(&case.0.name, 3);
    assert_eq!(ends.collect::<Vec<_>>(), topic_ends);
    // The topic has only hidden records. `ingest` ends all the same, and the next commit passes them.
    assert_eq!(sender.transaction(some(9), End::Abort), Fate::Aborted);
    assert_eq!(until_end()["records"], 0);
    assert_eq!(sender.transaction(some(9), End::Commit), Fate::Sent);
    assert_eq!(until_end()["records"], 9);
    let account = case.check(&sender.finish());
    assert_eq!(batch_files::ends(&case.batches()), account.topic_ends);
}

#[test]
fn two_processes_share_a_topic_by_each_group_protocol() {
    for protocol in Protocol::ALL {
        let Some(case) = Case::new("share", 4, "rows = 20\nidle = \"300ms\"") else {
            return;
        };
        let mut sender = case.sender();
        let first = case.up(protocol);
        sender.send(rows(0..100));
        case.await_total(100);
        let second = case.up(protocol);
        sender.send(rows(100..500));
        case.await_total(500);
        let by_second = records(&stop(second));
        // The first takes over what the second had.
        sender.send(rows(500..600));
        case.await_total(600);
        let by_first = records(&stop(first));
        assert_eq!(by_first + by_second, 600, "{protocol}");
        assert!(by_second >= 100, "{protocol}: by the second: {by_second}");
        assert!(by_first >= 300, "{protocol}: by the first: {by_first}");
        case.check(&sender.finish());
    }
}

/// `600 records in 30 batches, 0 rejected`
fn records(output: &Output) -> i64 {
    let summary = output.stdout.lines().last().unwrap_or_default();
    let number = summary.split(' ').next().unwrap_or_default();
    let number = number.parse();
    number.unwrap_or_else(|_| panic!("no number begins {summary:?}"))
}
