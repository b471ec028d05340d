//! Models that runs could not train: they have no folder, so only the reports of runs know them.

use std::collections::HashSet;
use std::sync::Arc;

use gugus_models::{Extent, WindowKey};
use gugus_spec::BatchNumber;
use gugus_train::{ModelReport, Outcome};

use super::models::Listing;
use super::shelf::{FailedModel, Shelf};
use crate::runs::RunId;

/// The newest runs of a store whose reports are read, and models of each that are remembered.
const RUNS: usize = 5;
const MODELS: usize = 2_000;

impl Shelf {
    /// The models of a store that failed in its newest runs, and that have no folder since.
    pub(crate) async fn failed(&self, models: &str, listing: &Listing) -> Vec<FailedModel> {
        let mut seen = HashSet::new();
        let mut failed = Vec::new();
        for (id, ended) in self.runs_with_failures(models, RUNS) {
            let of_run = self.failed_of(id, ended).await;
            for one in of_run.iter() {
                let new = seen.insert((one.model.clone(), one.extent.clone()));
                if new && !listing.has(&one.model, &one.extent) {
                    failed.push(one.clone());
                }
            }
        }
        failed
    }

    /// The failed models of one run that has ended.
    async fn failed_of(&self, id: RunId, ended: String) -> Arc<Vec<FailedModel>> {
        let (runs, run) = (self.runs().clone(), id.clone());
        let key = (id.clone(), ended);
        let read = async move {
            let detail = tokio::task::spawn_blocking(move || runs.detail(&run)).await;
            let report = detail
                .ok()
                .and_then(Result::ok)
                .and_then(|detail| detail.report);
            let models = report.map(|report| report.models).unwrap_or_default();
            let failed = models
                .into_iter()
                .filter(|model| model.status == Outcome::Failed);
            let failed = failed.filter_map(|model| of(model, &id)).take(MODELS);
            Arc::new(failed.collect::<Vec<_>>())
        };
        self.failures().get_with(key, read).await
    }
}

fn of(report: ModelReport, run: &RunId) -> Option<FailedModel> {
    let extent = match (report.batch, report.window) {
        (Some(batch), _) => Extent::Batch(BatchNumber::new(batch)?),
        (None, Some(key)) => Extent::Window(key.parse::<WindowKey>().ok()?),
        (None, None) => Extent::All,
    };
    Some(FailedModel {
        model: report.model,
        extent,
        reason: report
            .reason
            .unwrap_or_else(|| "no reason is known".to_owned()),
        run: run.clone(),
    })
}
