//! `gugus up` is killed while records come, and started again: every record is in one place, and every batch has its model.

use std::path::Path;

use gugus_damage::Draw;
use serde_json::Value;

use super::pipeline::{self, Bursts, check, production, trained, with_rows};
use super::seeds;
use crate::kit::batch_files;
use crate::kit::http;
use crate::kit::process::{Signal, Up, up};
use crate::kit::topic::Topic;
use crate::kit::wait::until;

/// How often it is killed.
const KILLS: usize = 4;

/// Bounds the records of a burst.
const MORE: usize = 300;

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
        let Some(topic) = pipeline::topic("up") else {
            return;
        };
        one(seed, &topic);
    }
}

fn one(seed: u64, topic: &Topic) {
    let mut draw = Draw::new(seed, 7);
    let (batches, models) = (topic.work.path("batch"), topic.work.path("models"));
    let start = || {
        up([
            "up",
            "--job",
            &topic.job,
            "--brokers",
            topic.kafka.brokers(),
            "--listen",
            "127.0.0.1:0",
            "--scheduler-listen",
            "127.0.0.1:0",
            "--batches",
            &batches,
            "--models",
            &models,
        ])
    };
    let (batches, models) = (Path::new(&batches), Path::new(&models));
    let mut bursts = Bursts::new(topic);

    let mut process = start();
    for kill in 0..KILLS {
        let before = [batch_files::numbers(batches).len(), trained(models).len()];
        bursts.send(MORE, &mut draw);
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
        bursts.send(MORE, &mut draw);
        batch_files::age_leftovers(batches);
        process = start();
    }
    let produced = bursts.until_in_batches(|| process.stderr());
    until("every batch has its model", || {
        complete(batches, models, &process)
    });
    process.stop(Signal::Term).expect(0);
    check(topic, &produced, seed);
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
