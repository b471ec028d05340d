//! CSV, one row at a time.

use std::collections::HashSet;
use std::io::Read;

use gugus_progress::Progress;
use gugus_records::{
    CsvRows, Header, HeaderError, LONGEST_HEADER, Layout, fitting_delimiter, header_names,
};
use gugus_spec::{Column, CsvFormat, Job, Nullability};

use super::file_format::{FileFormat, ToImport};
use crate::Error;
use crate::import::cutter::{Cutter, Halt};
use crate::input::Input;

pub(crate) struct Csv;

impl FileFormat for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn endings(&self) -> &'static [&'static str] {
        &["csv"]
    }

    fn check(&self, input: &Input, job: &Job) -> Result<(), Error> {
        let (_, names) = open_job(input, input.text(&Progress::default())?, job)?;
        check_columns(input, job, &names)
    }

    fn has_records(&self, input: &Input, job: &Job) -> Result<bool, Error> {
        let (mut rows, _) = open_job(input, input.text(&Progress::default())?, job)?;
        let row = rows.next_row().map_err(|e| input.broke_off_csv(0, e))?;
        Ok(row.is_some())
    }

    fn read(&self, file: &ToImport<'_>, cutter: &mut Cutter<'_>) -> Result<(), Halt> {
        let input = file.input;
        let (mut rows, names) = open_job(input, input.text(file.progress)?, file.job)?;
        let header = Header::new(&names, &Layout::new(&file.job.source))
            .map_err(|e| input.wrong(e.to_string()))?;
        cutter.named(names);
        let mut record = 0;
        while let Some(row) = rows
            .next_row()
            .map_err(|e| input.broke_off_csv(record, e))?
        {
            record += 1;
            if record > file.skip {
                cutter.push(row.raw(), |columns| {
                    columns.push_cells(&header, row.cells()?)
                })?;
            }
        }
        Ok(())
    }
}

fn open_job<R: Read>(
    input: &Input,
    text: R,
    job: &Job,
) -> Result<(CsvRows<R>, Vec<String>), Error> {
    open(input, text, &job.source.csv, &job.source.columns)
}

/// The rows of a file, and the names of its columns. `columns` are those of the job, if there is one.
pub(crate) fn open<R: Read>(
    input: &Input,
    text: R,
    format: &CsvFormat,
    columns: &[Column],
) -> Result<(CsvRows<R>, Vec<String>), Error> {
    let mut rows = CsvRows::new(text, format);
    let header = rows.next_row().map_err(|e| match e {
        gugus_records::CsvError::Read(e) => input.damaged(e),
        // No open quote made the row long. A header must be shorter than a row, so the limit of headers is the one to name.
        gugus_records::CsvError::TooLong { opened: None, .. } => {
            input.wrong(HeaderError::TooLong.to_string())
        }
        long => input.wrong(long.to_string()),
    })?;
    let Some(header) = header else {
        return Err(input.wrong(HeaderError::Nameless.to_string()));
    };
    // A header is kept with each batch, and each of its names takes many times its bytes.
    if header.raw().len() > LONGEST_HEADER {
        return Err(input.wrong(HeaderError::TooLong.to_string()));
    }
    if let Some(delimiter) = fitting_delimiter(header.raw(), format, columns) {
        let (fits, own) = (char::from(delimiter), char::from(format.delimiter));
        return Err(input.wrong(format!(
            "its cells are separated by {fits:?} and not by {own:?}; set delimiter = {fits:?} under [source.csv] in the job \
             file"
        )));
    }
    let cells = header
        .cells()
        .map_err(|reason| input.wrong(format!("its header is damaged: {reason}")))?;
    let names = header_names(cells, columns).map_err(|e| input.wrong(e.to_string()))?;
    // A first line that names none of these columns is probably a record.
    let of_topic = format.header.iter().flatten();
    let mut known = columns.iter().map(|column| &column.name).chain(of_topic);
    if let Some(first) = known.clone().next()
        && !known.any(|name| names.contains(name))
    {
        return Err(input.wrong(format!(
            "its first line names none of the job's columns, such as {first:?}; name the columns in the first line of the \
             file ([source.csv] header names the cells of a topic only)"
        )));
    }
    Ok((rows, names))
}

/// Every row of a file that lacks a required column would be rejected, so such a file is refused. Other columns may be
/// missing.
pub(super) fn check_columns(input: &Input, job: &Job, names: &[String]) -> Result<(), Error> {
    let there: HashSet<&String> = names.iter().collect();
    let columns = job.source.columns.iter();
    let missing: Vec<_> = columns.filter(|c| !there.contains(&c.name)).collect();
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
