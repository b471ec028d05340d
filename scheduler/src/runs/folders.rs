//! Runs on disk: one folder a run, named by its id, with `run.json`, the job file, the log, the report and the
//! course of its models.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use gugus_pages::run::{Run, RunId};
use gugus_train::Report;
use serde::Serialize;
use thiserror::Error;

use crate::replace::replace;

/// The files of a run.
const RUN: &str = "run.json";
const JOB: &str = "job.toml";
const LOG: &str = "log.txt";
const REPORT: &str = "report.json";
const COURSE: &str = "course.jsonl";

/// Held by the scheduler that uses the folder.
const LOCK: &str = "lock";

/// How much of a log is read at once.
const LOG_PART: u64 = 256 * 1024;

/// Why runs cannot be kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    /// The folder or a file in it cannot be used.
    #[error("runs cannot be kept in {}: name another folder with --state", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// Another scheduler uses it.
    #[error("another scheduler keeps its runs in {}: name another folder with --state", path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
    },
}

/// The folder that runs are kept in.
#[derive(Debug)]
pub(crate) struct Folders {
    root: PathBuf,
    _lock: File,
}

impl Folders {
    /// Takes the folder, making it where it is not there.
    pub(crate) fn open(root: &Path) -> Result<Self, StateError> {
        let wrong = |source| StateError::Folder {
            path: root.to_owned(),
            source,
        };
        fs::create_dir_all(root).map_err(wrong)?;
        let lock = root.join(LOCK);
        // Creating waits where a pipe lies.
        if let Err(error) = gugus_error::open_regular(&lock)
            && error.kind() == io::ErrorKind::InvalidInput
        {
            return Err(wrong(error));
        }
        let lock = File::create(lock).map_err(wrong)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                root: root.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StateError::Taken {
                path: root.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(wrong(source)),
        }
    }

    /// All runs that are there, oldest first. A damaged one is left alone and told of: somebody may want to see why.
    pub(crate) fn load(&self) -> Result<Vec<Run>, StateError> {
        let wrong = |source| self.unusable(source);
        let mut runs = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let Some(id) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<RunId>().ok())
            else {
                continue;
            };
            let read = gugus_error::read_regular(&entry.path().join(RUN))
                .map_err(|error| error.to_string())
                .and_then(|bytes| {
                    serde_json::from_slice::<Run>(&bytes).map_err(|error| error.to_string())
                });
            match read {
                Ok(run) if run.id == id => runs.push(run),
                Ok(run) => {
                    tracing::warn!(folder = %id, id = %run.id, "a run lies in another's folder and is left out")
                }
                Err(error) => tracing::warn!(%id, error, "a run cannot be read and is left out"),
            }
        }
        runs.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(runs)
    }

    /// What is said when the folder cannot be used.
    pub(crate) fn unusable(&self, source: io::Error) -> StateError {
        StateError::Folder {
            path: self.root.clone(),
            source,
        }
    }

    /// Whether the folder can be read.
    pub(crate) fn is_readable(&self) -> bool {
        fs::read_dir(&self.root).is_ok()
    }

    /// Makes the folder of a new run.
    pub(crate) fn create(&self, run: &Run, job_file: &str) -> io::Result<()> {
        fs::create_dir(self.folder(&run.id))?;
        File::open(&self.root)?.sync_all()?;
        self.put(&run.id, JOB, job_file.as_bytes())?;
        self.save(run)
    }

    pub(crate) fn save(&self, run: &Run) -> io::Result<()> {
        self.put_json(&run.id, RUN, run)
    }

    pub(crate) fn save_report(&self, id: &RunId, report: &Report) -> io::Result<()> {
        self.put_json(id, REPORT, report)
    }

    pub(crate) fn job_file(&self, id: &RunId) -> io::Result<String> {
        gugus_error::read_regular_text(&self.folder(id).join(JOB))
    }

    /// The report, when the run has come so far.
    pub(crate) fn report(&self, id: &RunId) -> Option<Report> {
        let report = gugus_error::read_regular(&self.folder(id).join(REPORT));
        serde_json::from_slice(&report.ok()?).ok()
    }

    /// Removes the report of an attempt that is to be made again.
    pub(crate) fn remove_report(&self, id: &RunId) -> io::Result<()> {
        match fs::remove_file(self.folder(id).join(REPORT)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(crate) fn log_path(&self, id: &RunId) -> PathBuf {
        self.folder(id).join(LOG)
    }

    /// The file that holds what the driver told of the run's models.
    pub(crate) fn course_path(&self, id: &RunId) -> PathBuf {
        self.folder(id).join(COURSE)
    }

    /// The log from a byte on, a part of it; empty when nothing more is there. Nothing, when the log was cut and is shorter.
    pub(crate) fn log(&self, id: &RunId, from: u64) -> io::Result<Option<Vec<u8>>> {
        let mut text = Vec::new();
        match gugus_error::open_regular(&self.log_path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(mut file) => {
                if file.metadata()?.len() < from {
                    return Ok(None);
                }
                file.seek(SeekFrom::Start(from))?;
                file.take(LOG_PART).read_to_end(&mut text)?;
            }
        }
        Ok(Some(text))
    }

    /// The end of the log, at most `bytes` of it, from the beginning of a line.
    pub(crate) fn log_end(&self, id: &RunId, bytes: usize) -> io::Result<String> {
        let length = fs::metadata(self.log_path(id)).map_or(0, |about| about.len());
        let from = length.saturating_sub(bytes as u64);
        let mut text =
            String::from_utf8_lossy(&self.log(id, from)?.unwrap_or_default()).into_owned();
        if from > 0 {
            let cut = text.find('\n').map_or(0, |end| end + 1);
            text.drain(..cut);
        }
        Ok(text)
    }

    pub(crate) fn remove(&self, id: &RunId) -> io::Result<()> {
        fs::remove_dir_all(self.folder(id))
    }

    fn folder(&self, id: &RunId) -> PathBuf {
        self.root.join(id.as_str())
    }

    fn put_json(&self, id: &RunId, name: &str, value: &impl Serialize) -> io::Result<()> {
        self.put(id, name, &serde_json::to_vec_pretty(value)?)
    }

    /// Writes a file so that it is there as it was or as it will be, whenever the power goes.
    fn put(&self, id: &RunId, name: &str, bytes: &[u8]) -> io::Result<()> {
        let folder = self.folder(id);
        replace(&folder.join(name), bytes, File::sync_data)?;
        File::open(&folder)?.sync_all()
    }
}
