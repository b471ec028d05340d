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
use gugus_clusters::Fitted;
use gugus_kmeans::{RowForm, Rows, Stop, Stopped};
use gugus_kmeans_all::Weighting;
use gugus_spec::HandleInvalid;

use crate::error::external;
use crate::outcome::{FitOutcome, fields};
use crate::settings::FitSettings;

/// `gugus_fit(feature, …[, weight])` of Float64 columns, giving the struct of [`FitOutcome`].
///
/// The parameters are part of the function and not arguments. So two models of one plan have two functions of the same
/// name, each with its own [`FitSettings`]. [`crate::PlanCodec`] writes the settings into the plan.
#[derive(Clone, Debug)]
pub struct ModelFit {
    settings: Arc<FitSettings>,
    signature: Signature,
    stop: Stop,
}

impl ModelFit {
    /// The function's name in plans. No function of DataFusion or datafusion-spark begins with `gugus_`.
    pub const NAME: &str = "gugus_fit";

    /// The function for one model.
    #[must_use]
    pub fn new(settings: FitSettings) -> Self {
        let arguments = vec![DataType::Float64; settings.width()];
        Self {
            settings: Arc::new(settings),
            signature: Signature::exact(arguments, Volatility::Immutable),
            stop: Stop::default(),
        }
    }

    /// The same function, whose fits end after the signal of `stop`.
    pub(crate) fn until(&self, stop: &Stop) -> Self {
        let stop = stop.clone();
        Self {
            stop,
            ..self.clone()
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

impl PartialEq for ModelFit {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for ModelFit {}

impl Hash for ModelFit {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl AggregateUDFImpl for ModelFit {
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
            stop: self.stop.clone(),
        }))
    }

    /// One list of numbers, row after row. Only an aggregate that spills to disk writes this state, because a wave
    /// never merges states.
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

/// The points of one group: row-major, the weight last. A null is held as NaN, because both are treated alike.
#[derive(Debug)]
struct Points {
    settings: Arc<FitSettings>,
    values: Vec<f64>,
    stop: Stop,
}

impl Accumulator for Points {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let width = self.settings.width();
        if columns.len() != width {
            return exec_err!(
                "{} wants {width} columns and got {}",
                ModelFit::NAME,
                columns.len()
            );
        }
        append(&mut self.values, columns);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let outcome = fit_points(&self.settings, None, &self.values, &self.stop);
        let outcome = outcome.map_err(external)?;
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

/// Appends the rows of `columns`, which are Float64, to row-major `values`; a null becomes NaN.
pub(crate) fn append(values: &mut Vec<f64>, columns: &[ArrayRef]) {
    let (start, width) = (values.len(), columns.len());
    let rows = columns.first().map_or(0, |c| c.len());
    values.resize(start + rows * width, f64::NAN);
    for (index, column) in columns.iter().enumerate() {
        let column = column.as_primitive::<Float64Type>();
        let slots = values[start..].iter_mut().skip(index).step_by(width);
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
}

/// Sorts out rows that cannot be fitted, then fits the rest. `values` holds one row after another, the weight last; a
/// null is NaN. In a chain, `carried` is the model of the batch before.
///
/// # Errors
/// [`Stopped`] if the signal of `stop` comes before the end.
pub fn fit_points(
    settings: &FitSettings,
    carried: Option<&Fitted>,
    values: &[f64],
    stop: &Stop,
) -> Result<FitOutcome, Stopped> {
    stop.check()?;
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
        // Spark's VectorAssembler does the same: a null or a NaN makes a row unusable, an infinity does not. The fit
        // itself refuses infinities.
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
        return Ok(failed(describe_invalid(settings, &invalid, given)));
    }

    let weights = (settings.weighting == Weighting::LastColumn).then_some(weights.as_slice());
    Ok(
        match settings.algorithm.fit(carried, &rows, weights, stop) {
            Ok(mut fit) => {
                fit.summary.dropped = dropped;
                FitOutcome::Trained(fit)
            }
            Err(error) if error.is_stopped() => return Err(Stopped),
            Err(error) => failed(match error.not_finite_column() {
                Some(column) => {
                    let infinite = (0..rows.len()).filter(|i| rows.row(*i)[column].is_infinite());
                    format!(
                        "feature \"{}\": {} of {given} rows are infinite",
                        settings.features[column],
                        infinite.count()
                    )
                }
                None => error.to_string(),
            }),
        },
    )
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
