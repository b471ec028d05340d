//! Files that are there after a power cut, and whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use gugus_error::{open_regular, read_regular};

use crate::{
    StoreError,
    backend::{Created, Swapped, TEMPORARY, Tail},
};

/// How old a temporary file must be before an opening writer removes it.
///
/// A file is temporary for as long as it takes to write and sync one batch: seconds, on a bad day minutes. An hour
/// leaves wide room, and being wrong costs nothing but time: a writer whose temporary file went away (its
/// process was stopped for an hour, say) cannot link it, finds its number free, and writes it anew.
const STALE_AFTER: Duration = Duration::from_secs(3600);

/// A unique name beside `path`.
pub(super) fn temporary_beside(path: &Path) -> PathBuf {
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    path.with_file_name(format!(
        ".{name}.{}{TEMPORARY}",
        uuid::Uuid::new_v4().simple()
    ))
}

/// Creates `path` if nothing is there: a temporary file in the same folder, synced, then linked to the name, then
/// the folder synced. Linking takes the name for the whole file at once, and fails if the name is taken.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<Created, StoreError> {
    let temporary = temporary_beside(path);
    let result = write_synced(&temporary, bytes)
        .map_err(|e| StoreError::io("writing", &temporary, e))
        .and_then(|()| match fs::hard_link(&temporary, path) {
            Ok(()) => sync_parent(path).map(|()| Created::New),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(Created::Exists),
            Err(e) => Err(StoreError::io("linking", path, e)),
        });
    // The next writer that opens the folder sweeps a file that stays behind here.
    let _ = fs::remove_file(&temporary);
    result
}

/// Replaces the content of `path` if it is `old`. Of several writers, in any processes, one compares and replaces at a
/// time: it holds a lock on the folder, which ends with the writer and leaves no file.
pub(super) fn swap(path: &Path, old: Option<&[u8]>, new: &[u8]) -> Result<Swapped, StoreError> {
    let folder = path.parent().unwrap_or(path);
    make_folder(folder)?;
    let locked = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
    let locked = locked.map_err(|e| StoreError::io("locking", folder, e))?;
    let there = match read_regular(path) {
        Ok(bytes) => Some(bytes),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(StoreError::io("reading", path, e)),
    };
    if there.as_deref() != old {
        return Ok(Swapped::Changed);
    }
    let temporary = temporary_beside(path);
    let replaced = write_synced(&temporary, new)
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| locked.sync_all());
    replaced.map_err(|e| {
        let _ = fs::remove_file(&temporary);
        StoreError::io("writing", path, e)
    })?;
    Ok(Swapped::Done)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let synced = File::open(folder).and_then(|f| f.sync_all());
    synced.map_err(|e| StoreError::io("syncing", folder, e))
}

fn sync_parent(path: &Path) -> Result<(), StoreError> {
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes a folder and the folders above it, durably. An existing folder is fine.
pub(super) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|p| !p.exists()).collect();
    match fs::create_dir_all(folder) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            return Err(StoreError::NotAFolder {
                path: folder.display().to_string(),
            });
        }
        Err(e) => return Err(StoreError::io("making", folder, e)),
    }
    missing.into_iter().rev().try_for_each(sync_parent)
}

/// Tries with temporary files whether a name can be linked, and only once, as [`create`] needs.
pub(super) fn probe_hard_links(folder: &Path) -> Result<(), StoreError> {
    let file = temporary_beside(&folder.join("probe"));
    let link = temporary_beside(&folder.join("probe"));
    write_synced(&file, b"probe").map_err(|e| StoreError::io("writing into", folder, e))?;
    let linked = fs::hard_link(&file, &link).and_then(|()| match fs::hard_link(&file, &link) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
        Ok(()) => Err(io::Error::other(
            "a second link to the same name was let through",
        )),
    });
    let _ = fs::remove_file(&link);
    let _ = fs::remove_file(&file);
    sync_folder(folder)?;
    linked.map_err(|source| StoreError::HardLinks {
        folder: folder.display().to_string(),
        source,
    })
}

/// Removes temporary files and folders that stood since before [`STALE_AFTER`]; says how many.
/// A file that cannot be examined or removed stays, because it does no harm.
pub(super) fn sweep(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let stale = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let ours = name
            .to_str()
            .is_some_and(|n| n.starts_with('.') && n.ends_with(TEMPORARY));
        let old = || {
            let changed = entry.metadata().and_then(|m| m.modified()).ok()?;
            SystemTime::now()
                .duration_since(changed)
                .ok()
                .filter(|age| *age > STALE_AFTER)
        };
        ours && old().is_some()
    };
    let remove = |entry: &fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => fs::remove_dir_all(entry.path()).is_ok(),
        _ => fs::remove_file(entry.path()).is_ok(),
    };
    entries.flatten().filter(stale).filter(remove).count()
}

/// The last `length` bytes of a file.
pub(super) fn tail(path: &Path, length: u64) -> io::Result<Tail> {
    let mut file = open_regular(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(length)))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(Tail {
        bytes: Bytes::from(bytes),
        size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_probe_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        probe_hard_links(dir.path()).unwrap();
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn only_old_temporary_files_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - STALE_AFTER - Duration::from_secs(60);
        for (name, changed) in [
            (".a.1.tmp", Some(old)),
            (".b.1.tmp", None),
            ("c.tmp", Some(old)),
            (".d", Some(old)),
        ] {
            let file = File::create(dir.path().join(name)).unwrap();
            if let Some(changed) = changed {
                file.set_modified(changed).unwrap();
            }
        }
        assert_eq!(sweep(dir.path()), 1);
        assert_eq!(names(dir.path()), [".b.1.tmp", ".d", "c.tmp"]);
    }

    #[test]
    fn a_file_in_the_way_of_a_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, b"").unwrap();
        assert!(matches!(
            make_folder(&path),
            Err(StoreError::NotAFolder { .. })
        ));
        assert!(matches!(
            make_folder(&path.join("b")),
            Err(StoreError::NotAFolder { .. })
        ));
        make_folder(&dir.path().join("x/y")).unwrap();
        make_folder(&dir.path().join("x/y")).unwrap();
    }
}
