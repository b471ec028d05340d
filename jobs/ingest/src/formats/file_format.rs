//! The trait of a format of files.

use gugus_progress::Progress;
use gugus_spec::Job;

use crate::Error;
use crate::import::cutter::{Cutter, Halt};
use crate::input::Input;

/// A format of files. A format with `magic` bytes is binary; all others are text, and may be packed by gzip.
pub(crate) trait FileFormat: Sync {
    /// Its name, which is also an ending.
    fn name(&self) -> &'static str;

    /// The endings of its files' names, in lower case.
    fn endings(&self) -> &'static [&'static str];

    /// The bytes with which each of its files begins.
    fn magic(&self) -> Option<&'static [u8]> {
        None
    }

    /// Checks as much as is possible without reading the file to its end. Called before anything is written.
    fn check(&self, _input: &Input, _job: &Job) -> Result<(), Error> {
        Ok(())
    }

    /// Whether a file that passes [`check`](Self::check) has a record.
    fn has_records(&self, input: &Input, job: &Job) -> Result<bool, Error>;

    /// Passes the file's records on, except for those at its beginning that are in batches already.
    fn read(&self, file: &ToImport<'_>, cutter: &mut Cutter<'_>) -> Result<(), Halt>;
}

/// A file to import.
pub(crate) struct ToImport<'a> {
    pub(crate) input: &'a Input,
    pub(crate) job: &'a Job,
    /// Records at its beginning that are in batches already.
    pub(crate) skip: u64,
    /// Counts bytes of all files.
    pub(crate) progress: &'a Progress,
}
