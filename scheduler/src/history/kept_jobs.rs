//! Keeps records of jobs and finds them again.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gugus_pages::ROWS;
use gugus_pages::executors::Executor;
use gugus_pages::job::{Job, Row};
use gugus_pages::jobs::Choice;

use super::folder::{self, Folder};
use super::index::{Index, Line};
use super::limits::KeepJobs;
use crate::clock;

/// How many records are kept in memory where there is no folder.
const IN_MEMORY: usize = 200;

/// How many records that were made or asked for last are kept in memory beside the folder.
const RECENT: usize = 32;

/// Records of jobs. Clones are the same.
#[derive(Clone)]
pub(crate) struct History(Arc<Inner>);

/// Whoever takes both locks takes the folder's first. The scheduler's loop of events takes only the table's, which nobody holds
/// while the disk works.
struct Inner {
    keep: KeepJobs,
    folder: Mutex<Option<Folder>>,
    table: Mutex<Table>,
    without_record: AtomicU64,
}

#[derive(Default)]
struct Table {
    index: Index,
    /// The last is the newest.
    recent: VecDeque<Arc<Job>>,
    root: Option<PathBuf>,
}

/// A page of the table of jobs.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) rows: Vec<Row>,
    pub(crate) from: u64,
    pub(crate) total: u64,
    pub(crate) all: u64,
}

impl History {
    /// Keeps records in memory.
    pub(crate) fn new(keep: KeepJobs) -> Self {
        Self(Arc::new(Inner {
            keep,
            folder: Mutex::default(),
            table: Mutex::default(),
            without_record: AtomicU64::new(0),
        }))
    }

    /// Keeps records in a folder from now on, with those that are there. Gives the executors that an earlier scheduler knew.
    pub(crate) fn open(&self, root: &Path) -> io::Result<Vec<Executor>> {
        let (folder, index) = Folder::open(root)?;
        *self.folder() = Some(folder);
        {
            let mut table = self.table();
            table.index = index;
            table.root = Some(root.to_owned());
        }
        self.prune();
        Ok(folder::read_executors(root))
    }

    /// Notes what became of a job, before its record is made.
    pub(crate) fn note(&self, row: Row) {
        let mut table = self.table();
        let row = row.listed();
        let line = match table.index.get(&row.id) {
            Some(known) => Line {
                row: Row {
                    tasks: known.row.tasks,
                    tasks_lost: known.row.tasks_lost,
                    executors: known.row.executors.clone(),
                    queued: known.row.queued.max(row.queued),
                    ..row
                },
                bytes: known.bytes,
            },
            None => Line { row, bytes: 0 },
        };
        table.index.put(line);
    }

    /// Keeps the record of a job. For a thread that may block.
    pub(crate) fn keep(&self, job: Job) {
        let id = &job.row.id;
        let mut folder = self.folder();
        let known = self.table().index.get(id).cloned();
        if known
            .as_ref()
            .is_some_and(|known| known.row.state.is_final())
            && !job.row.state.is_final()
        {
            return;
        }
        let replaces = known.is_some_and(|known| known.bytes > 0);
        let mut line = Line {
            row: job.row.clone().listed(),
            bytes: 0,
        };
        if let Some(folder) = folder.as_mut() {
            let written = folder.write(&job).and_then(|bytes| {
                line.bytes = bytes;
                folder.list(&line, replaces)
            });
            if let Err(error) = written {
                tracing::warn!(id, %error, "the record of a Ballista job could not be written; its page will be gone when the scheduler ends");
                self.not_kept();
            }
        }
        drop(folder);
        let mut table = self.table();
        table.index.put(line);
        table.remember(Arc::new(job));
        drop(table);
        self.prune();
    }

