//! JSON lines, one object at a time. Each line stands alone, so nothing can be checked beforehand.

use std::io::{BufRead, BufReader, Read};

use super::file_format::{FileFormat, ToImport};
use super::tee::LONGEST_RECORD;
use crate::import::cutter::{Cutter, Halt};
use crate::input::BUFFER;

pub(super) struct JsonLines;

impl FileFormat for JsonLines {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn endings(&self) -> &'static [&'static str] {
        &["jsonl", "ndjson", "json"]
    }

    fn wrong_start(&self, first: &[u8]) -> Option<&'static str> {
        let reason =
            "it holds one JSON array; write one object per line (such as with `jq -c '.[]'`)";
        first.trim_ascii_start().starts_with(b"[").then_some(reason)
    }

    fn read(&self, file: &ToImport<'_>, cutter: &mut Cutter<'_>) -> Result<(), Halt> {
        let input = file.input;
        let mut reader = BufReader::with_capacity(BUFFER, input.text(file.progress)?);
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
                // An empty line is no record: files often end in one.
                continue;
            }
            record += 1;
            if record > file.skip {
                cutter.push(text, |columns| columns.push_json(text))?;
            }
        }
    }
}
