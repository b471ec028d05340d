//! How the records of a body are to be read, whatever its form.

use crate::input::Input;
use crate::options::Strictness;

/// How the records of a body are to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) input: &'a Input,
    /// How many numbers a point has.
    pub(crate) dimensions: usize,
    pub(crate) strictness: Strictness,
    /// The longest body, in bytes. Columns may take some times as much.
    pub(crate) limit: usize,
}
