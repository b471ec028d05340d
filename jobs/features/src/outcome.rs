//! The result of a fit, and the Arrow struct in which it travels.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray, StructArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Fields, UInt64Type};

use gugus_clusters::Fit;
use gugus_kmeans::FitSummary;

use crate::error::WaveError;

/// The result for one batch.
#[derive(Clone, Debug, PartialEq)]
pub enum FitOutcome {
    /// There is a model.
    Trained(Fit),
    /// The data allow no model.
    Failed {
        /// Why, naming column and count.
        reason: String,
        /// Rows that the fit was given, after `where`.
        rows: u64,
    },
}

/// The fields of the struct. `reason` is null if there is a model. The fit is encoded by postcard, which keeps all bits
/// of its numbers.
pub(crate) fn fields() -> Fields {
    Fields::from(vec![
        Field::new("reason", DataType::Utf8, true),
        Field::new("rows", DataType::UInt64, false),
        Field::new("fit", DataType::Binary, false),
    ])
}

/// Writes a fit. [`FitSummary`] itself sometimes leaves keys out. Postcard has no keys, so it could not read that.
fn write(Fit { model, summary: of }: &Fit) -> postcard::Result<Vec<u8>> {
    let figures = (of.dropped, of.iterations, of.training_cost, of.noise);
    postcard::to_allocvec(&(figures, &of.sizes, model))
}

impl FitOutcome {
    /// As a struct array of one row.
    pub(crate) fn to_array(&self) -> StructArray {
        let (rows, written) = match self {
            Self::Trained(fit) => (fit.summary.rows, write(fit)),
            Self::Failed { rows, .. } => (*rows, Ok(Vec::new())),
        };
        let (reason, fit) = match (self, written) {
            (Self::Failed { reason, .. }, _) => (Some(reason.clone()), Vec::new()),
            (Self::Trained(_), Ok(fit)) => (None, fit),
            // Encoding fails only for values that a fit does not have. So a failure here would be a fault of ours, and
            // would be no reason to fail the Ballista job.
            (Self::Trained(_), Err(why)) => {
                let report = "this is a mistake in gugus, report it";
                let reason = format!("the model cannot be written: {why}; {report}");
                (Some(reason), Vec::new())
            }
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![reason])),
            Arc::new(UInt64Array::from(vec![rows])),
            Arc::new(BinaryArray::from_vec(vec![fit.as_slice()])),
        ];
        StructArray::new(fields(), columns, None)
    }

    /// Row `index` of a result column.
    ///
    /// # Errors
    /// [`WaveError::Layout`] when the column is not what [`crate::ModelFit`] returns.
    pub fn read(array: &dyn Array, index: usize) -> Result<Self, WaveError> {
        let layout = |column: &str| WaveError::Layout {
            column: column.to_owned(),
        };
        let outcome = array.as_struct_opt().ok_or_else(|| layout("outcome"))?;
        let column = |name: &str| outcome.column_by_name(name).ok_or_else(|| layout(name));
        let reason = column("reason")?.as_string_opt::<i32>();
        let reason = reason.ok_or_else(|| layout("reason"))?;
        let rows = column("rows")?.as_primitive_opt::<UInt64Type>();
        let rows = rows.ok_or_else(|| layout("rows"))?.value(index);
        if reason.is_valid(index) {
            return Ok(Self::Failed {
                reason: reason.value(index).to_owned(),
                rows,
            });
        }
        let fit = column("fit")?.as_binary_opt::<i32>();
        let fit = fit.ok_or_else(|| layout("fit"))?.value(index);
        let ((dropped, iterations, training_cost, noise), sizes, model) =
            postcard::from_bytes(fit).map_err(|_| layout("fit"))?;
        let summary = FitSummary {
            rows,
            dropped,
            iterations,
            training_cost,
            sizes,
            noise,
        };
        Ok(Self::Trained(Fit { model, summary }))
    }
}
