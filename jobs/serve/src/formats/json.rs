//! JSON: one record, or an array of records.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use gugus_kmeans::PredictError;
use gugus_records::Columns;

use crate::input::Kind;
use crate::options::Strictness;
use crate::problem::{Code, Problem};
use crate::reading::Reading;
use crate::records::{self, Body};
use crate::rows::{Rows, Shape, Wrong};
use crate::strict;

/// The records of a body.
pub(super) fn read<'a>(body: &'a [u8], reading: Reading<'_>) -> Result<Rows<'a>, Problem> {
    match Body::new(body) {
        Body::One(record) => read_all(std::iter::once(Ok(record)), Shape::One, reading),
        Body::Many(records) => read_all(records, Shape::Many, reading),
    }
}

fn read_all<'a>(
    records: impl Iterator<Item = Result<&'a [u8], Problem>>,
    shape: Shape,
    reading: Reading<'_>,
) -> Result<Rows<'a>, Problem> {
    let mut points = match &reading.input.kind {
        Kind::Columns { layout, .. } => Points::Records(Box::new(Columns::new(Arc::clone(layout)))),
        Kind::Numbers => Points::Numbers(vec![Vec::new(); reading.dimensions]),
    };
    let mut texts = Vec::new();
    let mut wrong = None;
    for (index, record) in records.enumerate() {
        // If the body itself is broken, no record in it counts.
        let record = record?;
        if let Err(problem) = points.push(record).and_then(|()| check(record, reading)) {
            wrong = Some(Wrong::at(index)(problem));
            break;
        }
        texts.push(record);
    }
    Ok(Rows {
        batch: points.finish(texts.len())?,
        texts,
        shape,
        wrong,
    })
}

/// Refuses a record that has wrong columns, if the request or the service wants columns to be checked.
fn check(record: &[u8], reading: Reading<'_>) -> Result<(), Problem> {
    let Reading {
        input, strictness, ..
    } = reading;
    if !input.refuses_unknown(strictness) {
        return Ok(());
    }
    let keys = records::keys(record);
    input.check_known(&keys, strictness)?;
    if strictness == Strictness::Strict {
        input.check_present(&keys, strictness)?;
        strict::check_values(record, input.columns())?;
    }
    Ok(())
}

/// Points that grow by one record after the other.
enum Points {
    Records(Box<Columns>),
    /// The numbers of `{"features": [numbers]}`, one list per dimension.
    Numbers(Vec<Vec<f64>>),
}

impl Points {
    fn push(&mut self, record: &[u8]) -> Result<(), Problem> {
        match self {
            Self::Records(columns) => Ok(columns.push_json(record)?),
            Self::Numbers(columns) => {
                let point = records::features(record)?;
                if point.len() != columns.len() {
                    let error = PredictError::Dimensions {
                        expected: columns.len(),
                        given: point.len(),
                    };
                    return Err(Problem::new(Code::WrongValue, error.to_string()));
                }
                for (column, value) in columns.iter_mut().zip(point) {
                    column.push(value);
                }
                Ok(())
            }
        }
    }

    /// The first `rows` points. The last record may have been refused after it was pushed.
    fn finish(self, rows: usize) -> Result<RecordBatch, Problem> {
        let finished = match self {
            Self::Records(mut columns) => columns.finish().map_err(|error| error.to_string()),
            Self::Numbers(columns) => {
                let array = |values| Arc::new(Float64Array::from(values)) as ArrayRef;
                let columns = columns.into_iter().enumerate();
                let columns = columns.map(|(d, values)| (d.to_string(), array(values)));
                RecordBatch::try_from_iter(columns).map_err(|error| error.to_string())
            }
        };
        let finished = finished.map_err(|error| Problem::new(Code::WrongValue, error))?;
        Ok(if finished.num_rows() == rows {
            finished
        } else {
            finished.slice(0, rows)
        })
    }
}
