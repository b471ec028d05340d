//! A model in memory, and its answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use gugus_clusters::{Centers, Fitted, Predictor};
use gugus_features::{Expressions, FeaturePlan};
use gugus_models::{Extent, SavedModel, Stamp};
use gugus_records::{Columns, Layout};
use gugus_spec::{Column, OtherColumns, Source};
use serde::Serialize;
use utoipa::ToSchema;

use crate::compared::Compared;
use crate::config::UnknownColumns;
use crate::problem::{Code, LoadError, Problem};
use crate::records::{self, Body};
use crate::weight;

/// The cluster of a record.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Cluster {
    /// The number of the cluster, from 0: of the nearest center, the nearest hot spot, the most probable Gaussian. -1 where
    /// no hot spot is near.
    pub(crate) cluster: i64,
    /// The probability of each cluster, by number, from a mixture of Gaussians; left out by other models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probabilities: Option<Vec<f64>>,
}

impl From<gugus_clusters::Prediction> for Cluster {
    fn from(prediction: gugus_clusters::Prediction) -> Self {
        Self {
            cluster: prediction.label(),
            probabilities: match prediction {
                gugus_clusters::Prediction::Probable { probabilities, .. } => Some(probabilities),
                _ => None,
            },
        }
    }
}

/// One cluster for one record, a list for a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Prediction {
    One(Cluster),
    Many(Vec<Cluster>),
}

/// A model, ready to be asked.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Its name.
    pub(crate) model: Arc<str>,
    /// The data that it was trained on.
    pub(crate) extent: Extent,
    /// The model as it was read, but with the centers only. `predictor` has the rest of the fitted model.
    pub(crate) saved: SavedModel,
    pub(crate) predictor: Predictor,
    input: Input,
    /// The columns that a record may have, if others are refused.
    known: Option<BTreeSet<String>>,
    /// Whether it is still what the store has.
    pub(crate) compared: Compared,
    /// How many bytes of memory it takes, about.
    pub(crate) bytes: u64,
}

/// The kind of records that a model takes.
#[derive(Debug)]
enum Input {
    /// Records by the columns that its expressions read.
    Columns {
        layout: Arc<Layout>,
        plan: FeaturePlan,
    },
    /// Bare numbers, because the model has no names of features.
    Numbers,
}

impl Loaded {
    /// Compiles a model. This is work for a thread that may block.
    pub(crate) fn new(
        model: Arc<str>,
        extent: Extent,
        mut saved: SavedModel,
        unknown_columns: UnknownColumns,
    ) -> Result<Self, LoadError> {
        let input = match &saved.about {
            None => Input::Numbers,
            Some(about) => {
                let features = Expressions::features(&about.features);
                let plan = FeaturePlan::new(&about.columns, OtherColumns::Utf8, &features)?;
                // The plan's columns, and not all saved columns. A record may lack the columns that only `where` and
                // `weight_col` read, because those two only choose the rows that the model learned from.
                let columns = plan.columns().to_vec();
                let source = Source {
                    columns,
                    other_columns: OtherColumns::Drop,
                    null_values: about.null_values.clone(),
                    ..Source::default()
                };
                Input::Columns {
                    layout: Layout::new(&source),
                    plan,
                }
            }
        };
        let bytes = weight::bytes(saved.about.as_ref(), &saved.fitted);
        let middles = Fitted::Centers(Centers {
            centers: saved.fitted.middles(),
            distance_measure: saved.fitted.distance_measure(),
        });
        let fitted = std::mem::replace(&mut saved.fitted, middles);
        let predictor = fitted.into_predictor()?;
        let known = match &saved.about {
            _ if unknown_columns == UnknownColumns::Ignore => None,
            Some(about) => Some(
                about
                    .columns
                    .iter()
                    .map(|column| column.name.clone())
                    .collect(),
            ),
            None => Some(["features".to_owned()].into()),
        };
        Ok(Self {
            model,
            extent,
            saved,
            predictor,
            input,
            known,
            compared: Compared::now(),
            bytes,
        })
    }

    /// The columns of a record that it reads; none when it takes numbers.
    pub(crate) fn columns(&self) -> &[Column] {
        match &self.input {
            Input::Columns { plan, .. } => plan.columns(),
            Input::Numbers => &[],
        }
    }

    pub(crate) fn stamp(&self) -> &Stamp {
        &self.saved.stamp
    }

    /// The cluster of each record of a body.
    pub(crate) fn predict(&self, body: &[u8]) -> Result<Prediction, Problem> {
        match Body::new(body) {
            Body::One(record) => {
                let clusters = self
                    .predict_all(std::iter::once(Ok(record)))
                    .map_err(|wrong| wrong.problem)?;
                let cluster = clusters.into_iter().next();
                cluster
                    .map(Prediction::One)
                    .ok_or_else(|| Problem::new(Code::WrongValue, "there is no record"))
            }
            Body::Many(records) => {
                self.predict_all(records)
                    .map(Prediction::Many)
                    .map_err(|wrong| match wrong.index {
                        Some(index) => wrong.problem.of_record(index),
                        None => wrong.problem,
                    })
            }
        }
    }