    /// The record of a job that has one. For a thread that may block.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Job>> {
        let (state, root) = {
            let table = self.table();
            let line = table.index.get(id)?;
            if let Some(job) = table.recent.iter().find(|job| job.row.id == id) {
                return Some(Arc::clone(job));
            }
            (
                line.row.state,
                table.root.clone().filter(|_| line.bytes > 0)?,
            )
        };
        let mut job = folder::read_job(&root, id)?;
        if !job.row.state.is_final() {
            job.interrupt();
            job.row.state = state;
        }
        let job = Arc::new(job);
        self.table().remember(Arc::clone(&job));
        Some(job)
    }

    /// What the table shows of a job.
    pub(crate) fn row(&self, id: &str) -> Option<Row> {
        self.table().index.get(id).map(|line| line.row.clone())
    }

    /// The jobs that somebody asked for.
    pub(crate) fn list(&self, choice: &Choice) -> Listed {
        let table = self.table();
        let mut rows: Vec<&Row> = table
            .index
            .newest()
            .filter(|row| choice.takes(row))
            .collect();
        choice.sort(&mut rows, clock::now());
        let total = rows.len() as u64;
        // A page beyond the end is the last one.
        let from = choice.from.min(total.saturating_sub(1) / ROWS * ROWS);
        let page = rows
            .into_iter()
            .skip(usize::try_from(from).unwrap_or(usize::MAX));
        let size = usize::try_from(ROWS).unwrap_or(usize::MAX);
        Listed {
            rows: page.take(size).cloned().collect(),
            from,
            total,
            all: table.index.len() as u64,
        }
    }

    /// The newest jobs that `which` takes.
    pub(crate) fn newest(&self, number: usize, which: impl Fn(&Row) -> bool) -> Vec<Row> {
        let table = self.table();
        let rows = table.index.newest().filter(|row| which(row));
        rows.take(number).cloned().collect()
    }

    /// A job ended without a record.
    pub(crate) fn not_kept(&self) {
        self.0.without_record.fetch_add(1, Ordering::Relaxed);
    }

    /// How many jobs ended without a record.
    pub(crate) fn without_record(&self) -> u64 {
        self.0.without_record.load(Ordering::Relaxed)
    }

    /// Removes what is beyond the limits. For a thread that may block.
    pub(crate) fn prune(&self) {
        let mut folder = self.folder();
        let mut keep = self.0.keep;
        if folder.is_none() {
            keep.number = keep.number.min(IN_MEMORY);
        }
        let surplus = self.table().take_off(&keep);
        let Some(folder) = folder.as_mut() else {
            return;
        };
        for id in surplus {
            folder.remove(&id);
        }
        if folder.is_untidy() {
            let lines: Vec<Line> = self.table().index.lines().cloned().collect();
            if let Err(error) = folder.tidy(&lines) {
                tracing::warn!(%error, "the list of Ballista jobs could not be written anew");
            }
        }
    }

    /// Writes the executors down, if there is a folder. For a thread that may block.
    pub(crate) fn write_executors(&self, executors: &[Executor]) {
        let root = self.table().root.clone();
        if let Some(root) = root
            && let Err(error) = folder::write_executors(&root, executors)
        {
            tracing::warn!(%error, "the list of executors could not be written");
        }
    }

    fn folder(&self) -> MutexGuard<'_, Option<Folder>> {
        self.0.folder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn remember(&mut self, job: Arc<Job>) {
        self.recent.retain(|known| known.row.id != job.row.id);
        self.recent.push_back(job);
        let most = if self.root.is_some() {
            RECENT
        } else {
            IN_MEMORY
        };
        while self.recent.len() > most {
            self.recent.pop_front();
        }
    }

    /// Forgets what is beyond the limits, and gives the ids of that.
    fn take_off(&mut self, keep: &KeepJobs) -> Vec<String> {
        let surplus = self.index.surplus(keep, clock::now());
        for id in &surplus {
            self.index.remove(id);
            self.recent.retain(|job| job.row.id != *id);
        }
        surplus
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::time::{Duration, Instant};

    use gugus_pages::job::JobState;

    use super::*;

    fn job(id: &str, state: JobState) -> Job {
        let at = clock::now();
        let row = Row {
            state,
            started: at,
            ended: if state.is_final() { at } else { 0 },
            executors: vec!["e".to_owned()],
            ..Row::queued(id, format!("crime run 01kx3q2n8 location {id}"), at)
        };
        Job::without_stages(row)
    }

    fn opened(folder: &Path, keep: KeepJobs) -> History {
        let history = History::new(keep);
        history.open(folder).unwrap();
        history
    }

    #[test]
    fn records_outlive_the_scheduler_and_what_ran_is_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let first = opened(folder.path(), KeepJobs::default());
        first.keep(job("done", JobState::Successful));
        first.keep(job("runs", JobState::Running));
        first.note(Row::queued("waits", "x", clock::now()));
        let second = opened(folder.path(), KeepJobs::default());
        assert_eq!(second.find("done").unwrap(), first.find("done").unwrap());
        assert_eq!(
            second.find("runs").unwrap().row.state,
            JobState::Interrupted
        );
        assert_eq!(second.row("waits"), None);
        let listed = second.list(&Choice::default());
        assert_eq!((listed.total, listed.rows.len()), (2, 2));
    }

    #[test]
    fn a_record_without_a_line_is_found_and_a_damaged_one_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let first = opened(folder.path(), KeepJobs::default());
        first.keep(job("done", JobState::Failed));
        std::fs::write(folder.path().join("jobs.jsonl"), "{\"half").unwrap();
        std::fs::write(folder.path().join("jobs/torn.json"), "{").unwrap();
        let second = opened(folder.path(), KeepJobs::default());
        assert_eq!(second.list(&Choice::default()).total, 1);
        assert_eq!(second.find("done").unwrap().row.state, JobState::Failed);
        assert!(second.find("torn").is_none() && second.find("../../etc/passwd").is_none());
    }

    #[test]
    fn old_records_go_from_disk_too() {
        let folder = tempfile::tempdir().unwrap();
        let keep = KeepJobs {
            number: 3,
            ..KeepJobs::default()
        };
        let history = opened(folder.path(), keep);
        for number in 0..10 {
            let mut job = job(&format!("j{number}"), JobState::Successful);
            job.row.queued += number;
            history.keep(job);
        }
        let files = || {
            std::fs::read_dir(folder.path().join("jobs"))
                .unwrap()
                .count()
        };
        assert_eq!(files(), 3);
        assert!(history.find("j6").is_none() && history.find("j7").is_some());
        opened(
            folder.path(),
            KeepJobs {
                age: Duration::ZERO,
                ..keep
            },
        );
        let deadline = Instant::now() + Duration::from_secs(5);
        while files() > 0 && Instant::now() < deadline {
            opened(
                folder.path(),
                KeepJobs {
                    age: Duration::ZERO,
                    ..keep
                },
            );
        }
        assert_eq!(files(), 0);
    }

    #[test]
    fn a_late_record_of_a_running_job_does_not_undo_its_end() {
        let history = History::new(KeepJobs::default());
        history.keep(job("a", JobState::Successful));
        history.keep(job("a", JobState::Running));
        assert_eq!(history.row("a").unwrap().state, JobState::Successful);
        assert_eq!(history.find("a").unwrap().row.state, JobState::Successful);
    }

    #[test]
    fn ten_thousand_jobs_are_listed_and_opened_quickly() {
        let folder = tempfile::tempdir().unwrap();
        let history = opened(folder.path(), KeepJobs::default());
        for number in 0..10_000 {
            history.keep(job(&format!("j{number}"), JobState::Successful));
        }
        let choice = Choice {
            search: "location j99".to_owned(),
            ..Choice::default()
        };
        let began = Instant::now();
        assert_eq!(history.list(&choice).total, 111);
        // A debug build on a busy machine; a release build takes a tenth.
        assert!(
            began.elapsed() < Duration::from_millis(500),
            "{:?}",
            began.elapsed()
        );
        let began = Instant::now();
        assert_eq!(
            opened(folder.path(), KeepJobs::default())
                .list(&Choice::default())
                .all,
            10_000
        );
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{:?}",
            began.elapsed()
        );
    }
}
