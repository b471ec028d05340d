//! The course of one run and its file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::DateTime;
use gugus_pages::run::{Course, ModelRow, ModelTable, Square};
use gugus_progress::{Lag, ModelReport, Outcome, PassReport};
use gugus_spec::{BatchNumber, ModelName};
use gugus_train::Observer;

use super::index::{Entry, Extract, Index};
use super::line::Line;
use super::view::ModelsAsked;
use crate::clock::{now, rfc3339};
use crate::replace::replace;

/// How much is written at once.
const AT_ONCE: usize = 64 * 1024;

/// How long something told may stay in memory only, while more is told.
const NOT_LONGER: Duration = Duration::from_millis(250);

/// How long the file of a standing run may become before it is cut. A model takes two lines of some 250 bytes, and more for
/// each thousand of its centers.
const TRIM_AT: u64 = 8 * 1024 * 1024;

/// The course of one run.
#[derive(Debug)]
pub(super) struct CourseFile(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    file: File,
    /// What is in the file.
    written: u64,
    /// What is not in the file yet, and since when.
    pending: Vec<u8>,
    since: Instant,
    /// Whether the last try to write it failed.
    failing: bool,
    index: Index,
    /// All models at a glance, as long as nothing more is told.
    squares: Option<Vec<Square>>,
    /// Where the file is replaced by a shorter one; absent in a course that keeps all that was told.
    trimmed: Option<Trimmed>,
}

/// A file that is replaced by a shorter one now and then.
#[derive(Debug)]
struct Trimmed {
    path: PathBuf,
    /// The length at which the file is replaced the next time.
    at: u64,
}

impl CourseFile {
    /// A new course, whose attempt begins.
    pub(super) fn begin(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .truncate(true)
            .write(true)
            .read(true)
            .open(path)?;
        Ok(Self(Mutex::new(Inner::new(file, 0, Index::default()))))
    }

