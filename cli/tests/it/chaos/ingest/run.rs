//! The group, and what is done to it.

use std::path::PathBuf;

use gugus_damage::Draw;
use gugus_files::Store;
use gugus_ingest::Start;
use gugus_ingest::ingest::{Config, OnReset, Until};
use gugus_progress::Progress;
use gugus_spec::Job;
use tempfile::TempDir;

use super::inside::{Inside, Liar};
use super::members::{Disk, Process, Setup, disks_can_be_filled, dwell};
use super::plan::{Spell, Step, Thaw};
use super::say;
use super::traffic::Traffic;
use crate::kit::batch_files;
use crate::kit::kafka::Kafka;
use crate::kit::process::Signal;
use crate::kit::protocol::Protocol;
use crate::kit::wait::until;

/// One for each member, when a fourth joins.
pub(super) const PARTITIONS: i32 = 4;

/// Small batches, closed by all of their limits.
const LIMITS: &str = "rows = 50\nidle = \"300ms\"\nmax_age = \"1500ms\"";

pub(super) struct Run {
    seed: u64,
    steps: usize,
    /// Where we are, for whoever reads of a failure.
    pub(super) at: String,
    draw: Draw,
    /// Declared before what lies or runs in the folder, dropped after it.
    pub(super) processes: Vec<Process>,
    inside: Option<Inside>,
    pub(super) traffic: Option<Traffic>,
    pub(super) liar: Liar,
    config: Config,
    pub(super) setup: Setup,
    started: usize,
    /// How often a store's trouble ended a member.
    pub(super) gave_up: usize,
    pub(super) batches: PathBuf,
    pub(super) topic: String,
    pub(super) kafka: Kafka,
    folder: TempDir,
}

impl Run {
    pub(super) fn start(seed: u64, steps: usize, kafka: Kafka) -> Self {
        let topic = kafka.fresh_topic("chaos", PARTITIONS);
        let folder = tempfile::Builder::new()
            .prefix(&format!("gugus-chaos-{seed}-"))
            .tempdir()
            .unwrap();
        let batches = folder.path().join("batch");
        let logs = folder.path().join("logs");
        std::fs::create_dir(&batches).unwrap();
        std::fs::create_dir(&logs).unwrap();
        let job = crate::kit::messages::job("chaos", &topic, LIMITS);
        let job_file = folder.path().join("chaos.toml");
        std::fs::write(&job_file, &job).unwrap();
        let properties = Protocol::of(seed).properties();
        let config = Config {
            job: Job::parse(&job, "chaos.toml").unwrap(),
            brokers: kafka.brokers().to_owned(),
            // The liar's is put in its place.
            store: Store::in_memory(),
            until: Until::Forever,
            max_batches: None,
            start: Start::Earliest,
            on_reset: OnReset::Stop,
            client: properties.clone(),
            progress: Progress::default(),
            metrics: None,
            connection: Default::default(),
        };
        let setup = Setup {
            job: job_file.to_str().unwrap().to_owned(),
            batches: batches.to_str().unwrap().to_owned(),
            brokers: kafka.brokers().to_owned(),
            properties,
            logs,
        };
        let traffic = Traffic::start(seed, kafka.brokers(), &topic, PARTITIONS);
        let mut run = Self {
            seed,
            steps,
            at: "the start".to_owned(),
            draw: Draw::new(seed, 4),
            processes: Vec::new(),
            inside: None,
            traffic: Some(traffic),
            liar: Liar::new(seed, &batches),
            config,
            setup,
            started: 0,
            gave_up: 0,
            batches,
            topic,
            kafka,
            folder,
        };
        run.add_process();
        run.add_process();
        run.inside = Some(Inside::start(run.config.clone(), &run.liar));
        run.caught_up();
        run
    }

    fn add_process(&mut self) {
        self.started += 1;
        let process = self.setup.start(&format!("{:03}", self.started));
        self.processes.push(process);
    }

    fn traffic(&self) -> &Traffic {
        self.traffic.as_ref().expect("traffic until the end")
    }

