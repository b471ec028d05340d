//! How the records of a body are to be read, whatever its form.

use crate::input::Input;
use crate::options::Strictness;
use crate::problem::Problem;

/// How the records of a body are to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) input: &'a Input,
    /// How many numbers a point has.
    pub(crate) dimensions: usize,
    pub(crate) strictness: Strictness,
    /// The longest body, in bytes. Columns may take some times as much.
    pub(crate) limit: usize,
    /// The most records. They are counted while they are read, so memory never holds more.
    pub(crate) max_rows: usize,
}

impl Reading<'_> {
    /// Refuses so many records if they are too many.
    pub(crate) fn check_rows(self, rows: usize) -> Result<(), Problem> {
        if rows > self.max_rows {
            return Err(Problem::too_many_records(self.max_rows));
        }
        Ok(())
    }
}
