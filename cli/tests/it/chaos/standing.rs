//! `gugus ingest` and `gugus train --follow` are killed while records come and models are pruned. Every record is in one
//! place, every batch has its model, and an alias never stands for nothing.

use std::path::Path;

use gugus_damage::Draw;

use super::pipeline::{self, ALIAS, Bursts, check, production, trained, with_rows};
use super::seeds;
use crate::kit::batch_files;
use crate::kit::process::{Signal, Up, run};
use crate::kit::protocol::Protocol;
use crate::kit::topic::Topic;
use crate::kit::wait::until;

/// Bounds the records of a burst.
const MORE: usize = 200;

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
        let Some(topic) = pipeline::topic("standing") else {
            return;
        };
        one(seed, &topic);
    }
}

fn one(seed: u64, topic: &Topic) {
    let mut draw = Draw::new(seed, 8);
    let ingest = || topic.ingest(&[]).with(Protocol::Eager.flags()).spawn();
    let train = || {
        let training = topic.work.training(&topic.job, "models", &["--follow"]);
        training.spawn()
    };
    let (batches, models) = (topic.work.path("batch"), topic.work.path("models"));
    let of_models = |words: &[&str]| run([words, &["--models", &models]].concat()).expect(0);
    let prune = || {
        of_models(&["models", "prune", "--keep", "3"]);
    };
    let (batches, models) = (Path::new(&batches), Path::new(&models));
    let mut bursts = Bursts::new(topic);

    let (mut ingesting, mut training) = (ingest(), train());
    for (kill, killed) in KILLS.into_iter().enumerate() {
        let before = trained(models).last().copied();
        bursts.send(MORE, &mut draw);
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
        bursts.send(MORE, &mut draw);
        if killed != Killed::Training {
            batch_files::age_leftovers(batches);
            ingesting = ingest();
        }
        if killed != Killed::Ingest {
            training = train();
        }
    }
    let produced = bursts.until_in_batches(|| state(&ingesting, &training));
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
    check(topic, &produced, seed);
    let listed = of_models(&["models", "list", "--output", "json"]).json();
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
