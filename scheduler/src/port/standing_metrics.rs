//! The metrics of standing runs, by job. Only runs that follow or are paused have them, so the labels are as few as such runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use gugus_pages::run::Run;
use gugus_progress::{Lag, ModelReport, Outcome};
use gugus_spec::JobName;
use gugus_train::Observer;
use prometheus::{
    Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    register_gauge_vec_with_registry, register_int_counter_vec_with_registry,
    register_int_gauge_vec_with_registry,
};

/// How far standing runs are behind, and what they have trained.
#[derive(Debug)]
pub(super) struct StandingMetrics {
    lag_batches: IntGaugeVec,
    lag_seconds: GaugeVec,
    trained: IntCounterVec,
    failed: IntCounterVec,
}

/// The figures of all standing runs of one job.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Figures {
    batches: u64,
    seconds: f64,
    trained: u64,
    failed: u64,
}

impl StandingMetrics {
    pub(super) fn registered(registry: &Registry) -> Result<Self, prometheus::Error> {
        // `job` is a label of Prometheus itself, which would rename ours.
        let by = &["job_name"];
        let counter =
            |name, help| register_int_counter_vec_with_registry!(name, help, by, registry);
        Ok(Self {
            lag_batches: register_int_gauge_vec_with_registry!(
                "gugus_follow_lag_batches",
                "Batches that standing runs have not trained on yet.",
                by,
                registry
            )?,
            lag_seconds: register_gauge_vec_with_registry!(
                "gugus_follow_lag_seconds",
                "The age of the oldest batch that standing runs have not trained on; 0 where there is none.",
                by,
                registry
            )?,
            trained: counter(
                "gugus_follow_trained_total",
                "Models that standing runs trained since they began or went on.",
            )?,
            failed: counter(
                "gugus_follow_failed_total",
                "Models that the data did not allow, since standing runs began or went on.",
            )?,
        })
    }

    /// Sets the figures to those of the runs as they are now. Only one request may do so at a time.
    pub(super) fn set(&self, runs: &[Run]) {
        self.lag_batches.reset();
        self.lag_seconds.reset();
        self.trained.reset();
        self.failed.reset();
        for (job, of) in figures(runs) {
            let by = [job];
            let batches = i64::try_from(of.batches).unwrap_or(i64::MAX);
            self.lag_batches.with_label_values(&by).set(batches);
            self.lag_seconds.with_label_values(&by).set(of.seconds);
            self.trained.with_label_values(&by).inc_by(of.trained);
            self.failed.with_label_values(&by).inc_by(of.failed);
        }
    }
}

/// Registers the metrics of one standing run that its own process drives, and gives the observer that counts them.
///
/// # Errors
/// If the registry has them already.
pub fn follow_metrics(
    registry: &Registry,
    job: &JobName,
) -> Result<Arc<dyn Observer>, prometheus::Error> {
    let metrics = StandingMetrics::registered(registry)?;
    let by = [job.as_str()];
    Ok(Arc::new(Followed {
        lag_batches: metrics.lag_batches.with_label_values(&by),
        lag_seconds: metrics.lag_seconds.with_label_values(&by),
        trained: metrics.trained.with_label_values(&by),
        failed: metrics.failed.with_label_values(&by),
    }))
}

/// The metrics of one standing run.
#[derive(Debug)]
struct Followed {
    lag_batches: IntGauge,
    lag_seconds: Gauge,
    trained: IntCounter,
    failed: IntCounter,
}

impl Observer for Followed {
    fn model(&self, line: &ModelReport) {
        match line.status {
            Outcome::Trained => self.trained.inc(),
            Outcome::Failed => self.failed.inc(),
            Outcome::Skipped | Outcome::Planned => {}
        }
    }

    fn lag(&self, lag: Lag) {
        let batches = i64::try_from(lag.batches).unwrap_or(i64::MAX);
        self.lag_batches.set(batches);
        self.lag_seconds.set(lag.seconds);
    }
}

/// The figures by job: the oldest batch of all its runs counts, everything else is added up.
fn figures(runs: &[Run]) -> BTreeMap<&str, Figures> {
    let mut all: BTreeMap<&str, Figures> = BTreeMap::new();
    for run in runs.iter().filter(|run| !run.state.is_final()) {
        let Some(follow) = &run.follow else {
            continue;
        };
        let of = all.entry(run.job.as_str()).or_default();
        of.batches += follow.lag.batches;
        of.seconds = of.seconds.max(follow.lag.seconds);
        of.trained += run.trained;
        of.failed += run.failed;
    }
    all
}
