//! Cutting records into batches. Invariant: a batch is closed when it has no room for the next record, or when its file or
//! the import ends. It is never closed earlier, so the last batch of a file always knows that it is the last.

use arrow::array::RecordBatch;
use gugus_batches::{ImportDraft, ImportedPart};
use gugus_records::{Columns, Reason};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::config::{Config, Cut};
use crate::Error;
use crate::input::Input;
use crate::open_batch::{OpenBatch, Record};

/// Why reading ends before the files do.
pub(crate) enum Halt {
    /// The import was stopped, or nobody takes the batches any more.
    Stopped,
    Error(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

pub(crate) struct Cutter<'a> {
    cut: Cut,
    open: OpenBatch,
    /// Offsets of the open batch.
    first: i64,
    next: i64,
    /// The files that end in the open batch.
    parts: Vec<ImportedPart>,
    /// The file that is read now.
    file: Option<(&'a Input, ImportedPart)>,
    send: mpsc::Sender<ImportDraft>,
    stop: &'a CancellationToken,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(
        config: &Config,
        begin: i64,
        send: mpsc::Sender<ImportDraft>,
        stop: &'a CancellationToken,
    ) -> Self {
        Self {
            cut: config.cut,
            open: OpenBatch::new(&config.job),
            first: begin,
            next: begin,
            parts: Vec::new(),
            file: None,
            send,
            stop,
        }
    }

    /// Begins a file, of which `part` has no record yet.
    pub(super) fn begin(&mut self, input: &'a Input, part: ImportedPart) {
        self.file = Some((input, part));
    }

    /// Sets the names of the file's columns, for a format whose records do not have them.
    pub(crate) fn named(&mut self, header: Vec<String>) {
        if let Some((_, part)) = &mut self.file {
            part.header = Some(header);
        }
    }

    /// The file has no more records.
    pub(super) fn end(&mut self) -> Result<(), Halt> {
        if let Some((_, mut part)) = self.file.take() {
            part.last = true;
            // A file without records leaves no trace, and may be imported any number of times.
            if part.first < part.next {
                self.parts.push(part);
            }
        }
        match self.cut {
            Cut::PerFile => self.close(),
            Cut::ByRows => Ok(()),
        }
    }

    /// Adds the next record of the file. `value` has its bytes, in case the record is rejected.
    pub(crate) fn push(
        &mut self,
        value: &[u8],
        parse: impl FnOnce(&mut Columns) -> Result<(), Reason>,
    ) -> Result<(), Halt> {
        self.make_room()?;
        let record = Record::imported(self.next, value);
        // The open batch keeps and counts a rejected record.
        let _ = self.open.push(record, parse);
        self.passed(1);
        Ok(())
    }

    /// Adds the next records of the file, whole columns at a time. `value` makes the bytes of one row, in case it is rejected.
    pub(crate) fn push_rows(
        &mut self,
        rows: &RecordBatch,
        value: impl Fn(&RecordBatch, usize) -> Vec<u8>,
    ) -> Result<(), Halt> {
        let mut from = 0;
        while from < rows.num_rows() {
            self.make_room()?;
            let room = match self.cut {
                Cut::ByRows => self.open.rows_left(),
                Cut::PerFile => u64::MAX,
            };
            let count = usize::try_from(room)
                .unwrap_or(usize::MAX)
                .min(rows.num_rows() - from);
            let pushed = self
                .open
                .push_rows(&rows.slice(from, count), self.next, &value);
            if let Err(error) = pushed {
                return Err(match &self.file {
                    Some((input, part)) => {
                        let reason = "correct the column's type in the job file";
                        input.stopped(part.next, reason, Some(error.into())).into()
                    }
                    None => Halt::Stopped,
                });
            }
            self.passed(count as u64);
            from += count;
        }
        Ok(())
    }

    /// Closes the open batch, if it has anything in it.
    pub(super) fn close(&mut self) -> Result<(), Halt> {
        if self.open.is_empty() {
            return Ok(());
        }
        let mut imported = std::mem::take(&mut self.parts);
        if let Some((_, part)) = &mut self.file
            && part.first < part.next
        {
            imported.push(part.clone());
            part.first = part.next;
        }
        let (rows, rejects) = self.open.take()?;
        let draft = ImportDraft {
            rows,
            rejects,
            first: self.first,
            imported,
        };
        self.first = self.next;
        // If the draft before could not be committed, nobody takes this one.
        self.send.blocking_send(draft).map_err(|_| Halt::Stopped)
    }

    fn make_room(&mut self) -> Result<(), Halt> {
        if self.stop.is_cancelled() {
            return Err(Halt::Stopped);
        }
        if self.cut == Cut::PerFile
            && self.open.is_too_large()
            && let Some((input, part)) = &self.file
        {
            let reason = "it is too large for one batch; leave out --one-batch-per-file";
            return Err(input.stopped(part.next, reason, None).into());
        }
        let too_many = self.open.too_many_rejects();
        let is_full = self.cut == Cut::ByRows && self.open.is_full();
        if is_full || too_many.is_some() {
            self.close()?;
        }
        too_many.map_or(Ok(()), |error| Err(error.into()))
    }

    fn passed(&mut self, records: u64) {
        self.next += records as i64;
        if let Some((_, part)) = &mut self.file {
            part.next += records;
        }
    }
}
