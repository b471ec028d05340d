//! The aggregate function: one group of points in, one fitted model out.
//!
//! Invariant: points are kept, and fitted, in the order in which the scan gives them, which is (partition, offset).

use std::hash::{Hash, Hasher};
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use gugus_kmeans::{FitError, Partitions, RowForm, Rows, fit};
use gugus_spec::HandleInvalid;

use crate::outcome::{FitOutcome, Fitted, fields};
use crate::settings::{FitSettings, Weighting};

/// `gugus_kmeans_fit(feature, …[, weight])` of Float64 columns, giving the struct of [`FitOutcome`].
///
/// The parameters are part of the function, not arguments: two models of one plan hold two functions of one name, each
/// with its own [`FitSettings`], which [`crate::encode_aggregate`] writes into the plan.
#[derive(Clone, Debug)]
pub struct KMeansFit {
    settings: Arc<FitSettings>,
    signature: Signature,
}

impl KMeansFit {
    /// The function's name in plans. No function of DataFusion or datafusion-spark begins with `gugus_`.
    pub const NAME: &str = "gugus_kmeans_fit";

    /// The function for one model.
    #[must_use]
    pub fn new(settings: FitSettings) -> Self {
        let arguments = vec![DataType::Float64; settings.width()];
        Self {
            settings: Arc::new(settings),
            signature: Signature::exact(arguments, Volatility::Immutable),
        }
    }

    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &FitSettings {
        &self.settings
    }

    /// A text that is equal for equal settings; `f64` has neither `Eq` nor `Hash`.
    fn identity(&self) -> String {
        format!("{:?}", self.settings)
    }
}

impl PartialEq for KMeansFit {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for KMeansFit {}

impl Hash for KMeansFit {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl AggregateUDFImpl for KMeansFit {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields()))
    }

    fn accumulator(&self, _arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Points {
            settings: Arc::clone(&self.settings),
            values: Vec::new(),
        }))
    }

    /// One list of numbers, row after row. Only a spilling aggregate writes it: a wave never merges states.
    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let item = Field::new("item", DataType::Float64, true);
        let name = format_state_name(arguments.name, "points");
        Ok(vec![Arc::new(Field::new(
            name,
            DataType::List(Arc::new(item)),
            true,
        ))])
    }
}

/// The points of one group: row-major, weight last, a null held as NaN, since the two are treated alike.
#[derive(Debug)]
struct Points {
    settings: Arc<FitSettings>,
    values: Vec<f64>,
}

impl Accumulator for Points {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let width = self.settings.width();
        if columns.len() != width {
            return exec_err!(
                "{} wants {width} columns and got {}",
                KMeansFit::NAME,
                columns.len()
            );
        }
        let rows = columns.first().map_or(0, |c| c.len());
        let start = self.values.len();
        self.values.resize(start + rows * width, f64::NAN);
        for (index, column) in columns.iter().enumerate() {
            let column = column.as_primitive::<Float64Type>();
            let slots = self.values[start..].iter_mut().skip(index).step_by(width);
            if column.null_count() == 0 {
                slots
                    .zip(column.values())
                    .for_each(|(slot, value)| *slot = *value);
            } else {
                slots
                    .zip(column)
                    .for_each(|(slot, value)| *slot = value.unwrap_or(f64::NAN));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let outcome = fit_points(&self.settings, &self.values);
        Ok(ScalarValue::Struct(Arc::new(outcome.to_array())))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<f64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = std::mem::take(&mut self.values);
        let list = ListArray::from_iter_primitive::<Float64Type, _, _>([Some(
            values.into_iter().map(Some),
        )]);
        Ok(vec![ScalarValue::List(Arc::new(list))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(states) = states.first() else {
            return Ok(());
        };
        for state in states.as_list::<i32>().iter().flatten() {
            self.values
                .extend_from_slice(state.as_primitive::<Float64Type>().values());
        }
        Ok(())
    }
}

/// Sorts out rows that cannot be fitted, then fits the rest.
fn fit_points(settings: &FitSettings, values: &[f64]) -> FitOutcome {
    let (width, dimensions) = (settings.width(), settings.features.len());
    let given = (values.len() / width) as u64;
    let failed = |reason: String| FitOutcome::Failed {
        reason,
        rows: given,
    };

    let mut invalid = vec![0_u64; width];
    let mut rows = Rows::with_capacity(dimensions, values.len() / width, RowForm::Assembled);
    let mut weights = Vec::new();
    for row in values.chunks_exact(width) {
        // As VectorAssembler does: a null or a NaN makes a row unusable, an infinity does not; the fit refuses that.
        let mut usable = true;
        for (count, value) in invalid.iter_mut().zip(row) {
            if value.is_nan() {
                *count += 1;
                usable = false;
            }
        }
        if usable {
            rows.push(&row[..dimensions]);
            if settings.weighting == Weighting::LastColumn {
                weights.push(row[dimensions]);
            }
        }
    }
    let dropped = given - rows.len() as u64;
    if dropped > 0 && (settings.handle_invalid == HandleInvalid::Error || rows.is_empty()) {
        return failed(describe_invalid(settings, &invalid, given));
    }

    let weights = (settings.weighting == Weighting::LastColumn).then_some(weights.as_slice());
    match fit(&settings.params, &rows, weights, &Partitions::one()) {
        Ok(fit) => FitOutcome::Trained(Fitted {
            centers: fit.centers,
            sizes: fit.sizes,
            rows: rows.len() as u64,
            dropped,
            iterations: fit.iterations,
            training_cost: fit.training_cost,
        }),
        Err(FitError::NotFinite { column, .. }) => {
            let infinite = (0..rows.len())
                .filter(|i| rows.row(*i)[column].is_infinite())
                .count();
            failed(format!(
                "feature \"{}\": {infinite} of {given} rows are infinite",
                settings.features[column]
            ))
        }
        Err(error) => failed(error.to_string()),
    }
}

fn describe_invalid(settings: &FitSettings, invalid: &[u64], given: u64) -> String {
    let names = settings
        .features
        .iter()
        .map(|name| format!("feature \"{name}\""))
        .chain(["the weight".to_owned()]);
    let parts: Vec<String> = names
        .zip(invalid)
        .filter(|(_, count)| **count > 0)
        .map(|(name, count)| format!("{name}: {count} of {given} rows are null or NaN"))
        .collect();
    format!(
        "{}; filter them with `where` or set handle_invalid = \"skip\"",
        parts.join(", ")
    )
}
