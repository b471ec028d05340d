//! Cutting records into batches. Invariant: a batch is closed when a record comes that it has no room for, or its file
//! or the import ends; never before, so that a file's last batch always knows that it is the last.

use std::path::PathBuf;

use arrow::array::RecordBatch;
use gugus_batches::{Draft, ImportedPart};
use gugus_records::{Columns, ImportError, Layout, Reason};
use gugus_spec::BatchLimits;
use gugus_spec::OffsetRange;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::plan::Planned;
use super::{Config, Cut};
use crate::Error;
use crate::gather::{Gather, Record};
use crate::window::RejectWindow;

/// Why reading ends before the files do.
pub(super) enum Halt {
    /// We were told to, or nobody takes the batches any more.
    Stopped,
    Error(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

pub(super) struct Cutter<'a> {
    cut: Cut,
    limits: BatchLimits,
    gather: Gather,
    window: RejectWindow,
    /// Offsets of the open batch.
    first: i64,
    next: i64,
    /// Files of which the open batch has the end, then the one that is being read.
    parts: Vec<ImportedPart>,
    file: Option<ImportedPart>,
    path: PathBuf,
    send: mpsc::Sender<Draft>,
    stop: &'a CancellationToken,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(
        config: &Config,
        begin: i64,
        send: mpsc::Sender<Draft>,
        stop: &'a CancellationToken,
    ) -> Self {
        Self {
            cut: config.cut,
            limits: config.job.batches.clone(),
            gather: Gather::new(Layout::new(&config.job.source)),
            window: RejectWindow::new(config.job.batches.max_reject_ratio),
            first: begin,
            next: begin,
            parts: Vec::new(),
            file: None,
            path: PathBuf::new(),
            send,
            stop,
        }
    }

    pub(super) fn begin(&mut self, file: &Planned) {
        self.path.clone_from(&file.input.path);
        self.file = Some(ImportedPart {
            sha256: file.sha256.clone(),
            first: file.skip,
            next: file.skip,
            last: false,
            header: None,
        });
    }

    /// The names of the file's columns, where its records do not say them.
    pub(super) fn named(&mut self, header: &[String]) {
        if let Some(file) = &mut self.file {
            file.header = Some(header.to_vec());
        }
    }

    /// The file has no more records.
    pub(super) fn end(&mut self) -> Result<(), Halt> {
        if let Some(mut file) = self.file.take() {
            file.last = true;
            // A file without records leaves no trace, and may be imported any number of times.
            if file.first < file.next {
                self.parts.push(file);
            }
        }
        if self.cut == Cut::PerFile {
            self.close()
        } else {
            Ok(())
        }
    }

    /// Adds the next record of the file. `value` is how it came, for when it is refused.
    pub(super) fn push(
        &mut self,
        value: &[u8],
        push: impl FnOnce(&mut Columns) -> Result<(), Reason>,
    ) -> Result<(), Halt> {
        self.make_room()?;
        let record = self.record(Some(value));
        match self.gather.push(record, push) {
            Some(refused) => self.window.rejected(refused.reason),
            None => self.window.accepted(1),
        }
        self.passed(1);
        Ok(())
    }

    /// Adds the next records of the file, whole columns at a time. `value` shows one of them, for when it is refused.
    pub(super) fn push_rows(
        &mut self,
        rows: &RecordBatch,
        value: impl Fn(&RecordBatch, usize) -> Vec<u8>,
    ) -> Result<(), PushRows> {
        let mut from = 0;
        while from < rows.num_rows() {
            self.make_room()?;
            let room = match self.cut {
                Cut::ByRows => self.limits.rows.get().saturating_sub(self.gather.rows()),
                Cut::PerFile => u64::MAX,
            };
            let count = usize::try_from(room)
                .unwrap_or(usize::MAX)
                .min(rows.num_rows() - from);
            let slice = rows.slice(from, count);
            let rejects = self.gather.columns().push_rows(&slice)?;
            self.window.accepted((count - rejects.len()) as u64);
            let mut refused = rejects.iter().map(|reject| reject.row).peekable();
            let first = self.next;
            // Rejects come in the order of the rows.
            let accepted = (0..count).filter(|row| refused.next_if_eq(row).is_none());
            self.gather.placed(accepted.map(|row| first + row as i64));
            for reject in rejects {
                let value = value(&slice, reject.row);
                let mut record = self.record(Some(&value));
                record.offset += reject.row as i64;
                let kind = reject.reason.kind();
                let refused = self.gather.reject(record, kind, reject.reason.to_string());
                self.window.rejected(refused.reason);
            }
            self.passed(count as u64);
            from += count;
        }
        Ok(())
    }

    /// Closes the open batch, if it has anything in it.
    pub(super) fn close(&mut self) -> Result<(), Halt> {
        if self.gather.is_empty() {
            return Ok(());
        }
        let mut imported = std::mem::take(&mut self.parts);
        if let Some(file) = self.file.as_mut().filter(|file| file.first < file.next) {
            imported.push(file.clone());
            file.first = file.next;
        }
        let range = OffsetRange {
            partition: 0,
            first: self.first,
            next: self.next,
        };
        let draft = self.gather.take(vec![range], imported)?;
        self.first = self.next;
        // Nobody takes it when the one before could not be committed.
        self.send.blocking_send(draft).map_err(|_| Halt::Stopped)
    }

    fn make_room(&mut self) -> Result<(), Halt> {
        if self.stop.is_cancelled() {
            return Err(Halt::Stopped);
        }
        if self.cut == Cut::PerFile && self.gather.is_too_large() {
            return Err(Error::BrokeOff {
                path: self.path.clone(),
                records: self.file.as_ref().map_or(0, |file| file.next),
                reason: "it is too large for one batch; leave out --one-batch-per-file".to_owned(),
                source: None,
            }
            .into());
        }
        let exceeded = self.window.exceeded();
        let full = self.cut == Cut::ByRows && self.gather.is_full(&self.limits);
        if full || exceeded.is_some() {
            self.close()?;
        }
        exceeded.map_or(Ok(()), |error| Err(error.into()))
    }

    fn record<'v>(&self, value: Option<&'v [u8]>) -> Record<'v> {
        Record {
            partition: 0,
            offset: self.next,
            timestamp: None,
            key: None,
            value,
        }
    }

    fn passed(&mut self, records: u64) {
        self.next += records as i64;
        if let Some(file) = &mut self.file {
            file.next += records;
        }
    }
}

/// Why rows of Arrow were not added.
pub(super) enum PushRows {
    Halt(Halt),
    Import(ImportError),
}

impl From<Halt> for PushRows {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl From<ImportError> for PushRows {
    fn from(error: ImportError) -> Self {
        Self::Import(error)
    }
}
