//! Notices of changes in a folder on this machine, as the system sends them.
//!
//! The folder and the folders directly in it are watched, each by itself: a batch is a new name in the folder, and a model
//! is a new name in a folder of it. While the folder is missing, the nearest folder above it is watched.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{CreateKind, ModifyKind},
};
use tokio::sync::Notify;

use crate::backend::{Changes, Notices, TEMPORARY};

/// The most folders in the folder that are watched. A store has one folder for each model of a job. Spark's users have a
/// folder for each batch; new folders of theirs are noticed, and changes within them are found by looking. The system takes
/// some ten microseconds for each, and bounds how many a user may watch.
const MOST_FOLDERS: usize = 10_000;

/// The most names that are remembered until somebody asks for them. After more changes it is quicker to look at everything.
const MOST_NAMES: usize = 10_000;

/// Notices of one folder.
pub(super) struct FolderNotices {
    root: PathBuf,
    watcher: RecommendedWatcher,
    /// The folder that is watched as the root, by device and inode; none while it is missing.
    watched: Option<(u64, u64)>,
    folders: BTreeSet<PathBuf>,
    seen: Arc<Seen>,
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
        let mut notices = Self {
            root: root.to_owned(),
            watcher,
            watched: None,
            folders: BTreeSet::new(),
            seen,
        };
        notices.renew();
        // The first folder that is watched is no change.
        notices.changes();
        Ok(notices)
    }

    /// Watches a folder, but not what is below it.
    fn watch(&mut self, folder: &Path) -> bool {
        let watched = self.watcher.watch(folder, RecursiveMode::NonRecursive);
        if let Err(error) = &watched
            && folder.exists()
        {
            tracing::debug!(folder = %folder.display(), %error, "changes in this folder are found by looking only");
        }
        watched.is_ok()
    }

    /// Watches a folder in the folder.
    fn add(&mut self, folder: PathBuf) {
        if self.folders.len() < MOST_FOLDERS || self.folders.contains(&folder) {
            // Also one that is known: it may be a new folder of the old name.
            if self.watch(&folder) {
                self.folders.insert(folder);
            } else {
                self.folders.remove(&folder);
            }
        }
    }

    /// Watches the nearest folder that there is above the missing root.
    fn watch_above(&mut self) {
        let above: Vec<PathBuf> = self.root.ancestors().skip(1).map(Path::to_owned).collect();
        for folder in above {
            if self.watch(&folder) {
                return;
            }
        }
    }
}

#[async_trait]
impl Notices for FolderNotices {
    async fn next(&mut self) {
        self.seen.changed.notified().await;
        if self.seen.root_changed.swap(false, Ordering::SeqCst) {
            self.renew();
        }
        let new = std::mem::take(&mut *self.seen.folders());
        new.into_iter().for_each(|folder| self.add(folder));
    }

    fn renew(&mut self) {
        let identity = |root: &Path| fs::metadata(root).ok().map(|m| (m.dev(), m.ino()));
        let there = identity(&self.root);
        if there.is_some() && there == self.watched {
            return;
        }
        self.seen.names_missing.store(true, Ordering::SeqCst);
        self.folders.clear();
        self.watched = None;
        let root = self.root.clone();
        if there.is_none() || !self.watch(&root) {
            self.watch_above();
            // It may have been made in between.
            if identity(&root).is_none() || !self.watch(&root) {
                return;
            }
        }
        self.watched = identity(&root);
        let entries = fs::read_dir(&root).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let folders: Vec<PathBuf> = folders.map(|entry| entry.path()).collect();
        folders.into_iter().for_each(|folder| self.add(folder));
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
    fn folders(&self) -> std::sync::MutexGuard<'_, BTreeSet<PathBuf>> {
        self.new_folders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
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
