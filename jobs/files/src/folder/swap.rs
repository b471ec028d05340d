//! Folders that are put in place whole.

use std::{collections::BTreeSet, fs, io, path::Path};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::durable::temporary_beside;
use crate::{
    StoreError,
    backend::{FolderContent, Onto, Placed},
};

/// The folder that has the temporary name in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Nothing,
    /// The folder that was replaced.
    Old,
    /// The folder that was to be put in place, and was not: something is there that stays.
    New,
}

/// Builds the folder under a temporary name, then gives it its own. Not synced: a model can be trained again, its
/// checksums show what a crash tore, and ten thousand models are written in a run, a quarter of whose processor time goes
/// into the calls below.
pub(super) fn put(path: &Path, content: &FolderContent, onto: Onto) -> Result<Placed, StoreError> {
    if onto == Onto::Nothing && fs::symlink_metadata(path).is_ok() {
        return Ok(Placed::InTheWay);
    }
    let temporary = temporary_beside(path);
    let write = || {
        make_beside(&temporary)?;
        let FolderContent {
            files,
            mark,
            mark_content,
        } = content;
        let folders = files.iter().filter_map(|(file, _)| file.split_once('/'));
        for folder in folders.map(|(folder, _)| folder).collect::<BTreeSet<_>>() {
            let folder = temporary.join(folder);
            fs::create_dir(&folder).map_err(|e| made(&folder, e))?;
        }
        let last = ((*mark).to_owned(), mark_content.clone());
        for (file, bytes) in files.iter().chain([&last]) {
            let file = temporary.join(file);
            fs::write(&file, bytes).map_err(|e| StoreError::io("writing", &file, e))?;
        }
        put_in_place(&temporary, path, mark, onto).map_err(|e| made(path, e))
    };
    let result = write();
    if !matches!(result, Ok(Left::Nothing)) {
        discard(&temporary);
    }
    result.map(|left| match left {
        Left::Nothing | Left::Old => Placed::Written,
        Left::New => Placed::InTheWay,
    })
}

/// Takes the folder's name away, and with it all files at once, and removes them then. What a crash leaves has a temporary
/// name, and is swept.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    let temporary = temporary_beside(path);
    match fs::rename(path, &temporary) {
        Ok(()) => discard(&temporary),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(StoreError::io("removing", path, e)),
    }
    Ok(())
}

fn discard(temporary: &Path) {
    if let Err(e) = fs::remove_dir_all(temporary)
        && e.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %temporary.display(), error = %e, "a folder that is not wanted any more could not be removed");
    }
}

/// Makes a folder, and those above it where they are missing.
fn make_beside(temporary: &Path) -> Result<(), StoreError> {
    match (fs::create_dir(temporary), temporary.parent()) {
        (Err(e), Some(parent))
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            fs::create_dir_all(parent).map_err(|e| made(parent, e))?;
            fs::create_dir(temporary)
        }
        (done, _) => done,
    }
    .map_err(|e| made(temporary, e))
}

/// Renames; where a folder stands in the way that may be replaced, exchanges names with it.
fn put_in_place(temporary: &Path, path: &Path, mark: &str, onto: Onto) -> io::Result<Left> {
    // Renaming a folder onto another succeeds only if the other is empty, and then nothing is lost.
    match fs::rename(temporary, path).map(|()| Left::Nothing) {
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
            ) => {}
        done => return done,
    }
    if onto == Onto::Nothing {
        return Ok(Left::New);
    }
    match renameat_with(CWD, temporary, CWD, path, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(Left::Old),
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::INVAL | rustix::io::Errno::OPNOTSUPP) => {
            replace_without_exchange(temporary, path, mark).map(|()| Left::Nothing)
        }
        Err(e) => Err(e.into()),
    }
}

/// For file systems that cannot exchange names: for a moment the folder is not there, but never half there.
fn replace_without_exchange(temporary: &Path, path: &Path, mark: &str) -> io::Result<()> {
    match fs::remove_file(path.join(mark)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let old = temporary_beside(path);
    fs::rename(path, &old)?;
    fs::rename(temporary, path)?;
    fs::remove_dir_all(&old)
}

fn made(path: &Path, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => StoreError::NotAFolder {
            path: path.display().to_string(),
        },
        _ => StoreError::io("making", path, error),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const MARK: &str = "_SUCCESS";

    #[test]
    fn replacing_without_exchange_ends_with_the_new_folder_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("m"), dir.path().join(".new"));
        for (folder, text) in [(&old, "old"), (&new, "new")] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join(MARK), "").unwrap();
            fs::write(folder.join("f"), text).unwrap();
        }
        replace_without_exchange(&new, &old, MARK).unwrap();
        assert_eq!(fs::read_to_string(old.join("f")).unwrap(), "new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_in_the_way_is_exchanged() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("m"), dir.path().join(".new"));
        for (folder, text) in [(&old, "old"), (&new, "new")] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("f"), text).unwrap();
        }
        assert_eq!(
            put_in_place(&new, &old, MARK, Onto::Nothing).unwrap(),
            Left::New
        );
        assert_eq!(fs::read_to_string(old.join("f")).unwrap(), "old");
        assert_eq!(
            put_in_place(&new, &old, MARK, Onto::Anything).unwrap(),
            Left::Old
        );
        assert_eq!(fs::read_to_string(old.join("f")).unwrap(), "new");
        assert_eq!(fs::read_to_string(new.join("f")).unwrap(), "old");
    }

    #[test]
    fn what_is_to_stay_is_not_even_written_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m");
        let content = FolderContent {
            files: vec![("f".to_owned(), Bytes::from_static(b"new"))],
            mark: MARK,
            mark_content: Bytes::new(),
        };
        let write = |onto| put(&path, &content, onto).unwrap();
        assert_eq!(write(Onto::Nothing), Placed::Written);
        fs::write(path.join("f"), "old").unwrap();
        assert_eq!(write(Onto::Nothing), Placed::InTheWay);
        assert_eq!(fs::read_to_string(path.join("f")).unwrap(), "old");
        assert_eq!(write(Onto::Anything), Placed::Written);
        assert_eq!(fs::read_to_string(path.join("f")).unwrap(), "new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
