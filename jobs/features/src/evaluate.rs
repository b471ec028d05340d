//! The features of given rows, which `serve` computes for a record.

use arrow::array::{
    Array, ArrayRef, Float64Array, RecordBatch, RecordBatchOptions, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use std::sync::Arc;

use datafusion::common::DataFusionError;

use crate::error::EvaluateError;
use crate::named::DataError;
use crate::plan::FeaturePlan;

/// The features of some rows, column by column.
#[derive(Clone, Debug)]
pub struct FeatureRows {
    names: Vec<String>,
    columns: Vec<Float64Array>,
    rows: usize,
}

/// A row has no usable value for a feature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("feature \"{feature}\" is {found}; every feature of a record needs a finite number")]
pub struct Missing {
    /// The feature's name.
    pub feature: String,
    /// `null`, `NaN` or `infinite`.
    pub found: &'static str,
}

impl FeaturePlan {
    /// Evaluates the features on `rows`. The rows may have more columns than needed, or fewer; a missing column is
    /// null. The condition (`where`) is not applied: it decides which rows a model learns from, and a prediction may
    /// ask about any row.
    ///
    /// # Errors
    /// [`EvaluateError`] when an expression fails on these values or a column has another type.
    pub fn evaluate(&self, rows: &RecordBatch) -> Result<FeatureRows, EvaluateError> {
        let failed = |feature: &str, error: &DataFusionError| EvaluateError::Expression {
            feature: feature.to_owned(),
            reason: match DataError::of(error) {
                Some(data) => data.reason.clone(),
                None => error.strip_backtrace(),
            },
        };
        let input = self.project(rows)?;
        let mut names = Vec::with_capacity(self.width());
        let mut columns = Vec::with_capacity(self.width());
        for number in &self.features {
            let array = number
                .expression
                .evaluate(&input)
                .and_then(|value| value.into_array(rows.num_rows()))
                .map_err(|error| failed(&number.name, &error))?;
            columns.push(float(&number.name, &array)?);
            names.push(number.name.clone());
        }
        Ok(FeatureRows {
            names,
            columns,
            rows: rows.num_rows(),
        })
    }

    fn project(&self, rows: &RecordBatch) -> Result<RecordBatch, EvaluateError> {
        let columns = self
            .schema()
            .fields()
            .iter()
            .map(|field| match rows.column_by_name(field.name()) {
                None => Ok(new_null_array(field.data_type(), rows.num_rows())),
                Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
                Some(column) => {
                    cast(column, field.data_type()).map_err(|_| EvaluateError::Column {
                        column: field.name().clone(),
                        found: column.data_type().clone(),
                        wanted: field.data_type().clone(),
                    })
                }
            })
            .collect::<Result<Vec<ArrayRef>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(self.schema()), columns, &options).map_err(
            |error| EvaluateError::Expression {
                feature: "*".to_owned(),
                reason: error.to_string(),
            },
        )
    }
}

fn float(name: &str, array: &ArrayRef) -> Result<Float64Array, EvaluateError> {
    let floats = array.as_any().downcast_ref::<Float64Array>();
    floats.cloned().ok_or_else(|| EvaluateError::Column {
        column: name.to_owned(),
        found: array.data_type().clone(),
        wanted: DataType::Float64,
    })
}

impl FeatureRows {
    /// Features that need no expression: the columns of `rows` are they.
    ///
    /// # Errors
    /// [`EvaluateError::Column`] for the first column that does not hold `float64`.
    pub fn of(rows: &RecordBatch) -> Result<Self, EvaluateError> {
        let schema = rows.schema_ref();
        let columns = schema.fields().iter().zip(rows.columns());
        let floats = columns.map(|(field, column)| float(field.name(), column));
        Ok(Self {
            names: schema
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect(),
            columns: floats.collect::<Result<_, _>>()?,
            rows: rows.num_rows(),
        })
    }

    /// The values of each feature, in the model's order, if every row has a finite one.
    #[must_use]
    pub fn finite(&self) -> Option<Vec<&[f64]>> {
        let columns = self.columns.iter();
        let is_finite = |column: &&Float64Array| {
            column.null_count() == 0 && column.values().iter().all(|x| x.is_finite())
        };
        columns
            .clone()
            .all(|column| is_finite(&column))
            .then(|| columns.map(|column| &column.values()[..]).collect())
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The features of row `index`, in the model's order.
    ///
    /// # Errors
    /// [`Missing`] names the first feature that is null, NaN or infinite.
    pub fn row(&self, index: usize) -> Result<Vec<f64>, Missing> {
        let mut point = Vec::with_capacity(self.columns.len());
        for (column, name) in self.columns.iter().zip(&self.names) {
            let missing = |found| Missing {
                feature: name.clone(),
                found,
            };
            if column.is_null(index) {
                return Err(missing("null"));
            }
            match column.value(index) {
                x if x.is_nan() => return Err(missing("NaN")),
                x if x.is_infinite() => return Err(missing("infinite")),
                x => point.push(x),
            }
        }
        Ok(point)
    }
}
