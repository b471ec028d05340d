//! Input files.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use indicatif::ProgressBar;

use crate::Error;

/// Bytes of a text to read at once.
pub(crate) const BUFFER: usize = 128 * 1024;

/// Whether a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
}

/// A file to read.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) packing: Packing,
}

type Source = Box<dyn std::error::Error + Send + Sync>;

impl Input {
    /// The file as it lies on the disk.
    pub(crate) fn file(&self) -> Result<File, Error> {
        let file = File::open(&self.path).map_err(|e| self.unreadable(e))?;
        let about = file.metadata().map_err(|e| self.unreadable(e))?;
        if about.is_dir() {
            return Err(self.wrong("it is a folder; name the files in it"));
        }
        Ok(file)
    }

    /// The first four bytes as they lie on the disk, or fewer if there are fewer.
    pub(crate) fn first_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut first = Vec::with_capacity(4);
        let read = self.file()?.take(4).read_to_end(&mut first);
        read.map_err(|e| self.unreadable(e))?;
        Ok(first)
    }

    /// The text in the file, unpacked. `progress` counts bytes on the disk.
    pub(crate) fn text(&self, progress: &ProgressBar) -> Result<Box<dyn Read + Send>, Error> {
        let file = progress.wrap_read(self.file()?);
        Ok(match self.packing {
            Packing::Plain => Box::new(file),
            Packing::Gzip => {
                let buffered = io::BufReader::with_capacity(BUFFER, file);
                Box::new(MultiGzDecoder::new(buffered))
            }
        })
    }

    pub(crate) fn size(&self) -> Result<u64, Error> {
        let about = self.file()?.metadata().map_err(|e| self.unreadable(e))?;
        Ok(about.len())
    }

    /// The error of a file that cannot be used, with what to do.
    pub(crate) fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::usage(self.path.display(), reason)
    }

    /// The same, with the error of a reader.
    pub(crate) fn wrong_with(&self, reason: &str, source: impl Into<Source>) -> Error {
        Error::usage_of(self.path.display(), reason, source)
    }

    pub(crate) fn unreadable(&self, source: io::Error) -> Error {
        unreadable(&self.path, source)
    }

    /// The error of a file that cannot be read on.
    pub(crate) fn broke_off(&self, records: u64, source: impl Into<Source>) -> Error {
        let reason =
            "the file is cut off or damaged, or its disk is; get the file anew and run this again";
        self.stopped(records, reason, Some(source.into()))
    }

    /// The error of a file whose next record cannot be read, with what to do.
    pub(crate) fn stopped(
        &self,
        records: u64,
        reason: impl Display,
        source: Option<Source>,
    ) -> Error {
        Error::BrokeOff {
            path: self.path.clone(),
            records,
            reason: reason.to_string(),
            source,
        }
    }
}

/// The error of a file that the system does not let us read.
pub(crate) fn unreadable(path: &Path, source: io::Error) -> Error {
    let reason = match source.kind() {
        io::ErrorKind::NotFound => "there is no such file; correct the path",
        io::ErrorKind::PermissionDenied => {
            "reading it is not permitted; give this user the right to"
        }
        io::ErrorKind::InvalidData => "it is not UTF-8; convert it",
        _ => "it cannot be read; check its disk",
    };
    Error::usage_of(path.display(), reason, source)
}
