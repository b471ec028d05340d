//! Rows that could not be sent, in a file: one JSON object per line, with the line of the row, the reason, and the row itself.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Error;

/// The file, which is made with its first row.
pub(super) struct Skipped {
    path: PathBuf,
    file: Option<File>,
    pub(super) rows: u64,
}

#[derive(Serialize)]
struct Row<'r> {
    line: u64,
    reason: &'r str,
    row: &'r str,
}

impl Skipped {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            rows: 0,
        }
    }

    /// Appends a row. Bytes that are not UTF-8 are shown by the replacement character.
    pub(super) fn add(&mut self, line: u64, reason: &str, row: &[u8]) -> Result<(), Error> {
        let mut append = || {
            let row = &String::from_utf8_lossy(row);
            let mut text = serde_json::to_vec(&Row { line, reason, row })?;
            text.push(b'\n');
            let file = match &mut self.file {
                Some(file) => file,
                empty => {
                    let mut options = OpenOptions::new();
                    let file = options.create(true).append(true).open(&self.path)?;
                    empty.insert(file)
                }
            };
            file.write_all(&text)
        };
        let wrong =
            "a skipped row cannot be written there; make room, or name another file with --skipped";
        append().map_err(|e| Error::usage_of(self.path.display(), wrong, e))?;
        if self.rows == 0 {
            let file = self.path.display();
            tracing::warn!(%file, line, "a row cannot be sent and is skipped: {reason}");
        }
        self.rows += 1;
        Ok(())
    }
}
