//! JSON: one record, or an array of records.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use gugus_kmeans::PredictError;
use gugus_records::Columns;

use crate::answers::Answers;
use crate::input::Kind;
use crate::options::Strictness;
use crate::problem::{Code, Problem};
use crate::reading::Reading;
use crate::records::{self, Body, Elements};
use crate::rows::{Rows, Shape, Wrong};
use crate::strict;

/// The records of a body.
pub(super) fn read<'a>(body: &'a [u8], reading: Reading<'_>) -> Result<Rows<'a>, Problem> {
    let mut points = Points::new(reading);
    let mut texts = Vec::new();
    let (shape, wrong) = match Body::new(body) {
        Body::One(record) => {
            let pushed = points.push(record).and_then(|()| check(record, reading));
            if pushed.is_ok() {
                texts.push(record);
            }
            (Shape::One, pushed.err())
        }
        Body::Many(records) => {
            let text = str::from_utf8(body).unwrap_or_default();
            let wrong = read_all(records, text, &mut points, &mut texts, reading)?;
            (Shape::Many, wrong)
        }
    };
    Ok(Rows {
        batch: points.finish(texts.len())?,
        wrong: wrong.map(Wrong::at(texts.len())),
        texts,
        shape,
    })
}

/// Reads an array up to its first wrong record, and tells what is wrong with it. `body` is the same text if it is UTF-8.
fn read_all<'a>(
    mut records: Elements<'a>,
    body: &str,
    points: &mut Points,
    texts: &mut Vec<&'a [u8]>,
    reading: Reading<'_>,
) -> Result<Option<Problem>, Problem> {
    while let Some(rest) = records.begin() {
        let rest = rest?.len();
        reading.check_rows(texts.len() + 1)?;
        // Most records are found and read in one pass.
        let rest = body.len().checked_sub(rest).and_then(|at| body.get(at..));
        let (record, pushed) = match rest.and_then(|rest| points.push_first(rest)) {
            Some(Ok(length)) => (records.take(length), Ok(())),
            Some(Err(problem)) => return Ok(Some(problem)),
            None => {
                // If the body itself is broken, no record in it counts.
                let record = records.cut()?;
                (record, points.push(record))
            }
        };
        if let Err(problem) = pushed.and_then(|()| check(record, reading)) {
            return Ok(Some(problem));
        }
        texts.push(record);
    }
    Ok(None)
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
    fn new(reading: Reading<'_>) -> Self {
        match &reading.input.kind {
            Kind::Columns { layout, .. } => {
                Self::Records(Box::new(Columns::new(Arc::clone(layout))))
            }
            Kind::Numbers => Self::Numbers(vec![Vec::new(); reading.dimensions]),
        }
    }

    /// Reads the record that a text begins with, and tells where it ends; none if this has to be found out first.
    fn push_first(&mut self, text: &str) -> Option<Result<usize, Problem>> {
        let Self::Records(columns) = self else {
            return None;
        };
        let record = text.trim_start_matches([' ', '\t', '\n', '\r']);
        let blanks = text.len() - record.len();
        let pushed = columns.push_first_json(record)?;
        Some(pushed.map(|end| blanks + end).map_err(Problem::from))
    }

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

/// The answer to a record, or a list of answers.
pub(super) fn write(answers: &Answers<'_>) -> serde_json::Result<Vec<u8>> {
    let Some(clusters) = answers.bare() else {
        return serde_json::to_vec(answers);
    };
    // A long list of clusters and nothing else needs no look at the parts that an answer may have.
    let mut text = Vec::with_capacity(LENGTH * clusters.len() + 2);
    let mut separator = b'[';
    for cluster in clusters {
        text.push(separator);
        text.extend_from_slice(b"{\"cluster\":");
        serde_json::to_writer(&mut text, cluster)?;
        text.push(b'}');
        separator = b',';
    }
    if clusters.is_empty() {
        text.push(separator);
    }
    text.push(b']');
    Ok(text)
}

/// The length of an answer of a cluster below 100, with its comma.
const LENGTH: usize = 15;

#[cfg(test)]
mod tests {
    use gugus_clusters::Predictions;

    use super::*;

    #[test]
    fn a_list_of_clusters_is_written_as_any_answer() {
        for labels in [vec![], vec![0], vec![12, -1, i32::MAX]] {
            for shape in [Shape::One, Shape::Many] {
                let predictions = Predictions {
                    labels: labels.clone(),
                    ..Predictions::default()
                };
                let answers = Answers::new(predictions, shape, None);
                let expected = serde_json::to_string(&answers).unwrap();
                assert_eq!(
                    String::from_utf8(write(&answers).unwrap()).unwrap(),
                    expected
                );
            }
        }
    }
}
