//! CSV and JSON lines, one record at a time.

use std::io::{BufRead, BufReader, Read};

use gugus_records::{Header, Layout};

use super::Config;
use super::cutter::{Cutter, Halt};
use super::plan::Planned;
use super::tee::{LONGEST_RECORD, Tee};
use crate::input::{header_names, wrong};

/// What is read at once.
const BUFFER: usize = 128 * 1024;

pub(super) fn csv(file: &Planned, config: &Config, cutter: &mut Cutter<'_>) -> Result<(), Halt> {
    let input = &file.input;
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .buffer_capacity(BUFFER)
        .from_reader(Tee::new(input.text(&config.progress)?));
    let broke_off = |records: u64, error: csv::Error| input.broke_off(records, error);
    let names = header_names(
        &input.path,
        reader.byte_headers().map_err(|e| broke_off(0, e))?,
    )?;
    cutter.named(&names);
    let header = Header::new(&names, &Layout::new(&config.job.source)).map_err(|e| {
        wrong(
            &input.path,
            "its header is not UTF-8; convert the file",
            Some(e.into()),
        )
    })?;
    let mut row = csv::ByteRecord::new();
    let mut record = 0;
    let mut end = reader.position().byte();
    while reader
        .read_byte_record(&mut row)
        .map_err(|e| broke_off(record, e))?
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

pub(super) fn json_lines(
    file: &Planned,
    config: &Config,
    cutter: &mut Cutter<'_>,
) -> Result<(), Halt> {
    let input = &file.input;
    let mut reader = BufReader::with_capacity(BUFFER, input.text(&config.progress)?);
    let mut line = Vec::new();
    let mut record = 0;
    loop {
        line.clear();
        let limit = LONGEST_RECORD as u64 + 1;
        let length = reader.by_ref().take(limit).read_until(b'\n', &mut line);
        match length.map_err(|e| input.broke_off(record, e))? {
            0 => return Ok(()),
            length if length > LONGEST_RECORD => {
                let reason = format!(
                    "a line is longer than {} MiB; is it JSON lines?",
                    LONGEST_RECORD >> 20
                );
                return Err(input.broke_off(record, reason).into());
            }
            _ => {}
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            // No record: files often end in an empty line.
            continue;
        }
        record += 1;
        if record > file.skip {
            cutter.push(text, |columns| columns.push_json(text))?;
        }
    }
}
