//! Memory for the bytes of files, handed on from one file of a task to the next.
//!
//! *Why?* An allocator may give large blocks back to the system at once. The system then fills each page of new memory with zeros, and
//! the object store does so again. Here that happens for the first file of a task only.
//!
//! *What it guarantees.* A reader sees only bytes that were read for it, never those of an earlier file. At most 64 MiB wait for the
//! next file, and they go with the task. They do not count against the memory pool.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// The most bytes that wait for the next file.
const WAITING_AT_MOST: usize = 64 << 20;

/// The memory that no file uses now.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    waiting: Mutex<Vec<Vec<u8>>>,
}

impl Buffers {
    /// Reads some parts of a local file.
    pub(super) fn read(
        self: &Arc<Self>,
        path: &Path,
        parts: &[Range<u64>],
    ) -> io::Result<Vec<Bytes>> {
        let mut file = File::open(path)?;
        let read = parts.iter().map(|part| {
            let length = usize::try_from(part.end - part.start).map_err(io::Error::other)?;
            let mut lent = Lent {
                bytes: self.lend(length),
                length,
                home: Arc::clone(self),
            };
            file.seek(SeekFrom::Start(part.start))?;
            file.read_exact(&mut lent.bytes[..length])?;
            Ok(Bytes::from_owner(lent))
        });
        read.collect()
    }

    /// Memory for so many bytes. If all that waits is too small, new memory takes the place of some of it.
    fn lend(&self, length: usize) -> Vec<u8> {
        let mut waiting = self.waiting();
        match waiting.iter().position(|bytes| bytes.len() >= length) {
            Some(place) => waiting.swap_remove(place),
            None => {
                waiting.pop();
                vec![0; length]
            }
        }
    }

    /// Each change is one call, so a panic elsewhere leaves nothing half done.
    fn waiting(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that come back when their last user is done.
struct Lent {
    bytes: Vec<u8>,
    length: usize,
    home: Arc<Buffers>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut waiting = self.home.waiting();
        let all: usize = waiting.iter().map(Vec::capacity).sum();
        if all + bytes.capacity() <= WAITING_AT_MOST {
            waiting.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_never_shows_what_was_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let numbers: Vec<u8> = (0..200).collect();
        std::fs::write(&path, &numbers).unwrap();
        let buffers = Arc::new(Buffers::default());
        let read = buffers.read(&path, &[0..100, 150..200]).unwrap();
        let first: Vec<*const u8> = read.iter().map(|bytes| bytes.as_ptr()).collect();
        assert_eq!(read, [&numbers[..100], &numbers[150..]]);
        assert!(buffers.waiting().is_empty(), "all are in use");
        drop(read);
        // Both do for these parts.
        let read = buffers.read(&path, &[10..30, 5..50]).unwrap();
        assert_eq!(read, [&numbers[10..30], &numbers[5..50]]);
        assert!(read.iter().all(|bytes| first.contains(&bytes.as_ptr())));
        // Those that are too small are replaced.
        drop(read);
        let read = buffers.read(&path, &[0..200, 0..200]).unwrap();
        assert!(read.iter().all(|bytes| *bytes == numbers));
        drop(read);
        assert_eq!(buffers.waiting().len(), 2);
    }

    #[test]
    fn a_file_that_is_too_short_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"short").unwrap();
        let buffers = Arc::new(Buffers::default());
        let error = buffers.read(&path, &[0..2, 3..9]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(buffers.waiting().len(), 2, "they came back");
    }

    #[test]
    fn much_memory_is_given_back() {
        let buffers = Arc::new(Buffers::default());
        let lent = |length: usize| Lent {
            bytes: vec![0; length],
            length,
            home: Arc::clone(&buffers),
        };
        drop([
            lent(WAITING_AT_MOST / 2),
            lent(WAITING_AT_MOST / 2),
            lent(1),
        ]);
        assert_eq!(buffers.waiting().len(), 2);
    }
}
