//! Chaos in a cluster: a model for each batch, a chain of mini-batches, one model over all batches and one for each window,
//! trained again and again by processes that are killed and frozen in the middle of it. Whatever happens, the models are those
//! of an undisturbed training, bit for bit.
//!
//! The mishaps and their moments come from a seed (`GUGUS_CHAOS_SEED`, as many as `GUGUS_CHAOS_SEEDS` says). A moment is a
//! number of tasks that an executor has ended, not a time: so it falls between the same passes on any machine.

use crate::kit::same::{same, short};
use std::io::Write as _;

use gugus_damage::Draw;

use crate::kit::machines::{await_executors, done, executor, scheduler};
use crate::kit::process::{Signal, Up, up};
use crate::kit::wait::until;
use crate::kit::work::{Work, models};

/// One thing that is done to the cluster while it trains.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    /// SIGKILL of an executor; another joins.
    Executor,
    /// SIGKILL of both; only one is there again.
    Both,
    /// SIGSTOP of an executor until the training has ended without it.
    Frozen,
    /// SIGKILL of the scheduler, which comes back at its address: the client waits for it and goes on.
    Scheduler,
}

/// Each kind once: about a minute on two cores, in a debug build.
const DECK: [Mishap; 4] = [
    Mishap::Executor,
    Mishap::Both,
    Mishap::Frozen,
    Mishap::Scheduler,
];

/// Each executor of two ends 72 tasks: the census of the windows, the wave, the chain, some thirty passes over all batches, the
/// windows' fits. What is drawn from 0 to 63 comes before the end.
const MOMENTS: usize = 64;

const MODELS: &str = "[[models]]\nname = \"each\"\nfeatures = [\"x\", \"y\"]\nk = 8\nseed = 3\ntol = 0.0\nmax_iter = 40\n\
    [[models]]\nname = \"whole\"\nfeatures = [\"x\", \"y\"]\nk = 8\nseed = 3\nscope = \"all\"\ntol = 0.0\nmax_iter = 25\n\
    [[models]]\nname = \"carried\"\nalgorithm = \"minibatch\"\nfeatures = [\"x\", \"y\"]\nk = 8\nseed = 3\n\
    [[models]]\nname = \"sides\"\nfeatures = [\"x\", \"y\"]\nk = 8\nseed = 3\nscope = \"window\"\n\
    window = { sql = \"case when x < 8.0 then 'left' else 'right' end\" }\n";

#[test]
fn models_are_the_same_whatever_happens_to_the_cluster() {
    let work = Work::new();
    let job = work.job(200, MODELS);
    let csv = work.scattered("in.csv", 60_000);
    work.imported(&job, &csv);
    work.train(&job, &[]).expect(0);
    let expected = models(&work.path("models"));
    assert_eq!(expected.as_object().unwrap().len(), 300 + 300 + 1 + 2);
    for seed in super::seeds() {
        let mut draw = Draw::new(seed, 7);
        let mut deck = DECK;
        draw.shuffle(&mut deck);
        let mut cluster = Machines::new();
        for (round, mishap) in deck.into_iter().enumerate() {
            let (victim, moment) = (draw.below(2), draw.below(MOMENTS) as u64);
            let what =
                format!("seed {seed}, round {round}: {mishap:?} {victim} after {moment} tasks");
            let _ = writeln!(std::io::stderr().lock(), "chaos of a cluster: {what}");
            let folder = format!("seed_{seed}_{round}");
            cluster.train_through(&work, &job, &folder, mishap, victim, moment);
            same(&models(&work.path(&folder)), &expected);
        }
    }
}

/// A scheduler and two executors of two slots.
struct Machines {
    scheduler: Up,
    executors: [Up; 2],
}

impl Machines {
    fn new() -> Self {
        let scheduler = scheduler();
        let executors = [(); 2].map(|()| executor(scheduler.url("grpc"), "2"));
        Self {
            scheduler,
            executors,
        }
    }

    /// Trains into `folder`; when executor `victim` has ended so many tasks more, the mishap happens.
    fn train_through(
        &mut self,
        work: &Work,
        job: &str,
        folder: &str,
        mishap: Mishap,
        victim: usize,
        moment: u64,
    ) {
        let url = self.scheduler.url("grpc").to_owned();
        let before = done(&self.executors[victim]);
        let mut training = work.training(job, folder, &["--scheduler", &url]).spawn();
        until("the moment has come", || {
            let more = done(&self.executors[victim]) - before;
            assert!(
                training.runs() || more >= moment,
                "the training ended after {more} tasks of the victim, before anything happened to it:\n{}",
                short(&training.stderr())
            );
            match more >= moment {
                true => Ok(()),
                false => Err(format!("{more} tasks")),
            }
        });
        match mishap {
            Mishap::Executor => {
                self.executors[victim].signal(Signal::Kill);
                self.executors[victim] = executor(&url, "2");
                training.wait().expect(0);
            }
            Mishap::Both => {
                for executor in &mut self.executors {
                    executor.signal(Signal::Kill);
                }
                self.executors[victim] = executor(&url, "2");
                training.wait().expect(0);
                self.executors[1 - victim] = executor(&url, "2");
            }
            Mishap::Frozen => {
                self.executors[victim].signal(Signal::Stop);
                training.wait().expect(0);
                self.executors[victim].signal(Signal::Cont);
            }
            Mishap::Scheduler => {
                self.scheduler.signal(Signal::Kill);
                until("the scheduler has ended", || match self.scheduler.runs() {
                    true => Err("it runs".to_owned()),
                    false => Ok(()),
                });
                let listen = url.strip_prefix("df://").unwrap();
                self.scheduler = up(["scheduler", "--listen", listen]);
                // It waits for the scheduler and goes on.
                training.wait().expect(0);
            }
        }
        // Both executors are there, and no others.
        await_executors(&self.scheduler, 2);
    }
}
