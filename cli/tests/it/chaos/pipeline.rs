//! The parts that the chaos tests of `up` and of standing runs share: sending records, waiting for batches, and the checks.
//!
//! The checks hold whatever was killed: every record is in one place, every batch has its model, and no alias stands for a
//! model that is not there.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use gugus_damage::Draw;
use serde_json::Value;

use crate::kit::batch_files;
use crate::kit::judge;
use crate::kit::messages::{self, Message};
use crate::kit::sender::{Produced, Sender};
use crate::kit::topic::Topic;
use crate::kit::wait::until;

/// Two, so that a batch in the making has ranges of both.
const PARTITIONS: i32 = 2;

/// The fewest records of a burst: more than a batch has.
const LEAST: usize = 60;

/// One message in so many is poison.
const POISON: usize = 14;

/// Batches by both limits, and a model of every row, which takes the alias.
const REST: &str = "rows = 50\nidle = \"300ms\"\n[[models]]\nname = \"place\"\nfeatures = [\"n\", { name = \"x\", sql = \"coalesce(x, 0)\" }]\nk = 3\npromote = { if = \"rows > 0\", alias = \"production\" }";

/// The alias of [`REST`].
pub(super) const ALIAS: &str = "production";

/// A topic with a job of this name; none where there is no Kafka.
pub(super) fn topic(job: &str) -> Option<Topic> {
    Topic::new(job, PARTITIONS, |topic| messages::job(job, topic, REST))
}

/// Sends records in bursts.
pub(super) struct Bursts<'a> {
    topic: &'a Topic,
    sender: Sender,
    sent: i64,
}

impl<'a> Bursts<'a> {
    pub(super) fn new(topic: &'a Topic) -> Self {
        Self {
            topic,
            sender: Sender::new(topic.kafka.brokers(), &topic.name, PARTITIONS),
            sent: 0,
        }
    }

    /// One burst: [`LEAST`] records, and fewer than `more` others.
    pub(super) fn send(&mut self, more: usize, draw: &mut Draw) {
        let count = LEAST + draw.below(more);
        let burst = (0..count).map(|_| {
            self.sent += 1;
            match draw.below(POISON) {
                0 => Message::poison(self.sent),
                _ => Message::row(self.sent),
            }
        });
        let burst: Vec<Message> = burst.collect();
        self.sender.send(burst);
    }

    /// Waits until every record is in a batch, and gives all that was sent. A failure shows the `state` of the processes.
    #[track_caller]
    pub(super) fn until_in_batches(self, state: impl Fn() -> String) -> Vec<Produced> {
        let reached = self.sender.reached();
        let produced = self.sender.finish();
        let (goal, batches) = (reached.now(), self.topic.batches());
        until("every record is in a batch", || {
            let ends = batch_files::ends(&batches);
            let all = goal
                .iter()
                .all(|(partition, end)| ends.get(partition) >= Some(end));
            all.then_some(())
                .ok_or_else(|| format!("{goal:?} {ends:?} {}", state()))
        });
        produced
    }
}

/// Checks that each of these records is in one place, among the rows or among the rejects.
#[track_caller]
pub(super) fn check(topic: &Topic, produced: &[Produced], seed: u64) {
    let (batches, brokers) = (topic.batches(), topic.kafka.brokers());
    let account = judge::check(&batches, brokers, &topic.name, PARTITIONS, produced);
    assert_eq!(
        account.rows + account.rejects,
        produced.len(),
        "seed {seed}"
    );
}

/// The batch that the alias stands for, whose model has to be there, and the batches that were pruned.
pub(super) fn production(models: &Path) -> Result<(Option<u64>, Vec<RangeInclusive<u64>>), String> {
    let read = || -> Option<Value> {
        let text = fs::read(models.join("place/aliases.json")).ok()?;
        Some(serde_json::from_slice(&text).expect("a whole file"))
    };
    let Some(aliases) = read() else {
        return Ok((None, Vec::new()));
    };
    let at = aliases["aliases"][ALIAS]["batch"].as_u64();
    if let Some(at) = at
        && !trained(models).contains(&at)
    {
        // The alias may have moved on since, and the model been pruned.
        let moved = read().is_some_and(|now| now["aliases"][ALIAS] != aliases["aliases"][ALIAS]);
        assert!(moved, "the alias stands for batch {at}, which has no model");
        return Err("the alias moves".to_owned());
    }
    let pruned = aliases["pruned"].as_array().into_iter().flatten();
    let pruned = pruned.filter_map(|of| Some(of["first"].as_u64()?..=of["last"].as_u64()?));
    Ok((at, pruned.collect()))
}

/// The batches that have rows.
pub(super) fn with_rows(folder: &Path) -> Vec<u64> {
    let batches = batch_files::batches(folder).into_iter();
    batches
        .filter(|batch| !batch.rows.is_empty())
        .map(|batch| batch.number)
        .collect()
}

/// The batches with a whole model.
pub(super) fn trained(folder: &Path) -> Vec<u64> {
    let folder = folder.join("place");
    if !folder.exists() {
        return Vec::new();
    }
    let whole = |name: &String| folder.join(name).join("_SUCCESS").exists();
    let names = batch_files::names(&folder).into_iter().filter(whole);
    names
        .filter_map(|name| name.strip_prefix("batch_")?.parse().ok())
        .collect()
}