    fn predict_all<'a>(
        &self,
        records: impl Iterator<Item = Result<&'a [u8], Problem>>,
    ) -> Result<Vec<Cluster>, Wrong> {
        match &self.input {
            Input::Columns { layout, plan } => self.predict_columns(layout, plan, records),
            Input::Numbers => records
                .enumerate()
                .map(|(index, record)| self.predict_numbers(record?).map_err(Wrong::at(index)))
                .collect(),
        }
    }

    fn predict_numbers(&self, record: &[u8]) -> Result<Cluster, Problem> {
        let point = records::features(record)?;
        self.check_known(record)?;
        self.predict_point(&point, |d| format!("feature {d}"))
    }

    /// Refuses a record with columns that the model does not know, if the service is to do so.
    fn check_known(&self, record: &[u8]) -> Result<(), Problem> {
        let Some(known) = &self.known else {
            return Ok(());
        };
        let mut unknown = records::keys(record);
        unknown.retain(|key| !known.contains(key));
        if unknown.is_empty() {
            return Ok(());
        }
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        Err(Problem::unknown_columns(&unknown, &known))
    }

    fn predict_columns<'a>(
        &self,
        layout: &Arc<Layout>,
        plan: &FeaturePlan,
        records: impl Iterator<Item = Result<&'a [u8], Problem>>,
    ) -> Result<Vec<Cluster>, Wrong> {
        let mut columns = Columns::new(Arc::clone(layout));
        let mut texts = Vec::new();
        let mut wrong = None;
        for (index, record) in records.enumerate() {
            // The body itself is broken, so no record in it counts.
            let record = record?;
            let pushed = columns.push_json(record).map_err(Problem::from);
            if let Err(problem) = pushed.and_then(|()| self.check_known(record)) {
                wrong = Some(Wrong::at(index)(problem));
                break;
            }
            texts.push(record);
        }
        let rows = columns
            .finish()
            .map_err(|error| Problem::new(Code::WrongValue, error.to_string()))?;
        // A record before the one that is refused may have no features. Then that record is the first wrong one.
        let clusters = self.predict_rows(plan, &rows.slice(0, texts.len()), &texts)?;
        wrong.map_or(Ok(clusters), Err)
    }

    /// `texts` are the records of the rows.
    fn predict_rows(
        &self,
        plan: &FeaturePlan,
        rows: &RecordBatch,
        texts: &[&[u8]],
    ) -> Result<Vec<Cluster>, Wrong> {
        let check = |index: usize| match texts.get(index) {
            Some(text) => check_columns(plan, rows, index, text).map_err(Wrong::at(index)),
            None => Ok(()),
        };
        let features = match plan.evaluate(rows) {
            Ok(features) => features,
            // One error stands for all rows. Each row is tried alone to find the wrong one.
            Err(error) if rows.num_rows() > 1 => {
                for (index, text) in texts.iter().enumerate() {
                    self.predict_rows(plan, &rows.slice(index, 1), &[text])
                        .map_err(|e| Wrong::at(index)(e.problem))?;
                }
                return Err(Problem::from(error).into());
            }
            Err(error) => {
                check(0)?;
                return Err(Wrong::at(0)(error.into()));
            }
        };
        (0..features.len())
            .map(|index| {
                check(index)?;
                let point = features.row(index).map_err(|missing| {
                    let problem = Problem::from(&missing);
                    Wrong::at(index)(problem.because(&without_value(rows, index)))
                })?;
                self.predict_point(&point, |d| self.feature_name(d))
                    .map_err(Wrong::at(index))
            })
            .collect()
    }

    /// The cluster of a point; `name` gives a dimension's name for messages.
    pub(crate) fn predict_point(
        &self,
        point: &[f64],
        name: impl FnOnce(usize) -> String,
    ) -> Result<Cluster, Problem> {
        match self.predictor.predict(point) {
            Ok(prediction) => Ok(prediction.into()),
            Err(error) => Err(Problem::of_point(&error, name)),
        }
    }

    fn feature_name(&self, dimension: usize) -> String {
        let features = self.saved.about.iter().flat_map(|about| &about.features);
        features
            .skip(dimension)
            .map(|f| format!("feature {:?}", f.name))
            .next()
            .unwrap_or_default()
    }
}

/// A problem, and the index of its record if it has one.
#[derive(Debug)]
struct Wrong {
    index: Option<usize>,
    problem: Problem,
}

impl Wrong {
    fn at(index: usize) -> impl FnOnce(Problem) -> Self {
        move |problem| Self {
            index: Some(index),
            problem,
        }
    }
}

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Self {
        Self {
            index: None,
            problem,
        }
    }
}

/// Refuses a record that has none of the model's columns. Its features would be made of nulls, and a misspelt column would
/// get an answer.
fn check_columns(
    plan: &FeaturePlan,
    rows: &RecordBatch,
    index: usize,
    record: &[u8],
) -> Result<(), Problem> {
    // Only if all columns are null is it worth while to look at the keys.
    let columns = plan.columns();
    if columns.is_empty() || rows.columns().iter().any(|column| column.is_valid(index)) {
        return Ok(());
    }
    let keys = records::keys(record);
    if columns.iter().any(|column| keys.contains(&column.name)) {
        return Ok(());
    }
    Err(Problem::no_column(columns, &keys))
}

/// The columns that are null in a row.
fn without_value(rows: &RecordBatch, index: usize) -> Vec<String> {
    let schema = rows.schema();
    let names = schema.fields().iter().map(|field| field.name());
    names
        .zip(rows.columns())
        .filter(|(_, column)| column.is_null(index))
        .map(|(name, _)| name.clone())
        .collect()
}
