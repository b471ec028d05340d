//! Checks of parameters.

use thiserror::Error;

/// A parameter out of its range: correct the job file.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{parameter} is {given}, but {expected}")]
pub struct ParamsError {
    /// The parameter, by its name in the job file.
    pub parameter: &'static str,
    /// The value given.
    pub given: f64,
    /// The values that are allowed, as a clause.
    pub expected: &'static str,
}

/// Refuses a value that is out of range.
pub(crate) fn need(
    within: bool,
    parameter: &'static str,
    given: f64,
    expected: &'static str,
) -> Result<(), ParamsError> {
    if within {
        return Ok(());
    }
    Err(ParamsError {
        parameter,
        given,
        expected,
    })
}
