//! Models that runs could not train: they have no folder, so only runs know them.

use std::collections::HashSet;
use std::sync::Arc;

use gugus_models::{Extent, WindowKey};
use gugus_progress::ReportScope;
use gugus_spec::BatchNumber;
use gugus_train::ModelReport;

use super::models::Listing;
use super::shelf::{FailedModel, Shelf};
use crate::runs::RunId;

/// The newest runs of a store that are asked, and models of each that are remembered.
const RUNS: usize = 5;
const MODELS: usize = 2_000;

impl Shelf {
    /// The models of a store that failed in its newest runs, and that have no folder since.
    pub(crate) async fn failed(&self, models: &str, listing: &Listing) -> Vec<FailedModel> {
        let mut seen = HashSet::new();
        let mut failed = Vec::new();
        for (id, state) in self.runs_with_failures(models, RUNS) {
            let of_run = self.failed_of(id, state).await;
            for one in of_run.iter() {
                let new = seen.insert((one.model.clone(), one.extent.clone()));
                if new && !listing.has(&one.model, &one.extent) {
                    failed.push(one.clone());
                }
            }
        }
        failed
    }

    /// The failed models of one run; they are the same as long as `state` is.
    async fn failed_of(&self, id: RunId, state: String) -> Arc<Vec<FailedModel>> {
        let (runs, run) = (self.runs().clone(), id.clone());
        let key = (id.clone(), state);
        let read = async move {
            let models =
                tokio::task::spawn_blocking(move || runs.failed_models(&run, MODELS)).await;
            let models = models.unwrap_or_default().into_iter();
            let failed = models.filter_map(|model| of(model, &id));
            Arc::new(failed.collect::<Vec<_>>())
        };
        self.failures().get_with(key, read).await
    }
}

fn of(report: ModelReport, run: &RunId) -> Option<FailedModel> {
    let extent = match (report.batch, report.window) {
        (Some(batch), _) => Extent::Batch(BatchNumber::new(batch)?),
        (None, Some(key)) => Extent::Window(key.parse::<WindowKey>().ok()?),
        // A line about rows that are in no window is of no model.
        (None, None) if report.scope == ReportScope::Window => return None,
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use gugus_train::Outcome;

    use super::*;

    #[test]
    fn a_line_of_no_window_is_no_model_over_all_batches() {
        let run: RunId = "01kx3q2n8".parse().unwrap();
        let extent = |scope: ReportScope, batch: Option<u64>, window: Option<&str>| {
            let report = ModelReport {
                model: "m".to_owned(),
                scope,
                batch,
                window: window.map(str::to_owned),
                status: Outcome::Failed,
                reason: None,
                rows: 0,
                iterations: None,
                training_cost: None,
                sizes: Vec::new(),
                path: None,
                promotion: None,
            };
            of(report, &run).map(|failed| failed.extent)
        };
        let (batch, key) = (BatchNumber::new(7).unwrap(), "2024-01".parse().unwrap());
        assert_eq!(extent(ReportScope::Window, None, None), None);
        assert_eq!(
            extent(ReportScope::Window, None, Some("2024-01")),
            Some(Extent::Window(key))
        );
        assert_eq!(
            extent(ReportScope::Batch, Some(7), None),
            Some(Extent::Batch(batch))
        );
        assert_eq!(extent(ReportScope::All, None, None), Some(Extent::All));
        assert_eq!(extent(ReportScope::Unknown, None, None), Some(Extent::All));
    }
}
