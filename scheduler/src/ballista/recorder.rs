//! Makes records of jobs that end, and now and then of those that run long. Each job that ends gets one record, or counts as
//! not kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::JobId;
use ballista_scheduler::cluster::JobState;
use gugus_pages::job::{Job, Row};
use tokio::sync::mpsc::Receiver;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::record::{record, state};
use super::records::Records;
use super::view::Scheduler;

/// How many jobs may wait for their record. A job takes 10 ms at least, and a record a few.
pub(super) const WAITING: usize = 1_024;

/// How often running jobs are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A running job has a record when it has run for so long, so that its page outlives a scheduler that is killed, …
const FIRST: Duration = Duration::from_secs(2);

/// … and a new one so often.
const AGAIN: Duration = Duration::from_secs(15);

/// How often executors are written down besides when one comes or goes, and old records removed.
const NOTE: Duration = Duration::from_secs(5);

/// Makes records.
pub(crate) struct Recorder {
    pub(super) jobs: Arc<dyn JobState>,
    pub(super) records: Arc<Records>,
    pub(super) ended: Receiver<JobId>,
}

impl Recorder {
    /// Makes records until `stop`, and then of those that wait.
    pub(crate) async fn run(mut self, scheduler: Arc<Scheduler>, stop: CancellationToken) {
        let (mut look, mut note) = (interval(LOOK), interval(NOTE));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        note.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut running = HashMap::new();
        loop {
            tokio::select! {
                // Executors are written down before the jobs that they computed. Ends of jobs may come without a pause, so they stand last.
                biased;
                () = stop.cancelled() => break,
                () = self.records.roster.changed() => self.note().await,
                _ = note.tick() => self.note().await,
                _ = look.tick() => self.look(&scheduler, &mut running).await,
                ended = self.ended.recv() => match ended {
                    Some(id) => self.end(id).await,
                    None => break,
                },
            }
        }
        while let Ok(id) = self.ended.try_recv() {
            self.end(id).await;
        }
        self.note().await;
    }

    async fn end(&self, id: JobId) {
        let graph = self.jobs.get_execution_graph(&id).await.ok().flatten();
        let job = match graph {
            Some(graph) => {
                let records = Arc::clone(&self.records);
                let handed = records.ledger.of(&id);
                let made = spawn_blocking(move || record(&*graph, &handed, &records.roster));
                made.await.ok()
            }
            None => self.without_stages(&id).await,
        };
        self.records.ledger.forget(&id);
        match job {
            Some(job) => self.keep(job).await,
            None => self.records.history.not_kept(),
        }
    }

    /// A job that failed before it was cut into stages.
    async fn without_stages(&self, id: &JobId) -> Option<Job> {
        let status = self.jobs.get_job_status(id).await.ok().flatten()?;
        let (state, queued, failure) = state(status.status.as_ref());
        let now = crate::clock::now();
        let row = Row {
            state,
            ended: now,
            failure,
            ..Row::queued(id.to_string(), status.job_name, queued)
        };
        Some(Job::without_stages(row))
    }

    async fn look(&self, scheduler: &Scheduler, seen: &mut HashMap<JobId, Instant>) {
        let jobs = scheduler.state.task_manager.get_running_job_cache();
        let now = Instant::now();
        seen.retain(|id, _| jobs.contains_key(id));
        for (id, job) in jobs.iter() {
            let due = seen.entry(id.clone()).or_insert(now + FIRST);
            if *due > now {
                continue;
            }
            *due = now + AGAIN;
            let handed = self.records.ledger.of(id);
            let made = record(
                &**job.execution_graph.read().await,
                &handed,
                &self.records.roster,
            );
            if !made.row.state.is_final() {
                self.keep(made).await;
            }
        }
    }

    async fn keep(&self, job: Job) {
        let records = Arc::clone(&self.records);
        let kept = spawn_blocking(move || records.history.keep(job));
        if kept.await.is_err() {
            self.records.history.not_kept();
        }
    }

    async fn note(&self) {
        let records = Arc::clone(&self.records);
        let noted = spawn_blocking(move || {
            records.history.prune();
            records.history.write_executors(&records.roster.list());
        });
        if noted.await.is_err() {
            tracing::warn!("executors could not be written down");
        }
    }
}
