//! `gugus ingest` and `gugus train --follow` are killed while records come and models are pruned. Every record is in one
//! place, every batch has its model, and an alias never stands for nothing.

use std::path::Path;

use super::seeds;
use super::up::{ALIAS, POISON, REST, production, trained, with_rows};
use crate::kit::batch_files;
use crate::kit::draw::Draw;
use crate::kit::judge;
use crate::kit::kafka::Kafka;
use crate::kit::messages::{self, Message};
use crate::kit::process::{Gugus, Signal, Up, run};
use crate::kit::protocol::Protocol;
use crate::kit::sender::Sender;
use crate::kit::wait::until;
use crate::kit::work::Work;

const PARTITIONS: i32 = 2;

/// Who is killed, one after another.
const KILLS: [Killed; 5] = [
    Killed::Training,
    Killed::Ingest,
    Killed::Training,
    Killed::Both,
    Killed::Training,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    Ingest,
    Training,
    Both,
}

#[test]
fn a_standing_run_goes_on_after_every_kill() {
    for seed in seeds() {
        let Some(kafka) = Kafka::shared() else { return };
        one(seed, kafka);
    }
}

fn one(seed: u64, kafka: &Kafka) {
    let (mut draw, work) = (Draw::new(seed, 8), Work::new());
    let topic = kafka.fresh_topic("standing", PARTITIONS);
    let job = work.write("standing.toml", messages::job("standing", &topic, REST));
    let (batches, models) = (work.path("batch"), work.path("models"));
    let ingest = || {
        let places = ["--job", &job, "--batches", &batches];
        let ingest = Gugus::new([&["ingest", "--brokers", kafka.brokers()], &places[..]].concat());
        let properties = Protocol::Eager.properties().into_iter();
        let properties =
            properties.flat_map(|(key, value)| ["-K".to_owned(), format!("{key}={value}")]);
        ingest.with(properties).spawn()
    };
    let train = || {
        let places = ["--job", &job, "--batches", &batches, "--models", &models];
        Gugus::new([&["train", "--follow"], &places[..]].concat()).spawn()
    };
    let prune = || {
        run(["models", "prune", "--keep", "3", "--models", &models]).expect(0);
    };
    let (batches, models) = (Path::new(&batches), Path::new(&models));
    let mut sender = Sender::new(kafka.brokers(), &topic, PARTITIONS);
    let mut sent = 0;
    let mut send = |draw: &mut Draw| {
        let count = 60 + draw.below(200);
        let burst = (0..count).map(|_| {
            sent += 1;
            match draw.below(POISON) {
                0 => Message::poison(sent),
                _ => Message::row(sent),
            }
        });
        sender.send(burst.collect::<Vec<_>>());
    };

    let (mut ingesting, mut training) = (ingest(), train());
    for (kill, killed) in KILLS.into_iter().enumerate() {
        let before = trained(models).last().copied();
        send(&mut draw);
        until(
            &format!("kill {kill}, of {killed:?}, comes amid models"),
            || {
                production(models)?;
                let now = trained(models).last().copied();
                (now > before)
                    .then_some(())
                    .ok_or_else(|| state(&ingesting, &training))
            },
        );
        std::thread::sleep(draw.time(0, 60));
        if killed != Killed::Ingest {
            training.signal(Signal::Kill);
        }
        if killed != Killed::Training {
            ingesting.signal(Signal::Kill);
        }
        // While nobody trains, or while it goes on.
        if kill % 2 == 1 {
            prune();
        }
        send(&mut draw);
        if killed != Killed::Training {
            batch_files::age_leftovers(batches);
            ingesting = ingest();
        }
        if killed != Killed::Ingest {
            training = train();
        }
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
            .ok_or_else(|| state(&ingesting, &training))
    });
    prune();
    until(
        "every batch has its model, and the newest the alias",
        || {
            let (newest, pruned) = production(models)?;
            let (wanted, there) = (with_rows(batches), trained(models));
            let missing: Vec<_> = wanted
                .iter()
                .filter(|batch| {
                    !there.contains(batch) && !pruned.iter().any(|of| of.contains(batch))
                })
                .collect();
            (missing.is_empty() && newest.as_ref() == wanted.last())
                .then_some(())
                .ok_or_else(|| format!("{missing:?} {newest:?} {}", state(&ingesting, &training)))
        },
    );
    ingesting.stop(Signal::Term).expect(0);
    training.stop(Signal::Term).expect(0);
    let account = judge::check(batches, kafka.brokers(), &topic, PARTITIONS, &produced);
    assert_eq!(
        account.rows + account.rejects,
        produced.len(),
        "seed {seed}"
    );
    let listed = run([
        "models",
        "list",
        "--output",
        "json",
        "--models",
        &models.display().to_string(),
    ]);
    let listed = listed.expect(0).json();
    let alias = &listed["models"][0]["aliases"][ALIAS];
    assert_eq!(
        alias.as_u64(),
        with_rows(batches).last().copied(),
        "seed {seed}"
    );
}

/// What both have said.
fn state(ingesting: &Up, training: &Up) -> String {
    format!("{}\n{}", ingesting.stderr(), training.stderr())
}
