//! The folder in which an executor keeps results until they are fetched.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use datafusion::execution::DiskManager;
use datafusion::execution::disk_manager::DiskManagerMode;
use tempfile::TempDir;

use super::error::ExecutorError;

/// The first characters of the names of executors' folders.
const PREFIX: &str = "gugus-executor-";

/// The lock of a folder, held while its executor lives. Other executors recognise abandoned folders by it.
const LOCK: &str = "lock";

/// Where tasks put what does not fit into memory. No Ballista job has a name with a dot.
const SPILLED: &str = ".spilled";

/// How old the results of a Ballista job may grow. A minute after the end of a job, the scheduler asks to remove its
/// results. Only results for which that request got lost grow older.
const LEFT_OVER: Duration = Duration::from_secs(6 * 3600);

/// A folder for this executor only. It is removed when the executor ends. If the executor is killed, the next executor
/// in the same place removes the folder.
#[derive(Debug)]
pub(super) struct WorkDir {
    own: TempDir,
    _lock: File,
}

impl WorkDir {
    /// Makes a folder in `place`, the system's folder for temporary files when there is none.
    pub(super) fn new(place: Option<&Path>) -> Result<Self, ExecutorError> {
        let place = place.map_or_else(std::env::temp_dir, Path::to_owned);
        Self::within(&place).map_err(|source| ExecutorError::WorkDir {
            path: place,
            source,
        })
    }

    fn within(place: &Path) -> io::Result<Self> {
        fs::create_dir_all(place)?;
        remove_left_over(place);
        // Results are rows of the data: nobody else reads them.
        let own = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(place)?;
        // The folder gets its name only after it is locked. Another executor would take a folder without a lock for an
        // abandoned one.
        let unnamed = own.path().join("lock.new");
        let lock = File::create(&unnamed)?;
        lock.lock()?;
        fs::rename(unnamed, own.path().join(LOCK))?;
        Ok(Self { own, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.own.path()
    }

    /// The path as Ballista takes it.
    pub(super) fn text(&self) -> String {
        self.path().to_string_lossy().into_owned()
    }

    /// What makes the temporary files of tasks. They lie in this folder. So if this executor is killed, the next one removes them.
    pub(super) fn disk(&self) -> Result<Arc<DiskManager>, ExecutorError> {
        let path = self.path().join(SPILLED);
        let mode = DiskManagerMode::Directories(vec![path.clone()]);
        let disk = DiskManager::builder().with_mode(mode).build();
        disk.map(Arc::new).map_err(|error| ExecutorError::WorkDir {
            path,
            source: io::Error::other(error),
        })
    }

    /// Removes the results of a Ballista job, or of some of its stages.
    pub(super) fn remove_job(&self, job: &str, stages: &[u32]) -> io::Result<()> {
        let odd = job.is_empty() || job.contains(['/', '\\']) || job.starts_with('.');
        if odd || job == LOCK {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no Ballista job has this id",
            ));
        }
        let folder = self.path().join(job);
        let gone = |result: io::Result<()>| match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        if stages.is_empty() {
            return gone(fs::remove_dir_all(folder));
        }
        stages
            .iter()
            .try_for_each(|stage| gone(fs::remove_dir_all(folder.join(stage.to_string()))))
    }

    /// Removes all results, because nobody knows of them any more.
    pub(super) fn clear(&self) {
        self.remove_where(|_| true);
    }

    /// Removes old results that no request has removed and nobody has fetched.
    pub(super) fn sweep(&self) {
        let now = SystemTime::now();
        self.remove_where(|folder| {
            newest(folder)
                .is_some_and(|written| now.duration_since(written).is_ok_and(|age| age > LEFT_OVER))
        });
    }

    fn remove_where(&self, which: impl Fn(&Path) -> bool) {
        for folder in folders(self.path()) {
            if !folder.ends_with(SPILLED)
                && which(&folder)
                && let Err(error) = fs::remove_dir_all(&folder)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(folder = %folder.display(), %error, "results that nobody needs could not be removed");
            }
        }
    }
}

/// Removes the folders of executors that were killed. A folder that cannot be read is left alone, because it may be
/// that of another user.
fn remove_left_over(place: &Path) {
    for folder in folders(place) {
        let ours = folder
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(PREFIX));
        if !ours {
            continue;
        }
        let Ok(lock) = gugus_error::open_regular(&folder.join(LOCK)) else {
            continue;
        };
        match lock.try_lock() {
            Ok(()) => match fs::remove_dir_all(&folder) {
                Ok(()) => {
                    tracing::debug!(folder = %folder.display(), "removed what a killed executor left")
                }
                Err(error) => tracing::debug!(folder = %folder.display(), %error, "left alone"),
            },
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                tracing::debug!(folder = %folder.display(), %error, "left alone");
            }
        }
    }
}

fn folders(place: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(place) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// When the folder of a Ballista job was last written to. Each stage has a folder in it.
fn newest(job: &Path) -> Option<SystemTime> {
    folders(job)
        .iter()
        .map(PathBuf::as_path)
        .chain([job])
        .filter_map(|folder| fs::metadata(folder).ok()?.modified().ok())
        .max()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn a_killed_executors_folder_goes_and_a_living_ones_stays() {
        let place = tempfile::tempdir().unwrap();
        let living = WorkDir::new(Some(place.path())).unwrap();
        let killed = WorkDir::new(Some(place.path())).unwrap();
        let left = killed.path().to_owned();
        // A killed process holds no lock and has removed nothing.
        let WorkDir { own, _lock } = killed;
        let _ = own.keep();
        drop(_lock);
        let foreign = place.path().join("somebody's");
        fs::create_dir(&foreign).unwrap();

        // Opening a pipe would wait for somebody who writes into it.
        let trap = place.path().join(format!("{PREFIX}trap"));
        fs::create_dir(&trap).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(trap.join(LOCK))
            .status();
        assert!(made.unwrap().success());

        let next = WorkDir::new(Some(place.path())).unwrap();
        let mode = next.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(!left.exists());
        assert!(living.path().exists() && foreign.exists() && next.path().exists());
    }

    #[test]
    fn only_folders_of_ballista_jobs_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let work = WorkDir::new(Some(place.path())).unwrap();
        fs::create_dir_all(work.path().join("job/1")).unwrap();
        fs::create_dir_all(work.path().join("job/2")).unwrap();
        work.remove_job("job", &[1, 7]).unwrap();
        assert!(!work.path().join("job/1").exists() && work.path().join("job/2").exists());
        for odd in ["", ".", "..", "../x", "a/b", LOCK, SPILLED] {
            assert!(work.remove_job(odd, &[]).is_err(), "{odd:?}");
        }
        work.remove_job("job", &[]).unwrap();
        work.remove_job("job", &[]).unwrap();
        assert!(!work.path().join("job").exists());
        fs::create_dir_all(work.path().join("young/1")).unwrap();
        work.sweep();
        assert!(work.path().join("young").exists());
        let spilled = work.disk().unwrap().create_tmp_file("a test").unwrap();
        work.clear();
        assert!(!work.path().join("young").exists() && work.path().join(LOCK).exists());
        let spilled = spilled.path().unwrap();
        assert!(spilled.starts_with(work.path()) && spilled.exists());
    }
}
