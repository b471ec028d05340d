//! Notices of changes in a folder on this machine, as the system sends them.
//!
//! The folder and the folders directly in it are watched, each by itself: a batch is a new name in the folder, and a model
//! is a new name in a folder of it. While the folder is missing, the nearest folder above it is watched.
//!
//! Invariant: every change since the notices began is told, also one in a folder that is watched only later. Many folders
//! take a while to be watched. If such a folder changed meanwhile, its own time of change says so, and its name is told.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use notify::{
    ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{CreateKind, ModifyKind},
};
use tokio::sync::Notify;

use crate::backend::{Changes, Notices, TEMPORARY};

/// The most folders in the folder that are watched. A store has one folder for each model of a job, and Spark's users have a
/// folder for each batch. Each takes about a kilobyte of the system's memory. The system has a bound of its own for all
/// programs of a user, which is lower on small machines. Further folders are noticed when they are new, and changes within
/// them are found by looking.
const MOST_FOLDERS: usize = 125_000;

/// How many folders are watched in one go, which takes about a millisecond. More of them are watched in a thread of its own.
const IN_ONE_GO: usize = 64;

/// The thread pauses so long after each go, so that others get their turn.
const PAUSE: Duration = Duration::from_micros(100);

/// How far the time of a file system may be behind the clock: its clock ticks a hundred times a second or more often.
const TICK: Duration = Duration::from_millis(20);

/// The most names that are remembered until somebody asks for them. After more changes it is quicker to look at everything.
const MOST_NAMES: usize = 10_000;

/// Notices of one folder.
pub(super) struct FolderNotices {
    root: PathBuf,
    watching: Arc<Mutex<Watching>>,
    seen: Arc<Seen>,
}

/// The folders that are watched.
struct Watching {
    watcher: RecommendedWatcher,
    /// The folder that is watched as the root, by device and inode; none while it is missing.
    root: Option<(u64, u64)>,
    folders: BTreeSet<PathBuf>,
    /// Folders that are still to be watched.
    waiting: Vec<PathBuf>,
    /// Changes before this time need not be told.
    since: SystemTime,
}

/// What the system told so far.
#[derive(Default)]
struct Seen {
    changed: Notify,
    /// Folders in the folder that are new.
    new_folders: Mutex<BTreeSet<PathBuf>>,
    /// The names that changed, relative to the folder.
    names: Mutex<BTreeSet<String>>,
    /// Names are missing among those that changed.
    names_missing: AtomicBool,
    /// The folder itself came or went.
    root_changed: AtomicBool,
}

impl FolderNotices {
    pub(super) fn new(root: &Path) -> notify::Result<Self> {
        let seen = Arc::new(Seen::default());
        let (told, of) = (Arc::clone(&seen), root.to_owned());
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            told.take(&of, event);
        })?;
        let watching = Watching {
            watcher,
            root: None,
            folders: BTreeSet::new(),
            waiting: Vec::new(),
            since: SystemTime::now(),
        };
        let notices = Self {
            root: root.to_owned(),
            watching: Arc::new(Mutex::new(watching)),
            seen,
        };
        notices.begin();
        Ok(notices)
    }

    /// Watches the root and the folders in it from now on.
    fn begin(&self) {
        let mut watching = lock(&self.watching);
        watching.begin(&self.root);
        if watching.go(&self.seen) {
            return;
        }
        drop(watching);
        let (watching, seen) = (Arc::downgrade(&self.watching), Arc::clone(&self.seen));
        let thread = thread::Builder::new().name("gugus-notices".to_owned());
        if let Err(error) = thread.spawn(move || go_on(&watching, &seen)) {
            tracing::warn!(folder = %self.root.display(), %error, "most changes in this folder are found by looking only");
        }
    }
}

/// Watches all folders that wait, unless the notices end before.
fn go_on(watching: &Weak<Mutex<Watching>>, seen: &Seen) {
    while let Some(watching) = watching.upgrade() {
        if lock(&watching).go(seen) {
            return;
        }
        drop(watching);
        thread::sleep(PAUSE);
    }
}

