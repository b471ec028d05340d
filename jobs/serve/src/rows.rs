//! The records of a body, in columns.

use arrow::array::RecordBatch;

use crate::problem::Problem;

/// The records of a body, in columns.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    /// The records that were read, up to the first wrong one.
    pub(crate) batch: RecordBatch,
    /// The text of each record, if each record names its columns itself.
    pub(crate) texts: Vec<&'a [u8]>,
    pub(crate) shape: Shape,
    /// Why the record behind these could not be read, if there is one.
    pub(crate) wrong: Option<Wrong>,
}

/// Whether a body is a record or a list of records, and its answer likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    Many,
}

/// A problem, and the index of its record if it has one.
#[derive(Debug)]
pub(crate) struct Wrong {
    index: Option<usize>,
    problem: Problem,
}

impl Wrong {
    pub(crate) fn at(index: usize) -> impl FnOnce(Problem) -> Self {
        move |problem| Self {
            index: Some(index),
            problem,
        }
    }

    /// The problem of a body as a whole.
    pub(crate) fn of_all(problem: Problem) -> Self {
        Self {
            index: None,
            problem,
        }
    }

    /// The problem. In a list it names its record.
    pub(crate) fn problem(self, shape: Shape) -> Problem {
        match (shape, self.index) {
            (Shape::Many, Some(index)) => self.problem.of_record(index),
            _ => self.problem,
        }
    }
}
