//! What a fit answers, and the Arrow struct in which the answer travels.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Float64Builder, ListBuilder, StringArray, StructArray,
    UInt32Array, UInt64Array, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Fields, Float64Type, UInt32Type, UInt64Type};

use crate::error::WaveError;

/// The answer for one batch.
#[derive(Clone, Debug, PartialEq)]
pub enum FitOutcome {
    /// There is a model.
    Trained(Fitted),
    /// The data allow none.
    Failed {
        /// Why, naming column and count.
        reason: String,
        /// Rows that the fit was given, after `where`.
        rows: u64,
    },
}

/// A fitted model and how the fit went.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The cluster centers, `d` numbers each.
    pub centers: Vec<Vec<f64>>,
    /// Rows in each cluster.
    pub sizes: Vec<u64>,
    /// Rows that were fitted.
    pub rows: u64,
    /// Rows left out by `handle_invalid = "skip"`.
    pub dropped: u64,
    /// Passes of Lloyd's algorithm.
    pub iterations: u32,
    /// Sum of squared distances (or cosine distances) in the last pass.
    pub training_cost: f64,
}

/// The fields of the struct. `reason` tells failed from trained: it is null when there is a model.
pub(crate) fn fields() -> Fields {
    let list = |of| DataType::List(Arc::new(Field::new("item", of, true)));
    Fields::from(vec![
        Field::new("reason", DataType::Utf8, true),
        Field::new("rows", DataType::UInt64, false),
        Field::new("dropped", DataType::UInt64, false),
        Field::new("iterations", DataType::UInt32, false),
        Field::new("training_cost", DataType::Float64, false),
        Field::new("sizes", list(DataType::UInt64), false),
        Field::new("centers", list(DataType::Float64), false),
    ])
}

impl FitOutcome {
    /// As a struct array of one row.
    pub(crate) fn to_array(&self) -> StructArray {
        let empty = Fitted {
            centers: vec![],
            sizes: vec![],
            rows: 0,
            dropped: 0,
            iterations: 0,
            training_cost: 0.0,
        };
        let (reason, rows, fitted) = match self {
            Self::Trained(fitted) => (None, fitted.rows, fitted),
            Self::Failed { reason, rows } => (Some(reason.as_str()), *rows, &empty),
        };
        let mut sizes = ListBuilder::new(UInt64Builder::new());
        sizes.append_value(fitted.sizes.iter().copied().map(Some));
        let mut centers = ListBuilder::new(Float64Builder::new());
        centers.append_value(fitted.centers.iter().flatten().copied().map(Some));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![reason])),
            Arc::new(UInt64Array::from(vec![rows])),
            Arc::new(UInt64Array::from(vec![fitted.dropped])),
            Arc::new(UInt32Array::from(vec![fitted.iterations])),
            Arc::new(Float64Array::from(vec![fitted.training_cost])),
            Arc::new(sizes.finish()),
            Arc::new(centers.finish()),
        ];
        StructArray::new(fields(), columns, None)
    }

    /// Row `index` of a result column.
    ///
    /// # Errors
    /// [`WaveError::Layout`] when the column is not what [`crate::KMeansFit`] returns.
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
        let list = |name: &str| -> Result<ArrayRef, WaveError> {
            Ok(column(name)?
                .as_list_opt::<i32>()
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
        let sizes = list("sizes")?;
        let sizes = sizes
            .as_primitive_opt::<UInt64Type>()
            .ok_or_else(|| layout("sizes"))?
            .values()
            .to_vec();
        let flat = list("centers")?;
        let flat = flat
            .as_primitive_opt::<Float64Type>()
            .ok_or_else(|| layout("centers"))?
            .values();
        let width = flat
            .len()
            .checked_div(sizes.len())
            .filter(|w| *w > 0)
            .ok_or_else(|| layout("centers"))?;
        Ok(Self::Trained(Fitted {
            centers: flat.chunks(width).map(<[f64]>::to_vec).collect(),
            sizes,
            rows,
            dropped: number("dropped")?,
            iterations: iterations.value(index),
            training_cost: cost.value(index),
        }))
    }
}
