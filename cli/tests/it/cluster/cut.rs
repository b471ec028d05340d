//! Links that are cut for a while or for good, and processes that stand still: at an executor, at the scheduler and at the
//! client, while models of batches, of windows and of all batches are trained. A training ends with the bits of an undisturbed
//! one, or with exit code 1 and the address of what was cut.
//!
//! A usual run makes the first trials of the list. `cargo xtask chaos --cuts 36` makes all.

use std::time::Duration;

use serde_json::Value;

use crate::kit::machines::{executor_with, figure};
use crate::kit::network::{Link, Namespace};
use crate::kit::process::{Gugus, Output, Signal, Up};
use crate::kit::same::same;
use crate::kit::wait::until_so;
use crate::kit::work::{Work, comparable, models};

/// Trials of a usual run: a short cut at each place, each with another kind of model.
const USUAL: usize = 3;

/// Who is cut off from everybody else.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Executor,
    Scheduler,
    Client,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mishap {
    /// The link is cut for so many seconds.
    Cut(u64),
    ForGood,
    /// The process stands still for so many seconds.
    Frozen(u64),
}

const PLACES: [Place; 3] = [Place::Executor, Place::Scheduler, Place::Client];

/// A short one costs nothing but its time, so it comes first.
const MISHAPS: [Mishap; 4] = [
    Mishap::Cut(3),
    Mishap::Frozen(20),
    Mishap::Cut(20),
    Mishap::ForGood,
];

/// Kinds of models: rows of a batch, and the keys of the model.
const KINDS: [(u64, &str); 3] = [
    (400, "k = 30\nmax_iter = 60\n"),
    (
        500,
        "k = 30\nmax_iter = 60\nscope = \"window\"\nwindow = { sql = \"CAST(floor(x) AS BIGINT) % 8\" }\n",
    ),
    (500, "k = 20\nmax_iter = 30\nscope = \"all\"\n"),
];

/// A job of one kind of model, and what it gives undisturbed.
struct Job {
    work: Work,
    job: String,
    undisturbed: Value,
}

impl Job {
    fn new((rows, model): (u64, &str)) -> Self {
        let work = Work::new();
        let model = crate::kit::work::model("each", &format!("seed = 3\ntol = 0.0\n{model}"));
        let job = work.job(rows, &model);
        work.imported(&job, &work.scattered("in.csv", 100_000));
        let undisturbed = comparable(&work.train(&job, &[]).expect(0).json());
        Self {
            work,
            job,
            undisturbed,
        }
    }

    fn is_undisturbed(&self, folder: &str, ended: &Output) {
        same(&comparable(&ended.json()), &self.undisturbed);
        let [found, wanted] = [folder, "models"].map(|of| models(&self.work.path(of)));
        same(&found, &wanted);
    }

    /// Trains into a folder while something happens at a place.
    fn survives(&self, machine: &Namespace, folder: &str, place: Place, mishap: Mishap) {
        let link = machine.link();
        // The process of the place is on the other machine, all others are on this one.
        let (words, here) = (machine.words(), [""; 0]);
        let on = |of: Place| match of == place {
            true => (&*link.there, &words[..]),
            false => (&*link.here, &here[..]),
        };
        let (address, within) = on(Place::Scheduler);
        let scheduler = Gugus::new(format!("scheduler {}", Link::listen(address)));
        let mut scheduler = scheduler.under(within).up();
        let url = scheduler.url("grpc").to_owned();
        let stays = executor_with(&url, "1", &Link::listen(&link.here));
        let (address, within) = on(Place::Executor);
        let listen = Link::listen(address);
        let goes = format!("executor --scheduler {url} --task-slots 1 {listen}");
        let mut goes = Gugus::new(goes).under(within).up();
        let (_, within) = on(Place::Client);
        let training = self
            .work
            .training(&self.job, folder, &["--scheduler", &url]);
        let mut training = training.under(within).spawn();
        let running = || figure(&stays, "gugus_executor_tasks_running");
        until_so("a task runs", running, |running| *running > 0);

        let process: &mut Up = match place {
            Place::Executor => &mut goes,
            Place::Scheduler => &mut scheduler,
            Place::Client => &mut training,
        };
        // These sleeps are what happens, and not waits for something.
        match mishap {
            Mishap::Cut(seconds) => {
                link.cut();
                std::thread::sleep(Duration::from_secs(seconds));
                link.mend();
            }
            Mishap::ForGood => link.cut(),
            Mishap::Frozen(seconds) => {
                process.signal(Signal::Stop);
                std::thread::sleep(Duration::from_secs(seconds));
                process.signal(Signal::Cont);
            }
        }
        let ended = training.wait();
        let must_finish = place == Place::Executor || mishap == Mishap::Cut(3);
        if must_finish || ended.code() == 0 {
            return self.is_undisturbed(folder, &ended.expect(0));
        }
        let ended = ended.expect(1);
        let named = [&link.here, &link.there].map(|address| ended.stderr.contains(&**address));
        assert!(named.contains(&true), "{}", ended.stderr);
        if mishap != Mishap::ForGood {
            // What is left is trained once more.
            let again = ["--scheduler", &url];
            let again = self.work.training(&self.job, folder, &again).run();
            again.expect(0);
            let [found, wanted] = [folder, "models"].map(|of| models(&self.work.path(of)));
            same(&found, &wanted);
        }
    }
}

#[test]
fn a_training_outlasts_what_is_cut_or_names_it() {
    let Some(machine) = Namespace::new("trials of cut links") else {
        return;
    };
    let count = std::env::var("GUGUS_CHAOS_CUTS");
    let count = count.map_or(USUAL, |count| count.parse().unwrap());
    let jobs = KINDS.map(Job::new);
    // Neighbours in the list differ in place and in kind, so a few trials see all of both.
    let trials = (0..3).flat_map(|shift| {
        MISHAPS.into_iter().flat_map(move |mishap| {
            let places = PLACES.into_iter().enumerate();
            places.map(move |(number, place)| (place, mishap, (number + shift + 1) % 3))
        })
    });
    for (number, (place, mishap, kind)) in trials.take(count).enumerate() {
        eprintln!("{place:?}, {mishap:?}, kind {kind}");
        jobs[kind].survives(&machine, &format!("trial{number}"), place, mishap);
    }
}
