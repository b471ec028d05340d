//! What a format of files has to say of itself.

use gugus_spec::Job;
use indicatif::ProgressBar;

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

    /// What is wrong with a plain file that begins like this, and what to do.
    fn wrong_start(&self, _first: &[u8]) -> Option<&'static str> {
        None
    }

    /// Tells what can be told without reading the file to its end, before anything is written.
    fn check(&self, _input: &Input, _job: &Job) -> Result<(), Error> {
        Ok(())
    }

    /// Passes the file's records on, except for those at its beginning that are in batches already.
    fn read(&self, file: &ToImport<'_>, cutter: &mut Cutter<'_>) -> Result<(), Halt>;
}

/// A file that is to be imported.
pub(crate) struct ToImport<'a> {
    pub(crate) input: &'a Input,
    pub(crate) job: &'a Job,
    /// Records at its beginning that are in batches already.
    pub(crate) skip: u64,
    /// Its position is bytes of all files.
    pub(crate) progress: &'a ProgressBar,
}
