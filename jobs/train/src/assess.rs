//! How well given centers fit the rows of some batches: the passes of an assessment.

use gugus_kmeans::DistanceMeasure;
use gugus_kmeans_all::{Assessed, Assessment};
use gugus_submit::Jobs;

use crate::batches::Batches;
use crate::error::Error;
use crate::passes::{Passed, Passes, describe};
use crate::work::ModelWork;

/// Assesses `centers` on the rows of these batches, or says why the rows do not allow that.
///
/// # Errors
/// [`Error`], where the rows are not to blame.
pub async fn assess(
    jobs: &Jobs<'_>,
    work: &ModelWork,
    (centers, measure): (&[Vec<f64>], DistanceMeasure),
    batches: &Batches,
) -> Result<Result<Assessed, String>, Error> {
    let mut assessment = Assessment::new(
        centers.to_vec(),
        measure,
        work.plan.width(),
        work.plan.weighting(),
        work.model.handle_invalid,
    );
    let mut passes = Passes::new(jobs, work, measure, batches)?;
    while let Some(step) = assessment.step() {
        let merged = match passes.run(&step).await? {
            Passed::All(merged) => merged,
            Passed::Failed(reason) => return Ok(Err(reason)),
        };
        if let Err(error) = assessment.absorb(merged) {
            let (reason, _) = describe(work, error)?;
            return Ok(Err(reason));
        }
    }
    let assessed = assessment.finish();
    Ok(assessed.ok_or_else(|| "it ended without a result".to_owned()))
}
