//! The metrics of a scheduler.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ballista_core::JobId;
use ballista_core::error::BallistaError;
use ballista_scheduler::metrics::SchedulerMetricsCollector;
use prometheus::{
    Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TEXT_FORMAT,
    TextEncoder, register_histogram_with_registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry, register_int_gauge_vec_with_registry,
    register_int_gauge_with_registry,
};

use gugus_pages::run::{Run, RunState};

use super::standing_metrics::StandingMetrics;

/// Bounds of the histogram of how long Ballista jobs take, in seconds: from one that does nothing to one that waits for
/// an executor.
const BUCKETS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0];

/// What is counted when somebody asks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) executors: usize,
    pub(crate) slots: usize,
    pub(crate) lost_executors: u64,
    pub(crate) running_tasks: usize,
    pub(crate) pending_tasks: usize,
    pub(crate) direct_runs: usize,
}

/// A scheduler's metrics. Ballista tells it of its jobs; the rest is looked up when somebody asks.
#[derive(Debug)]
pub(crate) struct SchedulerMetrics {
    registry: Registry,
    jobs: IntCounterVec,
    seconds: Histogram,
    running: IntGauge,
    pending: IntGauge,
    executors: IntGauge,
    lost: IntCounter,
    direct: IntGauge,
    slots: IntGauge,
    runs: IntGaugeVec,
    standing: StandingMetrics,
    /// Held from the first figure that is set to the text: nobody reads figures that another request is setting.
    asking: Mutex<()>,
}

impl SchedulerMetrics {
    /// Makes the metrics and registers them.
    pub(crate) fn registered(registry: &Registry) -> Result<Arc<Self>, prometheus::Error> {
        let gauge = |name, help| register_int_gauge_with_registry!(name, help, registry);
        let metrics = Self {
            registry: registry.clone(),
            jobs: register_int_counter_vec_with_registry!(
                "gugus_ballista_jobs_total",
                "Ballista jobs by what became of them.",
                &["event"],
                registry
            )?,
            seconds: register_histogram_with_registry!(
                "gugus_ballista_job_seconds",
                "From the queue to the end of Ballista jobs that were successful.",
                BUCKETS.to_vec(),
                registry
            )?,
            running: gauge("gugus_ballista_running_tasks", "Tasks that run.")?,
            pending: gauge(
                "gugus_ballista_pending_tasks",
                "Groups of files or rows that wait for a task.",
            )?,
            executors: gauge("gugus_executors", "Executors that are registered.")?,
            lost: register_int_counter_with_registry!(
                "gugus_executors_lost_total",
                "Executors that were lost, without those that left.",
                registry
            )?,
            direct: gauge(
                "gugus_direct_runs",
                "Runs of `gugus train` on this cluster that had a Ballista job within the last minute.",
            )?,
            slots: gauge(
                "gugus_task_slots",
                "Tasks that all executors run at a time.",
            )?,
            runs: register_int_gauge_vec_with_registry!(
                "gugus_runs",
                "Runs that are kept, by their state.",
                &["state"],
                registry
            )?,
            standing: StandingMetrics::registered(registry)?,
            asking: Mutex::default(),
        };
        for event in ["submitted", "completed", "failed", "cancelled"] {
            metrics.jobs.with_label_values(&[event]);
        }
        Ok(Arc::new(metrics))
    }

    /// All metrics in Prometheus' text format, with what was just counted.
    pub(crate) fn text_with(
        &self,
        counted: &Counted,
        runs: &[Run],
    ) -> Result<String, prometheus::Error> {
        let _asking = self.asking();
        self.set(counted, runs);
        self.gathered()
    }

    /// The same, with what was counted last.
    fn text(&self) -> Result<String, prometheus::Error> {
        let _asking = self.asking();
        self.gathered()
    }

    fn set(&self, counted: &Counted, runs: &[Run]) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.executors.set(number(counted.executors));
        self.slots.set(number(counted.slots));
        self.running.set(number(counted.running_tasks));
        self.pending.set(number(counted.pending_tasks));
        self.direct.set(number(counted.direct_runs));
        // The number never falls.
        let lost = counted.lost_executors.saturating_sub(self.lost.get());
        self.lost.inc_by(lost);
        for state in RunState::ALL {
            self.runs
                .with_label_values(&[state.word()])
                .set(number(runs.iter().filter(|run| run.state == state).count()));
        }
        self.standing.set(runs);
    }

    fn gathered(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    fn asking(&self) -> MutexGuard<'_, ()> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, event: &str) {
        self.jobs.with_label_values(&[event]).inc();
    }
}

/// [`SchedulerMetrics`] as Ballista takes it.
pub(crate) struct Collector(pub(crate) Arc<SchedulerMetrics>);

impl SchedulerMetricsCollector for Collector {
    fn record_submitted(&self, _: &JobId, _: u64, _: u64) {
        self.0.count("submitted");
    }

    fn record_completed(&self, _: &JobId, queued_at: u64, completed_at: u64) {
        self.0.count("completed");
        let milliseconds = completed_at.saturating_sub(queued_at);
        self.0
            .seconds
            .observe(std::time::Duration::from_millis(milliseconds).as_secs_f64());
    }

    fn record_failed(&self, _: &JobId, _: u64, _: u64) {
        self.0.count("failed");
    }

    fn record_cancelled(&self, _: &JobId) {
        self.0.count("cancelled");
    }

    /// Tasks that wait are counted when somebody asks.
    fn set_pending_tasks_queue_size(&self, _: u64) {}

    fn gather_metrics(&self) -> ballista_core::error::Result<Option<(Vec<u8>, String)>> {
        let text = self
            .0
            .text()
            .map_err(|error| BallistaError::General(error.to_string()))?;
        Ok(Some((text.into_bytes(), TEXT_FORMAT.to_owned())))
    }
}