    /// The course of a run that nobody drives. A last line that is not whole was being written when the scheduler ended.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let file = gugus_error::open_regular(path)?;
        let (index, length) = indexed(&file)?;
        Ok(Self(Mutex::new(Inner::new(file, length, index))))
    }

    /// The course of a standing run, which goes on with the lines that are there and keeps the newest.
    pub(super) fn go_on(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .truncate(false)
            .write(true)
            .read(true)
            .open(path)?;
        let (index, length) = indexed(&file)?;
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        let mut inner = Inner::new(file, length, index);
        inner.trimmed = Some(Trimmed {
            path: path.to_owned(),
            at: TRIM_AT,
        });
        Ok(Self(Mutex::new(inner)))
    }

    /// What a viewer wants to see. It reads the lines of the rows that are asked for.
    pub(super) fn show(&self, asked: &ModelsAsked) -> Course {
        let mut inner = self.inner();
        if inner.squares.is_none() {
            let path = |entry: &Entry| inner.line(entry.extract)?.path;
            let squares = inner.index.squares(path);
            inner.squares = Some(squares);
        }
        let (page, total) = inner.index.page(asked);
        let row = |entry: &Entry| {
            Some(ModelRow {
                line: inner.line(entry.extract)?,
                mark: entry.mark,
                at: instant(entry.at),
            })
        };
        let rows = page.iter().filter_map(|(_, entry)| row(entry)).collect();
        Course {
            counts: inner.index.counts,
            squares: inner.squares.clone().unwrap_or_default(),
            table: ModelTable {
                rows,
                from: asked.from,
                size: asked.size,
                total,
                status: asked.status,
                sort: asked.sort.clone(),
                descending: asked.descending,
            },
            passes: inner
                .index
                .series
                .values()
                .map(|series| series.shown())
                .collect(),
            left_out: inner.index.left_out,
        }
    }

    /// Nobody drives the run any more.
    pub(super) fn end(&self) {
        let mut inner = self.inner();
        inner.index.rest();
        inner.squares = None;
        inner.flush();
        if let Err(error) = inner.file.sync_data() {
            tracing::warn!(%error, "the last lines about a run's models may not be on disk");
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the lines of a file tell, and where the last whole line ends.
fn indexed(file: &File) -> io::Result<(Index, u64)> {
    let (mut index, mut offset) = (Index::default(), 0);
    let mut reader = BufReader::with_capacity(AT_ONCE, file.try_clone()?);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        let Ok(line) = serde_json::from_slice::<Line<ModelReport, PassReport>>(&bytes) else {
            break;
        };
        let length = bytes.len();
        match line {
            Line::Model { at, line } => index.model(at, &line, Extract { offset, length }),
            Line::Pass { line, .. } => index.pass(line),
            Line::LeftOut { models } => index.left_out = models,
        }
        offset += length as u64;
        bytes.clear();
    }
    index.rest();
    Ok((index, offset))
}

impl Observer for CourseFile {
    fn model(&self, line: &ModelReport) {
        let (mut inner, at) = (self.inner(), now());
        // Of a standing run nobody wants to see again what was there before.
        if inner.trimmed.is_some() && line.status == Outcome::Skipped && !inner.index.awaits(line) {
            return;
        }
        if let Some(extract) = inner.add(&Line::Model { at, line }) {
            inner.index.model(at, line, extract);
        }
        inner.trim();
    }

    fn promotion(&self, line: &ModelReport) {
        self.model(line);
    }

    fn begun(&self, model: &ModelName, batches: &[BatchNumber]) {
        let mut inner = self.inner();
        let batches = batches.iter().map(|batch| Some(batch.get()));
        inner.index.running(model.as_str(), batches);
        inner.squares = None;
        // The next lines come when the wave is fitted: until then, what was told is on disk.
        inner.flush();
    }

    fn lag(&self, lag: Lag) {
        // Nothing more may be told for days: until then, what was told is on disk.
        if lag.batches == 0 {
            self.inner().flush();
        }
    }

    fn pass(&self, pass: &PassReport) {
        let (mut inner, at) = (self.inner(), now());
        if inner.add(&Line::Pass { at, line: pass }).is_some() {
            inner.index.pass(pass.clone());
        }
    }
}

impl Inner {
    fn new(file: File, written: u64, index: Index) -> Self {
        Self {
            file,
            written,
            pending: Vec::new(),
            failing: false,
            since: Instant::now(),
            index,
            squares: None,
            trimmed: None,
        }
    }

    /// Adds a line; gives where it lies. A line that cannot be kept is not shown either.
    fn add(&mut self, line: &Line<&ModelReport, &PassReport>) -> Option<Extract> {
        if self.pending.is_empty() {
            self.since = Instant::now();
        }
        let before = self.pending.len();
        serde_json::to_writer(&mut self.pending, line).ok()?;
        self.pending.push(b'\n');
        let extract = Extract {
            offset: self.written + before as u64,
            length: self.pending.len() - before,
        };
        self.squares = None;
        if self.pending.len() >= AT_ONCE || self.since.elapsed() >= NOT_LONGER {
            self.flush();
        }
        Some(extract)
    }

    /// Writes what is pending. What a full disk does not take stays pending, and half a line is taken back.
    fn flush(&mut self) {
        match self.file.write_all(&self.pending) {
            Ok(()) => {
                self.written += self.pending.len() as u64;
                self.pending.clear();
                self.failing = false;
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, "lines about a run's models could not be written; they stay in memory, and the next write includes them");
                }
                let begin = SeekFrom::Start(self.written);
                let cut = self.file.set_len(self.written);
                if let Err(error) = cut.and_then(|()| self.file.seek(begin)) {
                    tracing::debug!(%error, "half a line could not be taken back");
                }
            }
        }
    }

    /// Replaces a file that has grown long by one of its newest models.
    fn trim(&mut self) {
        let length = self.written + self.pending.len() as u64;
        let Some(trimmed) = self.trimmed.as_ref().filter(|trimmed| trimmed.at <= length) else {
            return;
        };
        let path = trimmed.path.clone();
        let (mut index, mut bytes) = (self.index.newest(), Vec::new());
        let left_out = Line::<(), ()>::LeftOut {
            models: index.left_out,
        };
        if serde_json::to_writer(&mut bytes, &left_out).is_ok() {
            bytes.push(b'\n');
        }
        // In the order in which they were told, which the next cut goes by.
        let mut entries: Vec<&mut Entry> = index.entries.values_mut().collect();
        entries.sort_unstable_by_key(|entry| entry.extract.offset);
        for entry in entries {
            let line = self.bytes(entry.extract).unwrap_or_default();
            entry.extract.offset = bytes.len() as u64;
            bytes.extend(line);
        }
        let replaced = replace(&path, &bytes, |_| Ok(())).and_then(|()| {
            let mut file = OpenOptions::new().write(true).read(true).open(&path)?;
            file.seek(SeekFrom::End(0)).map(|_| file)
        });
        let written = bytes.len() as u64;
        // Where that failed, the next try comes when the file has grown by as much again.
        let at = match replaced {
            Ok(file) => {
                *self = Self::new(file, written, index);
                written
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the lines about a standing run's models could not be cut; they stay, and the run goes on");
                length
            }
        };
        let at = (2 * at).max(TRIM_AT);
        self.trimmed = Some(Trimmed { path, at });
    }

    fn bytes(&self, extract: Extract) -> Option<Vec<u8>> {
        let mut bytes = vec![0; extract.length];
        match extract.offset.checked_sub(self.written) {
            None => self.file.read_exact_at(&mut bytes, extract.offset).ok()?,
            Some(from) => {
                let from = usize::try_from(from).ok()?;
                bytes.copy_from_slice(self.pending.get(from..from + extract.length)?);
            }
        }
        Some(bytes)
    }

    fn line(&self, extract: Extract) -> Option<ModelReport> {
        match serde_json::from_slice(&self.bytes(extract)?).ok()? {
            Line::<_, PassReport>::Model { line, .. } => Some(line),
            Line::Pass { .. } | Line::LeftOut { .. } => None,
        }
    }
}

fn instant(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds).ok();
    let time = time.and_then(DateTime::from_timestamp_millis);
    time.map_or_else(String::new, rfc3339)
}
