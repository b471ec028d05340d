//! `gugus up` is killed while records come, and started again: every record is in one place, and every batch has its model.

use std::ops::RangeInclusive;
use std::path::Path;

use serde_json::Value;

use super::seeds;
use crate::kit::batch_files;
use crate::kit::draw::Draw;
use crate::kit::http;
use crate::kit::judge;
use crate::kit::kafka::Kafka;
use crate::kit::messages::{self, Message};
use crate::kit::process::{Signal, Up, up};
use crate::kit::sender::Sender;
use crate::kit::wait::until;
use crate::kit::work::Work;

/// Two, so that a batch in the making has ranges of both.
const PARTITIONS: i32 = 2;

/// How often it is killed.
const KILLS: usize = 4;

/// One message in so many is poison.
pub(super) const POISON: usize = 14;

/// Batches by both limits, and a model of every row, which takes the alias.
pub(super) const REST: &str = "rows = 50\nidle = \"300ms\"\n[[models]]\nname = \"place\"\nfeatures = [\"n\", { name = \"x\", sql = \"coalesce(x, 0)\" }]\nk = 3\npromote = { if = \"rows > 0\", alias = \"production\" }";

/// The alias of [`REST`].
pub(super) const ALIAS: &str = "production";

/// What kills come in the midst of.
#[derive(Clone, Copy, Debug)]
enum Amid {
    /// Records that are read.
    Reading,
    /// A batch that was just committed.
    Committing,
    /// A model that was just written.
    Training,
}

#[test]
fn up_goes_on_after_every_kill() {
    for seed in seeds() {
        let Some(kafka) = Kafka::shared() else { return };
        one(seed, kafka);
    }
}

fn one(seed: u64, kafka: &Kafka) {
    let (mut draw, work) = (Draw::new(seed, 7), Work::new());
    let topic = kafka.fresh_topic("up", PARTITIONS);
    let job = work.write("up.toml", messages::job("up", &topic, REST));
    let (batches, models) = (work.path("batch"), work.path("models"));
    let (batches, models) = (Path::new(&batches), Path::new(&models));
    let start = || {
        up([
            "up",
            "--job",
            &job,
            "--brokers",
            kafka.brokers(),
            "--listen",
            "127.0.0.1:0",
            "--scheduler-listen",
            "127.0.0.1:0",
            "--batches",
            batches.to_str().unwrap(),
            "--models",
            models.to_str().unwrap(),
        ])
    };
    let mut sender = Sender::new(kafka.brokers(), &topic, PARTITIONS);
    let mut sent = 0;
    let mut send = |draw: &mut Draw| {
        let count = 60 + draw.below(300);
        let burst = (0..count).map(|_| {
            sent += 1;
            match draw.below(POISON) {
                0 => Message::poison(sent),
                _ => Message::row(sent),
            }
        });
        sender.send(burst.collect::<Vec<_>>());
    };

    let mut process = start();
    for kill in 0..KILLS {
        let before = [batch_files::numbers(batches).len(), trained(models).len()];
        send(&mut draw);
        let amid = [Amid::Committing, Amid::Training, Amid::Reading][kill % 3];
        until(&format!("kill {kill} comes amid {amid:?}"), || {
            production(models)?;
            let now = [batch_files::numbers(batches).len(), trained(models).len()];
            let reached = match amid {
                Amid::Reading => true,
                Amid::Committing => now[0] > before[0],
                Amid::Training => now[1] > before[1],
            };
            reached
                .then_some(())
                .ok_or_else(|| format!("{before:?} {now:?} {}", process.stderr()))
        });
        process.stop(Signal::Kill);
        send(&mut draw);
        batch_files::age_leftovers(batches);
        process = start();
    }
    let reached = sender.reached();
    let produced = sender.finish();
    let goal = reached.now();
    until("every record is in a batch", || {
        let ends = batch_files::ends(batches);
        let all = goal
            .iter()
            .all(|(partition, end)| ends.get(partition) >= Some(end));
        all.then_some(())
            .ok_or_else(|| format!("{goal:?} {ends:?} {}", process.stderr()))
    });
    until("every batch has its model", || {
        complete(batches, models, &process)
    });
    process.stop(Signal::Term).expect(0);
    let account = judge::check(batches, kafka.brokers(), &topic, PARTITIONS, &produced);
    assert_eq!(account.rows + account.rejects, produced.len());
    let wanted: Vec<u64> = with_rows(batches);
    assert_eq!(trained(models), wanted, "seed {seed}");
}

/// Whether each batch with rows has a model, REST serves it, and the newest one has the alias.
fn complete(batches: &Path, models: &Path, process: &Up) -> Result<(), String> {
    let (newest, _) = production(models)?;
    let (wanted, found) = (with_rows(batches), trained(models));
    let served = http::get(format!("{}/models", process.url("rest")));
    let served: Vec<u64> = match served["models"][0]["batches"].as_array() {
        Some(served) => served.iter().filter_map(Value::as_u64).collect(),
        None => Vec::new(),
    };
    let so = wanted == found && wanted == served && wanted.last() == newest.as_ref();
    so.then_some(())
        .ok_or_else(|| format!("{wanted:?} {found:?} {served:?} {newest:?}"))
}

/// The batch that the alias stands for, whose model has to be there, and the batches that were pruned.
pub(super) fn production(models: &Path) -> Result<(Option<u64>, Vec<RangeInclusive<u64>>), String> {
    let read = || -> Option<Value> {
        let text = std::fs::read(models.join("place/aliases.json")).ok()?;
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
