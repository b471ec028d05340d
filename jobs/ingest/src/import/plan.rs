//! The plan of an import. Invariant: every check that is possible without parsing a file is made here, before anything is
//! written.

use std::collections::HashMap;
use std::io::Read;

use gugus_batches::{BatchLog, FedBy, ImportedPart};
use gugus_progress::Progress;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::config::{Config, Repeat};
use crate::Error;
use crate::formats::{self, FileFormat};
use crate::input::{Input, Packing, Reads};

/// A file to import.
pub(super) struct Planned {
    pub(super) input: Input,
    pub(super) format: &'static dyn FileFormat,
    pub(super) sha256: String,
    /// Records at the beginning of the file that are in batches already.
    pub(super) skip: u64,
}

impl Planned {
    /// The part of the file that the next batch has, before its first record.
    pub(super) fn part(&self) -> ImportedPart {
        ImportedPart {
            sha256: self.sha256.clone(),
            first: self.skip,
            next: self.skip,
            last: false,
            header: None,
            format: Some(self.format.name().to_owned()),
        }
    }
}

/// Checks all files.
pub(super) fn look(config: &Config, stop: &CancellationToken) -> Result<Vec<Planned>, Error> {
    let (mut inputs, mut blank) = (Vec::new(), Vec::new());
    for path in &config.files {
        let (input, format) = formats::of(path, Reads::Again)?;
        let is_blank = format.magic().is_none() && input.first_byte()?.is_none();
        (if is_blank { &mut blank } else { &mut inputs }).push((input, format));
    }
    if inputs.is_empty() {
        inputs = blank;
    } else {
        for (input, _) in &blank {
            tracing::warn!(file = %input.path.display(), "the file is empty");
        }
    }
    for (input, format) in &inputs {
        format.check(input, &config.job)?;
    }
    let mut planned = Vec::with_capacity(inputs.len());
    let mut size = 0;
    for (input, format) in inputs {
        let sha256 = checksum(&input, stop)?;
        if input.packing == Packing::Gzip {
            check_whole(&input, stop)?;
        }
        size += input.size()?;
        planned.push(Planned {
            input,
            format,
            sha256,
            skip: 0,
        });
    }
    config.progress.set_total(size);
    Ok(planned)
}

fn checksum(input: &Input, stop: &CancellationToken) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    each_piece(input.file()?, stop, |piece| hasher.update(piece))
        .map_err(|e| input.unreadable(e))?;
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Unpacks a file to its end: only there does a packed file show that it is cut off. The import would notice too late.
fn check_whole(input: &Input, stop: &CancellationToken) -> Result<(), Error> {
    let text = input.text(&Progress::default())?;
    each_piece(text, stop, |_| ()).map_err(|e| input.damaged(e))
}

fn each_piece(
    mut file: impl Read,
    stop: &CancellationToken,
    mut each: impl FnMut(&[u8]),
) -> std::io::Result<()> {
    let mut buffer = vec![0; 1024 * 1024];
    // After a stop nothing will be imported, so the rest does not matter.
    while !stop.is_cancelled() {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => each(buffer.get(..length).unwrap_or_default()),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// How much of each file is in batches, by the checksum of the file.
pub(super) struct Known(HashMap<String, Had>);

#[derive(Clone, Copy)]
struct Had {
    next: u64,
    whole: bool,
}

impl Known {
    /// Reads all footers.
    pub(super) async fn of(log: &BatchLog) -> Result<Self, Error> {
        let mut known = HashMap::new();
        if log.fed_by() == FedBy::Imports {
            let numbers = log.numbers().await.map_err(Error::open)?;
            for footer in log.footers(&numbers).await.map_err(Error::open)? {
                for part in footer.imported {
                    // If a file was imported several times, the newest import counts.
                    known.insert(
                        part.sha256,
                        Had {
                            next: part.next,
                            whole: part.last,
                        },
                    );
                }
            }
        }
        Ok(Self(known))
    }
}

/// Skips the records of these files that are in batches already.
pub(super) fn left(
    mut planned: Vec<Planned>,
    known: &Known,
    config: &Config,
) -> Result<Vec<Planned>, Error> {
    let repeat = config.repeat;
    let mut whole: Vec<String> = Vec::new();
    let mut seen: HashMap<String, String> = HashMap::new();
    for file in &mut planned {
        let path = file.input.path.display();
        let twice = seen.insert(file.sha256.clone(), path.to_string());
        // Files without a record are not copies of each other: they only have the same header, or nothing.
        if let Some(other) = twice.filter(|_| repeat == Repeat::Refuse)
            && file.format.has_records(&file.input, &config.job)?
        {
            let reason = format!("it has the same content as {other}; leave one out");
            return Err(file.input.wrong(reason));
        }
        match known.0.get(&file.sha256) {
            Some(Had { whole: true, .. }) if repeat == Repeat::Refuse => {
                whole.push(path.to_string())
            }
            Some(Had { whole: false, next }) => {
                tracing::info!(file = %path, records = next, "an import broke off here, going on");
                file.skip = *next;
            }
            _ => {}
        }
    }
    if whole.is_empty() {
        return Ok(planned);
    }
    let reason =
        "imported before, in full; leave it out, or import it once more with --again".to_owned();
    Err(Error::usage(whole.join(", "), reason))
}
