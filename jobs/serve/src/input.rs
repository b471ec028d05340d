//! The records that a model takes.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use gugus_features::{EvaluateError, Expressions, FeaturePlan, FeatureRows, PlanError};
use gugus_models::SavedModel;
use gugus_records::Layout;
use gugus_spec::{Column, ColumnType, Nullability, OtherColumns, Source};

use crate::config::UnknownColumns;
use crate::options::Strictness;
use crate::problem::{Code, Problem};

/// The records that a model takes.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) kind: Kind,
    /// The columns that a record may have.
    known: BTreeSet<String>,
    unknown_columns: UnknownColumns,
}

/// The kind of records.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Records by the columns that the model's expressions read.
    Columns {
        layout: Arc<Layout>,
        plan: FeaturePlan,
    },
    /// Bare numbers, because the model has no names of features.
    Numbers,
}

impl Input {
    pub(crate) fn new(
        saved: &SavedModel,
        unknown_columns: UnknownColumns,
    ) -> Result<Self, PlanError> {
        let Some(about) = &saved.about else {
            return Ok(Self {
                kind: Kind::Numbers,
                known: ["features".to_owned()].into(),
                unknown_columns,
            });
        };
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
        Ok(Self {
            kind: Kind::Columns {
                layout: Layout::new(&source),
                plan,
            },
            known: about
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect(),
            unknown_columns,
        })
    }

    /// The columns of a record that are read; none when it takes numbers.
    pub(crate) fn columns(&self) -> &[Column] {
        match &self.kind {
            Kind::Columns { plan, .. } => plan.columns(),
            Kind::Numbers => &[],
        }
    }

    /// The features of records.
    pub(crate) fn features(&self, rows: &RecordBatch) -> Result<FeatureRows, EvaluateError> {
        match &self.kind {
            Kind::Columns { plan, .. } => plan.evaluate(rows),
            Kind::Numbers => FeatureRows::of(rows),
        }
    }

    /// Whether columns that the model does not know are refused.
    pub(crate) fn refuses_unknown(&self, strictness: Strictness) -> bool {
        strictness == Strictness::Strict || self.unknown_columns == UnknownColumns::Refuse
    }

    /// Refuses columns that the model does not know, if this is to be done.
    pub(crate) fn check_known(
        &self,
        names: &[String],
        strictness: Strictness,
    ) -> Result<(), Problem> {
        if !self.refuses_unknown(strictness) {
            return Ok(());
        }
        let is_unknown = |name: &&String| !self.known.contains(*name);
        let unknown: Vec<&String> = names.iter().filter(is_unknown).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
        Err(Problem::unknown_columns(&unknown, &known))
    }

    /// Refuses a record that lacks all columns of the model. Its features would be made of nulls, and a misspelt column
    /// would get an answer. Strictly, a record may lack none of them.
    pub(crate) fn check_present(
        &self,
        names: &[String],
        strictness: Strictness,
    ) -> Result<(), Problem> {
        let columns = self.columns();
        let is_there = |column: &&Column| names.contains(&column.name);
        if !columns.is_empty() && !columns.iter().any(|column| is_there(&column)) {
            return Err(Problem::no_column(columns, names));
        }
        match columns.iter().find(|column| !is_there(column)) {
            Some(missing) if strictness == Strictness::Strict => Err(Problem::new(
                Code::MissingField,
                format!(
                    "the record has no column {:?}, and strict=true needs all that the model reads",
                    missing.name
                ),
            )),
            _ => Ok(()),
        }
    }

    /// The layout of rows whose columns a header names, for all of them together.
    ///
    /// A model without names of features takes one column per feature, in the order of features, under any names.
    pub(crate) fn layout_of(
        &self,
        names: &[String],
        dimensions: usize,
        strictness: Strictness,
    ) -> Result<Arc<Layout>, Problem> {
        match &self.kind {
            Kind::Columns { layout, .. } => {
                self.check_present(names, strictness)?;
                self.check_known(names, strictness)?;
                Ok(Arc::clone(layout))
            }
            Kind::Numbers if names.len() != dimensions => Err(Problem::new(
                Code::WrongValue,
                format!(
                    "there are {} columns, and this model takes {dimensions}, one per feature in their order",
                    names.len()
                ),
            )),
            Kind::Numbers => {
                let columns = names.iter().map(|name| Column {
                    name: name.clone(),
                    data_type: ColumnType::Float64,
                    nullability: Nullability::Required,
                });
                Ok(Layout::new(&Source {
                    columns: columns.collect(),
                    other_columns: OtherColumns::Drop,
                    ..Source::default()
                }))
            }
        }
    }
}
