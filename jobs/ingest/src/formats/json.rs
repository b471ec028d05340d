//! JSON, one object at a time: the lines of a file, or the elements of its one array. Each object stands alone, so nothing can
//! be checked beforehand.

use std::io::{BufReader, Read};

use gugus_spec::Job;

use super::file_format::{FileFormat, ToImport};
use super::json_pieces::{LONGEST_RECORD, Next, Pieces};
use crate::Error;
use crate::import::cutter::{Cutter, Halt};
use crate::input::{BUFFER, Input, without_mark};

pub(super) struct Json;

impl FileFormat for Json {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn endings(&self) -> &'static [&'static str] {
        &["jsonl", "ndjson", "json"]
    }

    fn has_records(&self, input: &Input, _: &Job) -> Result<bool, Error> {
        Ok(input.first_byte()?.is_some())
    }

    fn read(&self, file: &ToImport<'_>, cutter: &mut Cutter<'_>) -> Result<(), Halt> {
        let input = file.input;
        let mut text = input.text(file.progress)?;
        let mut begin = Vec::new();
        let read = text.by_ref().take(3).read_to_end(&mut begin);
        read.map_err(|e| input.broke_off(0, e))?;
        let text = without_mark(&begin).chain(text);
        let mut pieces = Pieces::new(BufReader::with_capacity(BUFFER, text));
        let mut piece = Vec::new();
        let mut record = 0;
        loop {
            match pieces.next(&mut piece) {
                Ok(Next::Piece) => {
                    record += 1;
                    if record > file.skip {
                        cutter.push(&piece, |columns| columns.push_json(&piece))?;
                    }
                }
                Ok(Next::End) => return Ok(()),
                Ok(Next::Cut) => {
                    let file = input.path.display();
                    tracing::warn!(%file, "the array in the file is not closed, so the file is probably cut off");
                    return Ok(());
                }
                Ok(Next::TooLong) => {
                    let reason = format!(
                        "the next record is longer than {} MiB; is it JSON, and is each bracket closed?",
                        LONGEST_RECORD >> 20
                    );
                    return Err(input.stopped(record, reason, None).into());
                }
                Err(e) => return Err(input.broke_off(record, e).into()),
            }
        }
    }
}
