//! Files to read records from. Invariant: what a file is, is told by its name and checked against its first bytes before
//! anything is written.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use indicatif::ProgressBar;

use crate::Error;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    JsonLines,
    Parquet,
}

/// Whether a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
}

/// A file by its name.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    pub(crate) packing: Packing,
}

const GZIP: &[u8] = &[0x1f, 0x8b];
const PARQUET: &[u8] = b"PAR1";

impl Input {
    /// Takes a file by its name's ending and its first bytes.
    pub(crate) fn of(path: &Path) -> Result<Self, Error> {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        let (name, packing) = match name.strip_suffix(".gz") {
            Some(name) => (name, Packing::Gzip),
            None => (name.as_str(), Packing::Plain),
        };
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let format = match (ending, packing) {
            ("csv", _) => Format::Csv,
            ("jsonl" | "ndjson" | "json", _) => Format::JsonLines,
            ("parquet", Packing::Plain) => Format::Parquet,
            _ => {
                let reason = "the name must end in .csv, .jsonl, .ndjson or .json (each also with .gz), or .parquet";
                return Err(wrong(path, reason, None));
            }
        };
        let input = Self {
            path: path.to_owned(),
            format,
            packing,
        };
        input.check_first_bytes()?;
        Ok(input)
    }

    fn check_first_bytes(&self) -> Result<(), Error> {
        let mut first = [0; 4];
        let mut file = self.file()?;
        let length = fill(&mut file, &mut first).map_err(|e| self.unreadable(e))?;
        let first = &first[..length];
        let reason = match (self.packing, self.format) {
            (Packing::Gzip, _) if !first.starts_with(GZIP) => {
                "it is named .gz and is not packed by gzip; rename it"
            }
            (Packing::Gzip, _) => return Ok(()),
            (_, Format::Parquet) if first != PARQUET => {
                "it is named .parquet and is not a parquet file; rename it"
            }
            (_, Format::Parquet) => return Ok(()),
            _ if first == PARQUET => "it is a parquet file; rename it to .parquet",
            _ if first.starts_with(GZIP) => "it is packed by gzip; add .gz to its name",
            (_, Format::JsonLines) if first.trim_ascii_start().starts_with(b"[") => {
                "it holds one JSON array; write one object a line (such as with `jq -c '.[]'`)"
            }
            _ => return Ok(()),
        };
        Err(wrong(&self.path, reason, None))
    }

    /// The file as it lies on the disk.
    pub(crate) fn file(&self) -> Result<File, Error> {
        let file = File::open(&self.path).map_err(|e| self.unreadable(e))?;
        let about = file.metadata().map_err(|e| self.unreadable(e))?;
        if about.is_dir() {
            return Err(wrong(
                &self.path,
                "it is a folder; name the files in it",
                None,
            ));
        }
        Ok(file)
    }

    /// The text in the file, unpacked. `progress` counts bytes on the disk.
    pub(crate) fn text(&self, progress: &ProgressBar) -> Result<Box<dyn Read + Send>, Error> {
        let file = progress.wrap_read(self.file()?);
        Ok(match self.packing {
            Packing::Plain => Box::new(file),
            Packing::Gzip => Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(
                128 * 1024,
                file,
            ))),
        })
    }

    pub(crate) fn size(&self) -> Result<u64, Error> {
        Ok(self
            .file()?
            .metadata()
            .map_err(|e| self.unreadable(e))?
            .len())
    }

    pub(crate) fn unreadable(&self, source: io::Error) -> Error {
        let reason = match source.kind() {
            io::ErrorKind::NotFound => "there is no such file; correct the path",
            io::ErrorKind::PermissionDenied => {
                "reading it is not permitted; give this user the right to"
            }
            _ => "it cannot be read; see whether its disk is well",
        };
        wrong(&self.path, reason, Some(source.into()))
    }

    /// An error of a file that was being read.
    pub(crate) fn broke_off(
        &self,
        records: u64,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error::BrokeOff {
            path: self.path.clone(),
            records,
            reason: "it is cut off, damaged, or its disk is; get it anew and run this again"
                .to_owned(),
            source: Some(source.into()),
        }
    }
}

/// A file that cannot be used.
pub(crate) fn wrong(
    path: &Path,
    reason: impl Into<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::Input {
        path: path.to_owned(),
        reason: reason.into(),
        source,
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(length)
}

/// The names of a CSV's columns, checked: there are some, they are text, and none is there twice.
pub(crate) fn header_names(path: &Path, header: &csv::ByteRecord) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (at, name) in header.iter().enumerate() {
        let Ok(name) = std::str::from_utf8(name) else {
            return Err(wrong(
                path,
                format!(
                    "the name of column {} is not UTF-8; convert the file",
                    at + 1
                ),
                None,
            ));
        };
        if let Some(first) = names.iter().position(|other| other == name) {
            let reason = format!(
                "columns {} and {} are both named {name:?}; rename one",
                first + 1,
                at + 1
            );
            return Err(wrong(path, reason, None));
        }
        names.push(name.to_owned());
    }
    if names.iter().all(String::is_empty) {
        return Err(wrong(
            path,
            "it has no header; the first line must name the columns",
            None,
        ));
    }
    Ok(names)
}
