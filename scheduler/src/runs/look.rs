//! Reads the files of a run. All functions are for threads that may block.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::error::RunError;
use super::id::RunId;
use super::keeper::Runs;
use super::wire::RunDetail;

/// How much of a log is read at once.
const LOG_PART: u64 = 256 * 1024;

impl Runs {
    /// One run with all there is.
    pub(crate) fn detail(&self, id: &RunId) -> Result<RunDetail, RunError> {
        Ok(RunDetail {
            run: self.run(id)?,
            job_file: self.0.disk.job_file(id).map_err(RunError::Keep)?,
            report: self.0.disk.report(id),
        })
    }

    /// The run's log from a byte on; empty when nothing more is there.
    pub(crate) fn log(&self, id: &RunId, from: u64) -> Result<Vec<u8>, RunError> {
        self.run(id)?;
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(self.0.disk.log_path(id))?;
            file.seek(SeekFrom::Start(from))?;
            let mut text = Vec::new();
            file.take(LOG_PART).read_to_end(&mut text)?;
            Ok(text)
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other.map_err(RunError::Keep),
        }
    }

    /// The end of the run's log, at most `bytes` of it, from the beginning of a line.
    pub(crate) fn log_end(&self, id: &RunId, bytes: usize) -> Result<String, RunError> {
        let length = std::fs::metadata(self.0.disk.log_path(id)).map_or(0, |about| about.len());
        let from = length.saturating_sub(bytes as u64);
        let text = String::from_utf8_lossy(&self.log(id, from)?).into_owned();
        let cut = if from == 0 {
            0
        } else {
            text.find('\n').map_or(0, |end| end + 1)
        };
        Ok(text.get(cut..).unwrap_or_default().to_owned())
    }
}