    /// Takes out one of the processes.
    fn drawn(&mut self) -> Process {
        let at = self.draw.below(self.processes.len());
        self.processes.swap_remove(at)
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Kill => {
                self.hands_full();
                // Now and then all at once, as when a machine loses its power.
                let count = if self.draw.chance(25) { 2 } else { 1 };
                for _ in 0..count {
                    self.drawn().kill();
                }
                (0..count).for_each(|_| self.add_process());
            }
            Step::Freeze(thaw) => self.freeze(thaw),
            Step::Stop => {
                self.hands_full();
                self.drawn().stop();
                self.add_process();
            }
            Step::Join => {
                let mut guest = self.setup.start("guest");
                guest.await_assigned();
                self.caught_up();
                guest.stop();
            }
            Step::Broker => {
                self.hands_full();
                self.kafka.kill();
                // Long enough for sessions to end while it is away, or not.
                dwell(self.draw.time(0, 2_500));
                self.kafka.restart();
                self.caught_up();
            }
            Step::FullDisk(_) if !disks_can_be_filled() => {
                println!(
                    "         no prlimit here: the writes that the store refuses stand for a full disk"
                );
            }
            Step::FullDisk(Spell::Short) => {
                self.every_disk(Disk::Full);
                dwell(self.draw.time(300, 1_500));
                self.every_disk(Disk::Free);
                self.caught_up();
            }
            Step::FullDisk(Spell::Long) => {
                let count = self.processes.len();
                self.every_disk(Disk::Full);
                for process in self.processes.drain(..) {
                    process.give_up();
                    self.gave_up += 1;
                }
                (0..count).for_each(|_| self.add_process());
            }
            Step::Inside => {
                self.stop_inside();
                self.inside = Some(Inside::start(self.config.clone(), &self.liar));
            }
        }
    }

    /// Freezes a process with records in hand until the group has given its partitions away.
    fn freeze(&mut self, thaw: Thaw) {
        let mut zombie = self.drawn();
        // Few enough for a batch to stay open, and frozen before its idle time is over.
        let count = 30 + self.draw.below(90);
        self.traffic().burst(count);
        dwell(self.draw.time(20, 250));
        zombie.signal(Signal::Stop);
        // A session is 1.5 s.
        dwell(self.draw.time(1_900, 3_000));
        if self.draw.chance(60) {
            // Then others have committed all that it holds; else it may wake up in the midst of that.
            self.caught_up();
        }
        match thaw {
            Thaw::GoOn => {
                zombie.signal(Signal::Cont);
                self.processes.push(zombie);
                self.caught_up();
            }
            Thaw::Stop => {
                // Told in its sleep, it hears it when it wakes up.
                zombie.signal(Signal::Term);
                zombie.signal(Signal::Cont);
                zombie.stopped();
                self.add_process();
            }
            Thaw::Kill => {
                zombie.kill();
                self.add_process();
            }
        }
    }

    /// Sends a burst, and goes on while members are busy with it: at its beginning, at its end, or in between.
    fn hands_full(&mut self) {
        let count = 40 + self.draw.below(200);
        self.traffic().burst(count);
        dwell(self.draw.time(0, 120));
    }

    fn every_disk(&mut self, disk: Disk) {
        for process in &mut self.processes {
            process.disk(disk);
        }
    }

    /// Waits until the group goes on: sometimes until it has taken everything, sometimes less, so that the next step
    /// meets it before it has come to rest.
    pub(super) fn settle(&mut self) {
        if self.draw.chance(50) {
            return self.caught_up();
        }
        let before = batch_files::numbers(&self.batches).len();
        self.until("another batch is there", |run| {
            batch_files::numbers(&run.batches).len() > before
        });
    }

    /// Waits until all is in batches that was in the topic at this moment.
    fn caught_up(&mut self) {
        let goal = self.traffic().reached().now();
        self.until("what was sent is in batches", |run| {
            let ends = batch_files::ends(&run.batches);
            let reached = |(partition, end): (&i32, &i64)| ends.get(partition) >= Some(end);
            goal.iter().all(reached)
        });
    }

    fn until(&mut self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let what = format!("{what} ({})", self.at);
        until(&what, || {
            self.look();
            if so(self) {
                return Ok(());
            }
            let reached = self.traffic().reached().now();
            let ends = batch_files::ends(&self.batches);
            Err(format!("topic {reached:?}, batches {ends:?}"))
        });
    }

    /// Looks whether somebody ended who should not have. The member within the test may, when its store stays away; it
    /// comes back.
    pub(super) fn look(&mut self) {
        if let Some(at) = self
            .processes
            .iter_mut()
            .position(|process| !process.runs())
        {
            self.processes.swap_remove(at).ended_by_itself();
        }
        if self.inside.as_ref().is_some_and(|inside| !inside.runs()) {
            let ended = self.stop_inside();
            assert!(
                ended == Ended::StoreFailed,
                "the member within the test ended by itself"
            );
            self.inside = Some(Inside::start(self.config.clone(), &self.liar));
        }
    }

    pub(super) fn stop_inside(&mut self) -> Ended {
        match self.inside.take().expect("a member within").stop() {
            Ok(_) => Ended::Cleanly,
            Err(error) => {
                let text = gugus_error::chain(&error);
                assert!(
                    text.contains("connection reset"),
                    "not the store's doing: {text}"
                );
                self.gave_up += 1;
                Ended::StoreFailed
            }
        }
    }
}

/// How the member within the test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Cleanly,
    StoreFailed,
}

impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            say(&format!(
                "seed {} FAILED at {}; its files are kept in {}; to run it again: cargo xtask chaos --seed {} --steps {}",
                self.seed,
                self.at,
                self.folder.path().display(),
                self.seed,
                self.steps
            ));
        }
    }
}
