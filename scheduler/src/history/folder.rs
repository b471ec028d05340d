//! Records on disk.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gugus_pages::executors::Executor;
use gugus_pages::job::Job;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::index::{Index, Line};
use crate::replace::replace;

const JOBS: &str = "jobs";
const INDEX: &str = "jobs.jsonl";
const EXECUTORS: &str = "executors.json";
const EXTENSION: &str = "json";

/// The longest id of a job that becomes the name of a file. Ballista's have a few digits and letters.
const ID: usize = 64;

/// With so many lines out of date, the index is written anew.
const STALE: usize = 10_000;

/// The folder of records.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    index: File,
    /// How many lines the index has that are out of date.
    stale: usize,
}

impl Folder {
    /// Takes the folder, and reads what the table shows. A line without a record is left out, and a record without a line is
    /// read.
    pub(super) fn open(root: &Path) -> io::Result<(Self, Index)> {
        fs::create_dir_all(root.join(JOBS))?;
        let mut there: HashSet<String> = fs::read_dir(root.join(JOBS))?
            .filter_map(|entry| id_of(&entry.ok()?.path()))
            .collect();
        let text = match gugus_error::read_regular(&root.join(INDEX)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let text = String::from_utf8_lossy(&text);
        let mut index = Index::default();
        // The last line of a job is the newest.
        for line in text.lines().rev() {
            match serde_json::from_str::<Line>(line) {
                Ok(line) if there.remove(&line.row.id) => index.put(line),
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "a line of the list of jobs is damaged"),
            }
        }
        for id in there {
            match read::<Job>(&path_of(root, &id)) {
                Ok(job) => {
                    let bytes = fs::metadata(path_of(root, &id)).map_or(0, |about| about.len());
                    let row = job.row.listed();
                    index.put(Line { row, bytes });
                }
                Err(error) => {
                    tracing::warn!(id, %error, "the record of a Ballista job cannot be read and is left out")
                }
            }
        }
        index.interrupt();
        let folder = Self {
            index: write_index(root, index.lines())?,
            root: root.to_owned(),
            stale: 0,
        };
        Ok((folder, index))
    }

    /// Writes a record, and gives its size.
    pub(super) fn write(&self, job: &Job) -> io::Result<u64> {
        if !is_plain(&job.row.id) {
            return Err(io::Error::other(
                "the job's id cannot be the name of a file",
            ));
        }
        put(&path_of(&self.root, &job.row.id), job)
    }

    /// Adds a line to the index.
    pub(super) fn list(&mut self, line: &Line, replaces: bool) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.index.write_all(&text)?;
        self.stale += usize::from(replaces);
        Ok(())
    }

    /// Whether many lines of the index are out of date.
    pub(super) fn is_untidy(&self) -> bool {
        self.stale > STALE
    }

    /// Writes the index anew.
    pub(super) fn tidy(&mut self, lines: &[Line]) -> io::Result<()> {
        self.index = write_index(&self.root, lines.iter())?;
        self.stale = 0;
        Ok(())
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.stale += 1;
        match fs::remove_file(path_of(&self.root, id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(id, %error, "the old record of a Ballista job could not be removed");
            }
            _ => {}
        }
    }
}

/// Reads a record. Ids in requests may be any text, so only plain ones become a path.
pub(super) fn read_job(root: &Path, id: &str) -> Option<Job> {
    if !is_plain(id) {
        return None;
    }
    read(&path_of(root, id))
        .inspect_err(
            |error| tracing::warn!(id, %error, "the record of a Ballista job cannot be read"),
        )
        .ok()
}

pub(super) fn read_executors(root: &Path) -> Vec<Executor> {
    match read(&root.join(EXECUTORS)) {
        Ok(executors) => executors,
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(%error, "the list of earlier executors cannot be read and is left out");
            }
            Vec::new()
        }
    }
}

pub(super) fn write_executors(root: &Path, executors: &[Executor]) -> io::Result<()> {
    put(&root.join(EXECUTORS), &executors).map(drop)
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&gugus_error::read_regular(path)?)?)
}

/// Writes a file, and gives its size.
fn put(path: &Path, value: &impl Serialize) -> io::Result<u64> {
    let bytes = serde_json::to_vec(value)?;
    replace(path, &bytes, |_| Ok(()))?;
    Ok(bytes.len() as u64)
}

fn write_index<'a>(root: &Path, lines: impl Iterator<Item = &'a Line>) -> io::Result<File> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    let path = root.join(INDEX);
    replace(&path, &text, |_| Ok(()))?;
    OpenOptions::new().append(true).open(path)
}

fn path_of(root: &Path, id: &str) -> PathBuf {
    root.join(JOBS).join(id).with_extension(EXTENSION)
}

fn id_of(path: &Path) -> Option<String> {
    let named = path.extension().is_some_and(|ending| ending == EXTENSION);
    let id = path.file_stem()?.to_str()?;
    (named && is_plain(id)).then(|| id.to_owned())
}

fn is_plain(id: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    (1..=ID).contains(&id.len()) && id.chars().all(plain)
}