fn lock(watching: &Mutex<Watching>) -> MutexGuard<'_, Watching> {
    watching.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watching {
    /// Watches the root, or what is there above it. The folders in it wait.
    fn begin(&mut self, root: &Path) {
        self.since = SystemTime::now() - TICK;
        self.folders.clear();
        self.waiting.clear();
        self.root = None;
        if identity(root).is_none() || !self.watch(root) {
            self.watch_above(root);
            // It may have been made in between.
            if identity(root).is_none() || !self.watch(root) {
                return;
            }
        }
        self.root = identity(root);
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        self.waiting = folders.map(|entry| entry.path()).collect();
        // The last one is the first to be watched.
        self.waiting.reverse();
    }

    /// Watches some of the folders that wait. Returns whether that were all.
    fn go(&mut self, seen: &Seen) -> bool {
        for _ in 0..IN_ONE_GO {
            let Some(folder) = self.waiting.pop() else {
                return true;
            };
            self.add(&folder);
            let changed = fs::metadata(&folder).and_then(|found| found.modified());
            if changed.is_ok_and(|changed| changed >= self.since)
                && let Some(name) = folder.file_name()
            {
                seen.name(Path::new(name));
                seen.changed.notify_one();
            }
        }
        self.waiting.is_empty()
    }

    /// Watches a folder, but not what is below it.
    fn watch(&mut self, folder: &Path) -> bool {
        let watched = self.watcher.watch(folder, RecursiveMode::NonRecursive);
        match &watched {
            Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => {
                self.waiting.clear();
                tracing::warn!(
                    folder = %folder.display(),
                    watched = self.folders.len(),
                    "the system lets this user watch no more folders; changes in the others are found by looking; raise fs.inotify.max_user_watches"
                );
            }
            Err(error) if folder.exists() => {
                tracing::debug!(folder = %folder.display(), %error, "changes in this folder are found by looking only");
            }
            _ => {}
        }
        watched.is_ok()
    }

    /// Watches a folder in the root.
    fn add(&mut self, folder: &Path) {
        if self.folders.len() < MOST_FOLDERS || self.folders.contains(folder) {
            // Also one that is known: it may be a new folder of the old name.
            if self.watch(folder) {
                self.folders.insert(folder.to_owned());
            } else {
                self.folders.remove(folder);
            }
        }
    }

    /// Watches the nearest folder that there is above the missing root.
    fn watch_above(&mut self, root: &Path) {
        for folder in root.ancestors().skip(1) {
            if self.watch(folder) {
                return;
            }
        }
    }
}

/// Which folder a path leads to, by device and inode; none if there is none.
fn identity(root: &Path) -> Option<(u64, u64)> {
    let found = fs::metadata(root).ok()?;
    Some((found.dev(), found.ino()))
}

#[async_trait]
impl Notices for FolderNotices {
    async fn next(&mut self) {
        self.seen.changed.notified().await;
        if self.seen.root_changed.swap(false, Ordering::SeqCst) {
            self.renew();
        }
        let new = std::mem::take(&mut *self.seen.folders());
        if !new.is_empty() {
            let mut watching = lock(&self.watching);
            new.iter().for_each(|folder| watching.add(folder));
        }
    }

    fn renew(&mut self) {
        let there = identity(&self.root);
        if there.is_none() || there != lock(&self.watching).root {
            self.seen.names_missing.store(true, Ordering::SeqCst);
            self.begin();
        }
    }

    fn changes(&mut self) -> Changes {
        let names = std::mem::take(&mut *self.seen.names());
        match self.seen.names_missing.swap(false, Ordering::SeqCst) {
            true => Changes::Anything,
            false => Changes::Names(names),
        }
    }
}

impl Seen {
    fn folders(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.new_folders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a name that changed, relative to the folder.
    fn name(&self, name: &Path) {
        let mut names = self.names();
        // A name that is not UTF-8 is none of ours.
        let Some(name) = name.to_str() else { return };
        if names.len() < MOST_NAMES {
            names.insert(name.to_owned());
        } else {
            self.names_missing.store(true, Ordering::SeqCst);
        }
    }

    /// Takes one event. Reading a file is an event, too, and so is each temporary file: they change nothing.
    fn take(&self, root: &Path, event: notify::Result<Event>) {
        // After an error, events may be missing.
        let Ok(event) = event else {
            self.names_missing.store(true, Ordering::SeqCst);
            self.changed.notify_one();
            return;
        };
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        let mut counts = event.need_rescan();
        self.names_missing.fetch_or(counts, Ordering::SeqCst);
        for path in &event.paths {
            if root.starts_with(path) {
                // The root, or a folder on the way to it.
                self.root_changed.store(true, Ordering::SeqCst);
                counts = true;
            } else if let Ok(name) = path.strip_prefix(root)
                && !is_temporary(path)
            {
                self.name(name);
                counts = true;
                if path.parent() == Some(root) && is_new_folder(&event.kind, path) {
                    self.folders().insert(path.clone());
                }
            }
        }
        if counts {
            self.changed.notify_one();
        }
    }
}

/// Whether a name is one that writers give a file until it is whole.
fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with('.') && name.ends_with(TEMPORARY))
}

fn is_new_folder(kind: &EventKind, path: &Path) -> bool {
    match kind {
        EventKind::Create(CreateKind::File) => false,
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) => path.is_dir(),
        _ => false,
    }
}
