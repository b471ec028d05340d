//! One model to train: what the job file says of it, with its expressions compiled.

use gugus_features::{Expressions, FeaturePlan, FitSettings};
use gugus_spec::{Column, Job, Model, OtherColumns};

use crate::error::Error;

/// One model, compiled.
#[derive(Clone, Debug)]
pub struct ModelWork {
    /// What the job file says of it.
    pub model: Model,
    /// How rows become points.
    pub plan: FeaturePlan,
}

impl ModelWork {
    /// Compiles the expressions of a model over these columns.
    ///
    /// # Errors
    /// [`Error::Expression`] where one cannot be used.
    pub fn compile(model: Model, columns: &[Column], other: OtherColumns) -> Result<Self, Error> {
        match FeaturePlan::new(columns, other, &Expressions::from(&model)) {
            Ok(plan) => Ok(Self { model, plan }),
            Err(source) => Err(Error::Expression {
                model: model.name,
                source,
            }),
        }
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

/// Compiles every expression of a job file, as training would.
///
/// # Errors
/// [`Error::Expression`] for the first that cannot be used.
pub fn check(job: &Job) -> Result<(), Error> {
    let mut models = job.models.iter();
    models.try_for_each(|model| ModelWork::of_job(job, model).map(drop))
}
