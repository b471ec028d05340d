//! CSV, one row at a time.

use std::io::Read;

use gugus_records::{Header, Layout};
use gugus_spec::{Job, Nullability};
use indicatif::ProgressBar;

use super::file_format::{FileFormat, ToImport};
use super::tee::Tee;
use crate::Error;
use crate::import::cutter::{Cutter, Halt};
use crate::input::{BUFFER, Input};

pub(crate) struct Csv;

impl FileFormat for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn endings(&self) -> &'static [&'static str] {
        &["csv"]
    }

    fn check(&self, input: &Input, job: &Job) -> Result<(), Error> {
        let (_, names) = open(input, input.text(&ProgressBar::hidden())?)?;
        check_columns(input, job, &names)
    }

    fn read(&self, file: &ToImport<'_>, cutter: &mut Cutter<'_>) -> Result<(), Halt> {
        let input = file.input;
        let (mut reader, names) = open(input, Tee::new(input.text(file.progress)?))?;
        let header = Header::new(&names, &Layout::new(&file.job.source))
            .map_err(|e| input.wrong_with("its header is not UTF-8; convert the file", e))?;
        cutter.named(names);
        let mut row = csv::ByteRecord::new();
        let mut record = 0;
        let mut end = reader.position().byte();
        while reader
            .read_byte_record(&mut row)
            .map_err(|e| input.broke_off(record, e))?
        {
            let begin = std::mem::replace(&mut end, reader.position().byte());
            record += 1;
            if record > file.skip {
                cutter.push(reader.get_ref().between(begin, end), |columns| {
                    columns.push_cells(&header, &row)
                })?;
            }
            reader.get_mut().forget(end);
        }
        Ok(())
    }
}

/// A reader of a file's rows, and the names of its columns.
pub(crate) fn open<R: Read>(
    input: &Input,
    text: R,
) -> Result<(csv::Reader<R>, Vec<String>), Error> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .buffer_capacity(BUFFER)
        .from_reader(text);
    let header = reader
        .byte_headers()
        .map_err(|e| input.wrong_with("its header cannot be read; get the file anew", e))?;
    let names = header_names(input, header)?;
    Ok((reader, names))
}

/// The names of a CSV's columns. There must be some, all must be text, and none may stand there twice.
fn header_names(input: &Input, header: &csv::ByteRecord) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (at, name) in header.iter().enumerate() {
        let Ok(name) = std::str::from_utf8(name) else {
            return Err(input.wrong(format!(
                "the name of column {} is not UTF-8; convert the file",
                at + 1
            )));
        };
        if let Some(first) = names.iter().position(|other| other == name) {
            return Err(input.wrong(format!(
                "columns {} and {} are both named {name:?}; rename one",
                first + 1,
                at + 1
            )));
        }
        names.push(name.to_owned());
    }
    if names.iter().all(String::is_empty) {
        return Err(input.wrong("it has no header; the first line must name the columns"));
    }
    Ok(names)
}

/// Every row of a file that lacks a required column would be rejected, so such a file is refused. Other columns may be
/// missing.
pub(super) fn check_columns(input: &Input, job: &Job, names: &[String]) -> Result<(), Error> {
    let columns = job.source.columns.iter();
    let missing: Vec<_> = columns.filter(|c| !names.contains(&c.name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let quoted = |names: &mut dyn Iterator<Item = &String>| {
        let names: Vec<_> = names.map(|name| format!("{name:?}")).collect();
        names.join(", ")
    };
    let required = missing
        .iter()
        .filter(|column| column.nullability == Nullability::Required);
    let lacking = quoted(&mut required.map(|column| &column.name));
    if !lacking.is_empty() {
        return Err(input.wrong(format!(
            "it lacks the required column {lacking}; it has {}; correct the job file, or name the right file",
            quoted(&mut names.iter())
        )));
    }
    let columns = quoted(&mut missing.iter().map(|column| &column.name));
    tracing::warn!(file = %input.path.display(), columns, "the file lacks columns of the job, they will be null");
    Ok(())
}
