//! Input files, and pipes in their place.

mod gunzip;

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gugus_progress::Progress;
use gugus_records::CsvError;
use tempfile::NamedTempFile;

use self::gunzip::Gunzip;
use crate::Error;

/// Bytes of a text to read at once.
pub(crate) const BUFFER: usize = 128 * 1024;

/// The most bytes of a text to look at before it is read. Otherwise a small file that unpacks to nothing but blanks would
/// fill the memory.
const MOST_PEEKED: usize = 1024 * 1024;

/// The name of standard input on the command line.
const STDIN: &str = "-";

const GZIP: &[u8] = &[0x1f, 0x8b];

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
}

/// How often the bytes of an input are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Once: a pipe is read as it comes.
    Once,
    /// Several times: a pipe is first copied into a temporary file.
    Again,
}

/// A file to read.
#[derive(Clone)]
pub(crate) struct Input {
    /// The name in messages.
    pub(crate) path: PathBuf,
    pub(crate) packing: Packing,
    bytes: Bytes,
}

#[derive(Clone)]
enum Bytes {
    File,
    /// The copy of a pipe.
    Copy(Arc<NamedTempFile>),
    /// A pipe that nobody has read yet.
    Pipe(Arc<Mutex<Pipe>>),
}

type Pipe = Box<dyn Read + Send>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A file whose bytes are counted as they are read.
struct Counted {
    file: File,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}

impl Input {
    pub(crate) fn of(path: &Path, reads: Reads) -> Result<Self, Error> {
        let mut input = Self {
            path: path.to_owned(),
            packing: Packing::Plain,
            bytes: Bytes::File,
        };
        let mut pipe: Pipe = if path == Path::new(STDIN) {
            input.path = PathBuf::from("standard input");
            Box::new(io::stdin())
        } else if is_device(path) {
            return Err(input.wrong("it is a device and not a file; name a file"));
        } else if is_pipe(path) {
            Box::new(File::open(path).map_err(|e| input.unreadable(e))?)
        } else {
            return Ok(input);
        };
        input.bytes = match reads {
            Reads::Once => Bytes::Pipe(Arc::new(Mutex::new(pipe))),
            Reads::Again => {
                let copied = NamedTempFile::new().and_then(|mut copy| {
                    io::copy(&mut pipe, &mut copy)?;
                    Ok(copy)
                });
                let reason = "it could not be copied into a temporary file; name a folder with room in TMPDIR";
                let copy = copied.map_err(|e| input.wrong_with(reason, e))?;
                Bytes::Copy(Arc::new(copy))
            }
        };
        if input.head()?.starts_with(GZIP) {
            input.packing = Packing::Gzip;
        }
        Ok(input)
    }

    /// Whether this is a pipe, whose name tells nothing about its format.
    pub(crate) fn is_pipe(&self) -> bool {
        !matches!(self.bytes, Bytes::File)
    }

    /// The file as it lies on the disk.
    pub(crate) fn file(&self) -> Result<File, Error> {
        let file = match &self.bytes {
            Bytes::File => File::open(&self.path),
            Bytes::Copy(copy) => copy.reopen(),
            Bytes::Pipe(_) => {
                return Err(self.wrong("it is a pipe and not a file; write it to a file first"));
            }
        };
        let file = file.map_err(|e| self.unreadable(e))?;
        let about = file.metadata().map_err(|e| self.unreadable(e))?;
        if about.is_dir() {
            return Err(self.wrong("it is a folder; name the files in it"));
        }
        Ok(file)
    }

    /// The first four bytes as they came, or fewer if there are fewer.
    pub(crate) fn head(&self) -> Result<Vec<u8>, Error> {
        self.peek(Packing::Plain, |bytes| bytes.len() >= 4)
    }

