//! One model to train: what the job file says of it, with its expressions compiled.

use std::collections::BTreeSet;
use std::fmt;

use gugus_features::{Expressions, FeaturePlan, FitSettings};
use gugus_spec::{Column, Job, Model, ModelName, OtherColumns, nearest, quote_identifier};

use crate::error::Error;
use crate::promotion::Promotion;

/// One model, compiled.
#[derive(Clone, Debug)]
pub struct ModelWork {
    /// What the job file says of it.
    pub model: Model,
    /// How rows become points.
    pub plan: FeaturePlan,
    /// When a new model takes an alias.
    pub(crate) promotion: Option<Promotion>,
}

impl ModelWork {
    /// Compiles the expressions of a model over these columns.
    ///
    /// # Errors
    /// [`Error::Expression`] where one cannot be used.
    pub fn compile(model: Model, columns: &[Column], other: OtherColumns) -> Result<Self, Error> {
        let wrong = |source| Error::Expression {
            model: model.name.clone(),
            source,
        };
        let plan = FeaturePlan::new(columns, other, &Expressions::from(&model)).map_err(wrong)?;
        let promotion = model.promote.as_ref().map(Promotion::new);
        let promotion = promotion.transpose().map_err(wrong)?;
        let without = promotion
            .as_ref()
            .and_then(|of| of.without(&model.algorithm));
        if let Some(metric) = without {
            return Err(Error::Metric {
                model: model.name,
                metric,
                algorithm: model.algorithm.name(),
            });
        }
        Ok(Self {
            model,
            plan,
            promotion,
        })
    }

    /// Compiles the expressions of a model of this job.
    pub(crate) fn of_job(job: &Job, model: &Model) -> Result<Self, Error> {
        let source = &job.source;
        Self::compile(model.clone(), &source.columns, source.other_columns)
    }

    /// What the executors need for a fit.
    pub(crate) fn settings(&self) -> FitSettings {
        FitSettings {
            algorithm: self.model.algorithm.clone(),
            features: self.model.features.iter().map(|f| f.name.clone()).collect(),
            weighting: self.plan.weighting(),
            handle_invalid: self.model.handle_invalid,
        }
    }
}

/// A model reads a column that the job file does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undeclared {
    /// The model.
    pub model: ModelName,
    /// The column.
    pub column: String,
    /// The known column whose name is most like it.
    pub nearest: Option<String>,
}

impl Undeclared {
    /// The columns of this model that are not among those of the job and these others.
    pub(crate) fn of<'a>(
        job: &'a Job,
        work: &'a ModelWork,
        others: &'a BTreeSet<String>,
    ) -> impl Iterator<Item = Self> + 'a {
        let declared = job.source.columns.iter().map(|c| c.name.as_str());
        let known: Vec<&str> = declared.chain(others.iter().map(String::as_str)).collect();
        let missing = work.plan.undeclared().iter();
        let missing = missing.filter(|name| !others.contains(*name));
        missing.map(move |name| Self {
            model: work.model.name.clone(),
            column: name.clone(),
            nearest: nearest(name, &known).map(str::to_owned),
        })
    }

    /// The error where no batch has the column either.
    pub(crate) fn refused(self) -> Error {
        Error::NoSuchColumn {
            column: quote_identifier(&self.column),
            hint: self.hint(),
            model: self.model,
        }
    }

    /// What to write instead, as the end of a sentence.
    fn hint(&self) -> String {
        match &self.nearest {
            None => String::new(),
            Some(near) if near.to_lowercase() == self.column => format!(
                "; write {} in double quotes, because SQL reads other names in lower case",
                quote_identifier(near)
            ),
            Some(near) => format!("; did you mean {}", quote_identifier(near)),
        }
    }
}

impl fmt::Display for Undeclared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (model, column) = (&self.model, quote_identifier(&self.column));
        write!(f, "model \"{model}\" reads the column {column}, ")?;
        write!(f, "which the job file does not have{}", self.hint())
    }
}

/// Compiles every expression of a job file, as training would. Gives the columns that only the batches can have.
///
/// # Errors
/// [`Error::Expression`] for the first that cannot be used.
pub fn check(job: &Job) -> Result<Vec<Undeclared>, Error> {
    let mut undeclared = Vec::new();
    for model in &job.models {
        let work = ModelWork::of_job(job, model)?;
        undeclared.extend(Undeclared::of(job, &work, &BTreeSet::new()));
    }
    Ok(undeclared)
}
