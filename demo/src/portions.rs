//! The input in portions that the stand-in broker holds without dropping any.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::error::Error;

/// Partitions of the demo's topic. Several, so that what is shown is what several partitions do.
pub(crate) const PARTITIONS: i32 = 4;

/// Records in one portion. The mock cluster keeps 5 MiB a partition and drops the rest without a word; a record of the
/// LAPD is about 1 kB as JSON, so that 5,000 over four partitions are a quarter of that. A multiple of 100, so that the
/// end of a portion cuts no batch short.
const PORTION: usize = 5_000;

/// A CSV file cut into files of [`PORTION`] records, and how many records there are.
pub(crate) struct Portions {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) records: u64,
    /// The first record, by column, for a prediction.
    pub(crate) first: Vec<(String, String)>,
}

/// Cuts `input` into files in `folder`.
pub(crate) fn cut(input: &Path, folder: &Path) -> Result<Portions, Error> {
    let wrong = |source: csv::Error| Error::Input {
        path: input.to_owned(),
        source,
    };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(open(input).map_err(|e| wrong(e.into()))?);
    let header = reader.byte_headers().map_err(wrong)?.clone();
    let mut portions = Portions {
        files: Vec::new(),
        records: 0,
        first: Vec::new(),
    };
    let mut record = csv::ByteRecord::new();
    let mut writer = None;
    while reader.read_byte_record(&mut record).map_err(wrong)? {
        if portions.records == 0 {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            portions.first = header
                .iter()
                .map(text)
                .zip(record.iter().map(text))
                .collect();
        }
        if portions.records.is_multiple_of(PORTION as u64) {
            let path = folder.join(format!("portion_{:05}.csv", portions.files.len() + 1));
            let mut next = csv::WriterBuilder::new()
                .flexible(true)
                .from_path(&path)
                .map_err(temporary)?;
            next.write_byte_record(&header).map_err(temporary)?;
            portions.files.push(path);
            if let Some(mut full) = writer.replace(next) {
                full.flush().map_err(Error::Temporary)?;
            }
        }
        if let Some(writer) = writer.as_mut() {
            writer.write_byte_record(&record).map_err(temporary)?;
        }
        portions.records += 1;
    }
    match writer {
        None => Err(Error::Empty {
            path: input.to_owned(),
        }),
        Some(mut last) => {
            last.flush().map_err(Error::Temporary)?;
            Ok(portions)
        }
    }
}

fn open(input: &Path) -> io::Result<Box<dyn Read>> {
    let file = File::open(input)?;
    let packed = input.extension().is_some_and(|extension| extension == "gz");
    Ok(if packed {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    })
}

fn temporary(error: csv::Error) -> Error {
    Error::Temporary(io::Error::other(error))
}
