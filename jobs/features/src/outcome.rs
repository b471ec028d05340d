//! What a fit answers, and the Arrow struct in which the answer travels.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Float64Array, ListBuilder, StringArray, StructArray,
    UInt32Array, UInt64Array, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Fields, Float64Type, UInt32Type, UInt64Type};

use gugus_clusters::Fit;
use gugus_kmeans::FitSummary;

use crate::error::WaveError;

/// The answer for one batch.
#[derive(Clone, Debug, PartialEq)]
pub enum FitOutcome {
    /// There is a model.
    Trained(Fit),
    /// The data allow none.
    Failed {
        /// Why, naming column and count.
        reason: String,
        /// Rows that the fit was given, after `where`.
        rows: u64,
    },
}

/// The fields of the struct. `reason` tells failed from trained: it is null when there is a model. The model itself is in
/// postcard's form, which keeps all bits of its numbers.
pub(crate) fn fields() -> Fields {
    let list = |of| DataType::List(Arc::new(Field::new("item", of, true)));
    Fields::from(vec![
        Field::new("reason", DataType::Utf8, true),
        Field::new("rows", DataType::UInt64, false),
        Field::new("dropped", DataType::UInt64, false),
        Field::new("iterations", DataType::UInt32, false),
        Field::new("training_cost", DataType::Float64, false),
        Field::new("sizes", list(DataType::UInt64), false),
        Field::new("noise", DataType::UInt64, false),
        Field::new("model", DataType::Binary, false),
    ])
}

impl FitOutcome {
    /// As a struct array of one row.
    pub(crate) fn to_array(&self) -> StructArray {
        let written = match self {
            Self::Trained(fit) => postcard::to_allocvec(&fit.model).map_err(|why| {
                // Sequences have a length and maps there are none: a mistake of ours, and no reason to fail a whole job.
                format!("the model cannot be written: {why}; this is a mistake in gugus, report it")
            }),
            Self::Failed { reason, .. } => Err(reason.clone()),
        };
        let (reason, model) = match written {
            Ok(model) => (None, model),
            Err(reason) => (Some(reason), Vec::new()),
        };
        let of = |number: fn(&FitSummary) -> u64| match self {
            Self::Trained(fit) => number(&fit.summary),
            Self::Failed { .. } => 0,
        };
        let (rows, iterations, training_cost, sizes) = match self {
            Self::Trained(Fit { summary, .. }) => (
                summary.rows,
                summary.iterations,
                summary.training_cost,
                summary.sizes.as_slice(),
            ),
            Self::Failed { rows, .. } => (*rows, 0, 0.0, &[][..]),
        };
        let mut lists = ListBuilder::new(UInt64Builder::new());
        lists.append_value(sizes.iter().copied().map(Some));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![reason])),
            Arc::new(UInt64Array::from(vec![rows])),
            Arc::new(UInt64Array::from(vec![of(|summary| summary.dropped)])),
            Arc::new(UInt32Array::from(vec![iterations])),
            Arc::new(Float64Array::from(vec![training_cost])),
            Arc::new(lists.finish()),
            Arc::new(UInt64Array::from(vec![of(|summary| summary.noise)])),
            Arc::new(BinaryArray::from_vec(vec![model.as_slice()])),
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
        let number = |name: &str| -> Result<u64, WaveError> {
            Ok(column(name)?
                .as_primitive_opt::<UInt64Type>()
                .ok_or_else(|| layout(name))?
                .value(index))
        };
        let reason = column("reason")?
            .as_string_opt::<i32>()
            .ok_or_else(|| layout("reason"))?;
        let rows = number("rows")?;
        if reason.is_valid(index) {
            return Ok(Self::Failed {
                reason: reason.value(index).to_owned(),
                rows,
            });
        }
        let iterations = column("iterations")?
            .as_primitive_opt::<UInt32Type>()
            .ok_or_else(|| layout("iterations"))?;
        let cost = column("training_cost")?
            .as_primitive_opt::<Float64Type>()
            .ok_or_else(|| layout("training_cost"))?;
        let sizes = column("sizes")?
            .as_list_opt::<i32>()
            .ok_or_else(|| layout("sizes"))?
            .value(index);
        let sizes = sizes
            .as_primitive_opt::<UInt64Type>()
            .ok_or_else(|| layout("sizes"))?
            .values()
            .to_vec();
        let model = column("model")?
            .as_binary_opt::<i32>()
            .ok_or_else(|| layout("model"))?
            .value(index);
        let model = postcard::from_bytes(model).map_err(|_| layout("model"))?;
        let summary = FitSummary {
            rows,
            dropped: number("dropped")?,
            iterations: iterations.value(index),
            training_cost: cost.value(index),
            sizes,
            noise: number("noise")?,
        };
        Ok(Self::Trained(Fit { model, summary }))
    }
}
