//! What there is to import. Invariant: everything that can be told without reading a file to its end is told here,
//! before anything is written.

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use gugus_batches::{BatchLog, FedBy};
use gugus_files::catch_panic;
use gugus_records::{Columns, Header, Layout};
use gugus_spec::Nullability;
use indicatif::ProgressBar;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::{Config, Repeat};
use crate::Error;
use crate::input::{Format, Input, Packing, header_names, wrong};

/// A file to import.
pub(super) struct Planned {
    pub(super) input: Input,
    pub(super) sha256: String,
    pub(super) size: u64,
    /// Records at its beginning that are in batches already.
    pub(super) skip: u64,
}

/// Looks at all files.
pub(super) fn look(config: &Config, stop: &CancellationToken) -> Result<Vec<Planned>, Error> {
    let inputs = config
        .files
        .iter()
        .map(|path| Input::of(path))
        .collect::<Result<Vec<_>, _>>()?;
    for input in &inputs {
        match input.format {
            Format::Csv => check_csv(input, config)?,
            Format::Parquet => check_parquet(input, config)?,
            // Each line stands for itself.
            Format::JsonLines => {}
        }
    }
    let mut planned = Vec::with_capacity(inputs.len());
    for input in inputs {
        let sha256 = checksum(&input, stop)?;
        if input.packing == Packing::Gzip {
            check_whole(&input, stop)?;
        }
        let size = input.size()?;
        planned.push(Planned {
            input,
            sha256,
            size,
            skip: 0,
        });
    }
    config
        .progress
        .set_length(planned.iter().map(|file| file.size).sum());
    Ok(planned)
}

fn check_csv(input: &Input, config: &Config) -> Result<(), Error> {
    let text = input.text(&ProgressBar::hidden())?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let unreadable = |e: csv::Error| {
        wrong(
            &input.path,
            "its header cannot be read; get the file anew",
            Some(e.into()),
        )
    };
    let names = header_names(&input.path, reader.byte_headers().map_err(unreadable)?)?;
    let header = Header::new(&names, &Layout::new(&config.job.source)).map_err(|e| {
        wrong(
            &input.path,
            "its header is not UTF-8; convert the file",
            Some(e.into()),
        )
    })?;
    check_missing(input, config, header.missing(), &names)
}

/// A file that lacks a required column would be rejected row by row; one that lacks another is fine.
fn check_missing(
    input: &Input,
    config: &Config,
    missing: &[String],
    names: &[String],
) -> Result<(), Error> {
    if missing.is_empty() {
        return Ok(());
    }
    let quoted = |names: &[String]| {
        names
            .iter()
            .map(|name| format!("{name:?}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let required = config
        .job
        .source
        .columns
        .iter()
        .filter(|c| c.nullability == Nullability::Required);
    let lacking: Vec<String> = required
        .map(|c| c.name.clone())
        .filter(|name| missing.contains(name))
        .collect();
    if !lacking.is_empty() {
        let reason = format!(
            "it lacks the required column {}; it has {}; correct the job file, or name the right file",
            quoted(&lacking),
            quoted(names)
        );
        return Err(wrong(&input.path, reason, None));
    }
    tracing::warn!(file = %input.path.display(), columns = quoted(missing), "the file lacks columns of the job, they will be null");
    Ok(())
}

fn check_parquet(input: &Input, config: &Config) -> Result<(), Error> {
    let file = input.file()?;
    let reader = catch_panic(|| ParquetRecordBatchReaderBuilder::try_new(file)).map_err(|e| {
        wrong(
            &input.path,
            "it is no whole parquet file, it is cut off or damaged; get it anew",
            Some(e.into()),
        )
    })?;
    let schema = reader.schema();
    let mut names: Vec<String> = Vec::new();
    for field in schema.fields() {
        if names.contains(field.name()) {
            return Err(wrong(
                &input.path,
                format!("it has column {:?} twice; rename one", field.name()),
                None,
            ));
        }
        names.push(field.name().clone());
    }
    let columns = config.job.source.columns.iter();
    let missing: Vec<String> = columns
        .map(|c| c.name.clone())
        .filter(|name| !names.contains(name))
        .collect();
    check_missing(input, config, &missing, &names)?;
    // No rows, but all the types.
    Columns::new(Layout::new(&config.job.source))
        .push_rows(&RecordBatch::new_empty(schema.clone()))
        .map_err(|e| {
            wrong(
                &input.path,
                format!("{e}; correct the column's type in the job file"),
                None,
            )
        })?;
    Ok(())
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

/// A packed file that is cut off shows it only at its end, which would be late.
fn check_whole(input: &Input, stop: &CancellationToken) -> Result<(), Error> {
    let text = input.text(&ProgressBar::hidden())?;
    each_piece(text, stop, |_| ()).map_err(|e| {
        wrong(
            &input.path,
            "it cannot be unpacked, it is cut off or damaged; get it anew",
            Some(e.into()),
        )
    })
}

fn each_piece(
    mut file: impl Read,
    stop: &CancellationToken,
    mut each: impl FnMut(&[u8]),
) -> std::io::Result<()> {
    let mut buffer = vec![0; 1024 * 1024];
    // Told to stop, the rest does not matter: nothing will be imported.
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

/// What the batches have of each file, by its checksum.
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
                    // Of a file that was imported again the newest time counts.
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

/// What is left to be imported of these files.
pub(super) fn left(
    mut planned: Vec<Planned>,
    known: &Known,
    repeat: Repeat,
) -> Result<Vec<Planned>, Error> {
    let mut whole: Vec<PathBuf> = Vec::new();
    let mut seen: HashMap<String, PathBuf> = HashMap::new();
    for file in &mut planned {
        let twice = seen.insert(file.sha256.clone(), file.input.path.clone());
        if let Some(other) = twice.filter(|_| repeat == Repeat::Refuse) {
            let reason = format!(
                "it has the same content as {}; leave one out",
                other.display()
            );
            return Err(wrong(&file.input.path, reason, None));
        }
        match known.0.get(&file.sha256) {
            Some(Had { whole: true, .. }) if repeat == Repeat::Refuse => {
                whole.push(file.input.path.clone())
            }
            Some(Had { whole: false, next }) => {
                tracing::info!(file = %file.input.path.display(), records = next, "an import broke off here, going on");
                file.skip = *next;
            }
            _ => {}
        }
    }
    if whole.is_empty() {
        return Ok(planned);
    }
    let files = whole
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ");
    Err(Error::Imported { files })
}