    /// The first bytes of the text, up to where `is_enough` is true of them, and perhaps some more.
    pub(crate) fn begin(&self, is_enough: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>, Error> {
        let bytes = self.peek(self.packing, |bytes| is_enough(without_mark(bytes)))?;
        Ok(without_mark(&bytes).to_vec())
    }

    /// The first byte of the text that is not blank. `None` if there is no such byte.
    pub(crate) fn first_byte(&self) -> Result<Option<u8>, Error> {
        let is_text = |byte: &u8| !byte.is_ascii_whitespace();
        let begin = self.begin(|bytes| bytes.iter().any(is_text))?;
        Ok(begin.into_iter().find(is_text))
    }

    fn peek(&self, packing: Packing, is_enough: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>, Error> {
        let Bytes::Pipe(pipe) = &self.bytes else {
            let mut file = self.file()?;
            let peeked = match packing {
                Packing::Plain => peek(&mut file, is_enough),
                Packing::Gzip => peek(&mut Gunzip::new(BufReader::new(file)), is_enough),
            };
            return peeked.map_err(|e| self.damaged(e));
        };
        let mut pipe = pipe.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = std::mem::replace(&mut *pipe, Box::new(io::empty()));
        if packing == Packing::Gzip {
            // Only the first look unpacks: the pipe then gives the text.
            rest = match peek(&mut rest, |bytes| bytes.len() >= 2) {
                Ok(bytes) if bytes.starts_with(GZIP) => {
                    let packed = Cursor::new(bytes).chain(rest);
                    Box::new(Gunzip::new(BufReader::with_capacity(BUFFER, packed)))
                }
                Ok(bytes) => Box::new(Cursor::new(bytes).chain(rest)),
                Err(e) => return Err(self.damaged(e)),
            };
        }
        let bytes = peek(&mut rest, is_enough).map_err(|e| self.damaged(e))?;
        *pipe = Box::new(Cursor::new(bytes.clone()).chain(rest));
        Ok(bytes)
    }

    /// The text in the file, unpacked. `progress` counts bytes on the disk.
    pub(crate) fn text(&self, progress: &Progress) -> Result<Pipe, Error> {
        if let Bytes::Pipe(pipe) = &self.bytes {
            // A look at the text unpacks the pipe.
            self.begin(|bytes| !bytes.is_empty())?;
            let mut pipe = pipe.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(std::mem::replace(&mut *pipe, Box::new(io::empty())));
        }
        let file = Counted {
            file: self.file()?,
            progress: progress.clone(),
        };
        Ok(match self.packing {
            Packing::Plain => Box::new(file),
            Packing::Gzip => Box::new(Gunzip::new(BufReader::with_capacity(BUFFER, file))),
        })
    }

    /// The size on the disk; 0 for a pipe that is read as it comes.
    pub(crate) fn size(&self) -> Result<u64, Error> {
        if let Bytes::Pipe(_) = self.bytes {
            return Ok(0);
        }
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

    /// The error of a file that cannot be read, before anything is written.
    pub(crate) fn damaged(&self, source: io::Error) -> Error {
        match self.packing {
            Packing::Gzip if is_damage(&source) => {
                let reason = "it cannot be unpacked, it is cut off or damaged; get it anew";
                self.wrong_with(reason, source)
            }
            _ => self.unreadable(source),
        }
    }

    /// The error of a file that cannot be read on.
    pub(crate) fn broke_off(&self, records: u64, source: io::Error) -> Error {
        let reason = if is_damage(&source) {
            "the file is cut off or damaged; get the file anew and run this again"
        } else {
            "the system cannot read on; check its disk or network and run this again"
        };
        self.stopped(records, reason, Some(source.into()))
    }

    /// The same for rows of CSV.
    pub(crate) fn broke_off_csv(&self, records: u64, source: CsvError) -> Error {
        match source {
            CsvError::Read(source) => self.broke_off(records, source),
            long => self.stopped(records, long, None),
        }
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

/// Whether the bytes are at fault. Otherwise the system did not give them.
fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

/// A text without the byte order mark that some programs put before it.
pub(crate) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

fn peek(reader: &mut impl Read, is_enough: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while bytes.len() < MOST_PEEKED && !is_enough(&bytes) {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(bytes)
}

/// Whether a path is not a regular file. `/dev/stdin` and a shell's `<(command)` count as pipes, even if a file is behind
/// them, because their names tell nothing.
fn is_pipe(path: &Path) -> bool {
    let is_device = path.starts_with("/dev") || path.starts_with("/proc");
    let is_nameless = is_device && path.extension().is_none();
    match path.metadata() {
        Ok(about) => !about.is_dir() && (is_nameless || !about.is_file()),
        Err(_) => false,
    }
}

/// Whether a path is a device such as `/dev/zero`. A terminal counts as a pipe, and `/dev/null` as an empty one.
fn is_device(path: &Path) -> bool {
    let is_device = |about: std::fs::Metadata| {
        let kind = about.file_type();
        kind.is_char_device() || kind.is_block_device()
    };
    path.metadata().is_ok_and(is_device)
        && std::fs::canonicalize(path).is_ok_and(|real| !has_an_end(&real))
}

fn has_an_end(device: &Path) -> bool {
    let is_terminal =
        device.starts_with("/dev/pts") || device.to_string_lossy().starts_with("/dev/tty");
    is_terminal || device == Path::new("/dev/null")
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
