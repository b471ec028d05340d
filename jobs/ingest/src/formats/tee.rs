//! A reader that keeps the bytes that it passed on until nobody needs them. So a rejected CSV row can be kept as it came,
//! with its quotes.

use std::io::{self, Read};

/// The longest record. Without this limit, a quote that is never closed would draw the whole file into memory.
pub(super) const LONGEST_RECORD: usize = 64 * 1024 * 1024;

pub(super) struct Tee<R> {
    inner: R,
    /// The bytes from `start` on. `start` counts bytes from the beginning of the file.
    kept: Vec<u8>,
    start: u64,
    /// Nobody needs the bytes before this place.
    done: u64,
}

impl<R: Read> Tee<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            kept: Vec::new(),
            start: 0,
            done: 0,
        }
    }

    /// The bytes of a record, without the line's end.
    pub(super) fn between(&self, from: u64, to: u64) -> &[u8] {
        let place = |at: u64| usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let bytes = self.kept.get(place(from)..place(to)).unwrap_or_default();
        let blank = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let begin = bytes.iter().position(|b| !blank(b)).unwrap_or(bytes.len());
        let end = bytes
            .iter()
            .rposition(|b| !blank(b))
            .map_or(begin, |last| last + 1);
        bytes.get(begin..end).unwrap_or_default()
    }

    /// Nobody needs the bytes before `done`. The next read drops them.
    pub(super) fn forget(&mut self, done: u64) {
        self.done = done;
    }
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let gone = usize::try_from(self.done.saturating_sub(self.start))
            .unwrap_or(usize::MAX)
            .min(self.kept.len());
        self.kept.drain(..gone);
        self.start += gone as u64;
        if self.kept.len() > LONGEST_RECORD {
            let reason = format!(
                "a record is longer than {} MiB; is a quote not closed?",
                LONGEST_RECORD >> 20
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let length = self.inner.read(buffer)?;
        self.kept
            .extend_from_slice(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}
