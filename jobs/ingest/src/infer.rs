//! A CSV file → a first job file. Invariant: the returned text is a valid job that accepts every row of the sample, because
//! the parsers of `ingest` have read each value.
//!
//! The text is a proposal. A sample tells the types, but only a person can tell what a column means. So comments in the text
//! name the doubts.

mod text;

use std::path::{Path, PathBuf};

use gugus_progress::Progress;
use gugus_records::fitting_delimiter;
use gugus_records::infer::Sample;
use gugus_spec::{CsvFormat, Job, JobName};

use crate::Error;
use crate::formats::{self, FileFormat, open_csv};
use crate::input::{Input, Reads};

/// What to infer a job from.
#[derive(Clone, Debug)]
pub struct Config {
    /// A CSV file with a header; `.gz` is unpacked.
    pub file: PathBuf,
    /// The sample: so many records from the beginning of the file.
    pub rows: u64,
    /// The name of the job; when absent, made of the name of the file.
    pub name: Option<String>,
}

/// The text of a job file for records like those of a CSV file. Blocks while it reads.
///
/// # Errors
/// Of kind [`Usage`](crate::Kind::Usage): a file that is not there or is no CSV, has no header or no record, or has in its
/// sample a record with too few or too many cells, or that is not UTF-8; a name that no job can have. Else: a file that is
/// damaged.
pub fn run(config: &Config) -> Result<String, Error> {
    let (input, format) = formats::of(&config.file, Reads::Once)?;
    if format.name() != formats::Csv.name() {
        let reason = "a job can be inferred from CSV only; JSON and Parquet name their types";
        return Err(input.wrong(reason));
    }
    let name = match &config.name {
        Some(name) => name
            .parse::<JobName>()
            .map_err(|e| input.wrong(format!("{e}, so no job can have that name; give another")))?,
        None => name_of(&input.path)?,
    };
    let csv = format_of(&input)?;
    let sample = read(&input, config.rows, &csv)?;
    let file = input.path.file_name().unwrap_or_default();
    let text = text::job_file(&name, &file.to_string_lossy(), &sample, &csv);
    match Job::parse(&text, "the inferred job file") {
        Ok(_) => Ok(text),
        Err(e) => Err(Error::Bug(format!(
            "an inferred job file is not valid: {e}"
        ))),
    }
}

/// How the rows of a file are written, by its first line.
fn format_of(input: &Input) -> Result<CsvFormat, Error> {
    let begin = input.begin(|bytes| bytes.contains(&b'\n') || bytes.len() > LONGEST_HEADER)?;
    let header = begin.split(|byte| *byte == b'\n').next();
    let mut format = CsvFormat::default();
    if let Some(delimiter) = header.and_then(|line| fitting_delimiter(line, &format, &[])) {
        format.delimiter = delimiter;
    }
    Ok(format)
}

/// The first records of a file.
fn read(input: &Input, rows: u64, csv: &CsvFormat) -> Result<Sample, Error> {
    let (mut reader, names) = open_csv(input, input.text(&Progress::default())?, csv, &[])?;
    let mut sample = Sample::new(names);
    while sample.rows() < rows
        && let Some(row) = reader
            .next_row()
            .map_err(|e| input.broke_off_csv(sample.rows(), e))?
    {
        row.cells()
            .and_then(|cells| sample.add(cells))
            .map_err(|reason| {
                let line = row.line();
                input.wrong(format!(
                    "line {line}: {reason}; mend the file, or take fewer rows of it"
                ))
            })?;
    }
    if sample.rows() == 0 {
        let reason =
            "there is no record in it, and types are told by values; take a file with some";
        return Err(input.wrong(reason));
    }
    Ok(sample)
}

/// The longest header of which the delimiter is looked for, in bytes.
const LONGEST_HEADER: usize = 64 * 1024;

/// The longest name that is made of the name of a file. People have to type it, and the name of the topic is even longer.
const LONGEST_NAME: usize = 64;

/// Makes the name of a job of the name of a file. Characters that a job's name cannot have become `-`.
fn name_of(path: &Path) -> Result<JobName, Error> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or("");
    let mut name = String::new();
    for c in stem.chars().take(LONGEST_NAME) {
        if c.is_ascii_alphanumeric() || c == '_' {
            name.push(c.to_ascii_lowercase());
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_matches(['-', '_']);
    let name = if name.is_empty() { "job" } else { name };
    name.parse()
        .map_err(|e| Error::Bug(format!("a name made of a file's name is not valid: {e}")))
}

#[cfg(test)]
mod tests;
