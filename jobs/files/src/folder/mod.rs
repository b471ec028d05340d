//! A folder on this machine.
//!
//! Files are read and written by the system directly and not through `object_store`, which never syncs, and whose errors
//! do not tell a missing file from a file in the way of a folder.

mod durable;
mod notices;
mod swap;

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use gugus_error::read_regular;

use crate::{
    StoreError,
    backend::{
        About, Backend, Created, Entry, FolderContent, Head, Listed, NamesStamp, Notices, Onto,
        Placed, Sizes, Swapped, Tail, Tree,
    },
    blocking::blocking,
};

/// When the time of a folder's last change tells it from the next change: several ticks of the file system's clock later.
const SETTLED: Duration = Duration::from_millis(100);

/// A folder on this machine, by its absolute path.
#[derive(Clone, Debug)]
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    async fn at<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Path) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = match name {
            "" => self.0.clone(),
            name => self.0.join(name),
        };
        blocking(move || work(&path)).await
    }
}

#[async_trait]
impl Backend for Folder {
    async fn prepare(&self) -> Result<(), StoreError> {
        self.at("", |root| {
            durable::make_folder(root)?;
            durable::probe_hard_links(root)
        })
        .await
    }

    async fn list(&self, folder: &str, sizes: Sizes) -> Result<Option<Listed>, StoreError> {
        self.at(folder, move |path| list(path, sizes)).await
    }

    async fn tree(&self, _: &str) -> Result<Box<dyn Tree>, StoreError> {
        Ok(Box::new(self.clone()))
    }

    async fn get(&self, file: &str) -> Result<Bytes, StoreError> {
        self.at(file, |path| {
            let read = read_regular(path).map(Bytes::from);
            read.map_err(|e| StoreError::io("reading", path, e))
        })
        .await
    }

    async fn tail(&self, file: &str, length: u64) -> Result<Tail, StoreError> {
        self.at(file, move |path| {
            durable::tail(path, length).map_err(|e| StoreError::io("reading", path, e))
        })
        .await
    }

    async fn head(&self, file: &str) -> Result<Option<Head>, StoreError> {
        self.at(file, |path| match fs::metadata(path) {
            Ok(found) => Ok(Some(Head {
                about: about(&found),
                stamp: stamp(&found),
            })),
            Err(e) if absent(&e) => Ok(None),
            Err(e) => Err(StoreError::io("looking for", path, e)),
        })
        .await
    }

    async fn create(&self, file: &str, bytes: Bytes) -> Result<Created, StoreError> {
        self.at(file, move |path| match durable::create(path, &bytes) {
            Err(StoreError::NotFound { .. }) => {
                path.parent().map_or(Ok(()), durable::make_folder)?;
                durable::create(path, &bytes)
            }
            done => done,
        })
        .await
    }

    async fn swap(
        &self,
        file: &str,
        old: Option<Bytes>,
        new: Bytes,
    ) -> Result<Swapped, StoreError> {
        self.at(file, move |path| durable::swap(path, old.as_deref(), &new))
            .await
    }

    async fn delete(&self, file: &str) -> Result<(), StoreError> {
        self.at(file, |path| match fs::remove_file(path) {
            Err(e) if !absent(&e) => Err(StoreError::io("removing", path, e)),
            _ => Ok(()),
        })
        .await
    }

    async fn sync(&self, folder: &str) -> Result<(), StoreError> {
        self.at(folder, durable::sync_folder).await
    }

    async fn sweep(&self, folder: &str) -> Result<(), StoreError> {
        self.at(folder, |path| {
            let swept = durable::sweep(path);
            if swept > 0 {
                tracing::info!(folder = %path.display(), files = swept, "removed old temporary files");
            }
            Ok(())
        })
        .await
    }

    async fn put_folder(
        &self,
        folder: &str,
        content: Arc<FolderContent>,
        onto: Onto,
    ) -> Result<Placed, StoreError> {
        self.at(folder, move |path| swap::put(path, &content, onto))
            .await
    }

    async fn remove_folder(&self, folder: &str, _: &'static str) -> Result<(), StoreError> {
        self.at(folder, swap::remove).await
    }

    fn notices(&self) -> Option<Box<dyn Notices>> {
        match notices::FolderNotices::new(&self.0) {
            Ok(notices) => Some(Box::new(notices)),
            Err(error) => {
                tracing::warn!(folder = %self.0.display(), %error, "the system sends no notices of changes; they are looked for now and then");
                None
            }
        }
    }
}

/// Looks at the file system for each question. A model of ten files costs one look instead of ten entries of a listing.
impl Tree for Folder {
    fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let listed = list(&self.0.join(folder), Sizes::Skip)?;
        Ok(listed.unwrap_or_default().folders)
    }

    fn files(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let listed = list(&self.0.join(folder), Sizes::Skip)?.unwrap_or_default();
        Ok(listed.files.into_iter().map(|file| file.name).collect())
    }

    fn has(&self, file: &str) -> bool {
        self.0.join(file).exists()
    }

    fn names_stamp(&self, folder: &str) -> Option<NamesStamp> {
        let found = fs::metadata(self.0.join(folder)).ok()?;
        let nanoseconds = u32::try_from(found.ctime_nsec()).ok()?;
        let changed = Duration::new(u64::try_from(found.ctime()).ok()?, nanoseconds);
        let inode = found.ino();
        // Two changes within one tick of the file system's clock have the same time.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let is_past = now.is_ok_and(|now| changed + SETTLED < now);
        is_past.then_some(NamesStamp { inode, changed })
    }
}

/// No such file, or a file where one of its folders should be.
fn absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn about(found: &fs::Metadata) -> About {
    About {
        size: found.len(),
        // Every system that we build for knows it; where one does not, nothing is ever too old.
        modified: found.modified().unwrap_or_else(|_| SystemTime::now()),
    }
}

fn stamp(found: &fs::Metadata) -> String {
    format!(
        "{:x}-{:x}-{:x}.{:x}",
        found.ino(),
        found.len(),
        found.mtime(),
        found.mtime_nsec()
    )
}

fn list(folder: &Path, sizes: Sizes) -> Result<Option<Listed>, StoreError> {
    let wrong = |e| StoreError::io("listing", folder, e);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(wrong(e)),
    };
    let mut listed = Listed::default();
    for entry in entries {
        let entry = entry.map_err(wrong)?;
        // A name that is not UTF-8 is none of ours.
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let mut kind = entry.file_type().map_err(wrong)?;
        if kind.is_symlink() {
            // A link counts as its target. A link without a target does not count.
            let Ok(target) = fs::metadata(entry.path()) else {
                continue;
            };
            kind = target.file_type();
        }
        if kind.is_dir() {
            listed.folders.push(name);
            continue;
        }
        let about = match sizes {
            Sizes::Skip => About::UNASKED,
            Sizes::Read => match fs::metadata(entry.path()) {
                Ok(found) => about(&found),
                // Pruned since the folder was opened.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(StoreError::io("looking for", &entry.path(), e)),
            },
        };
        listed.files.push(Entry { name, about });
    }
    Ok(Some(listed))
}
