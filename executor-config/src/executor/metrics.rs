//! The metrics of an executor.

use std::sync::Arc;

use datafusion::execution::memory_pool::{MemoryLimit, MemoryPool};
use gugus_features::FeatureCache;
use gugus_progress::Load;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{
    IntCounter, IntCounterVec, IntGauge, Registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry, register_int_gauge_with_registry,
};

use crate::runtime::memory::resident;

/// An executor's metrics.
#[derive(Clone, Debug)]
pub(super) struct ExecutorMetrics {
    cache: Arc<FeatureCache>,
    pub(super) running: IntGauge,
    pub(super) tasks: IntCounterVec,
    pub(super) fetches: IntCounter,
    pub(super) connected: IntGauge,
    pub(super) lost_reports: IntCounter,
    pub(super) slots: IntGauge,
    pub(super) memory_limit: IntGauge,
    pub(super) memory_reserved: IntGauge,
}

impl ExecutorMetrics {
    /// Makes the metrics and registers them; fails when the registry has metrics of these names already.
    pub(super) fn registered(
        registry: &Registry,
        cache: Arc<FeatureCache>,
    ) -> Result<Self, prometheus::Error> {
        let gauge = |name, help| register_int_gauge_with_registry!(name, help, registry);
        let counter = |name, help| register_int_counter_with_registry!(name, help, registry);
        let metrics = Self {
            cache: Arc::clone(&cache),
            running: gauge("gugus_executor_tasks_running", "Tasks that run now.")?,
            tasks: register_int_counter_vec_with_registry!(
                "gugus_executor_tasks_total",
                "Tasks that ended.",
                &["result"],
                registry
            )?,
            fetches: counter("gugus_executor_fetches_total", "Requests for results.")?,
            connected: gauge(
                "gugus_executor_scheduler_connected",
                "1 while the scheduler answers heartbeats, else 0.",
            )?,
            lost_reports: counter(
                "gugus_executor_reports_lost_total",
                "Statuses of tasks that the scheduler may not have got.",
            )?,
            slots: gauge(
                "gugus_executor_task_slots",
                "Tasks that can run at the same time.",
            )?,
            memory_limit: gauge(
                "gugus_executor_memory_limit_bytes",
                "What tasks may hold together; 0 when there is no limit.",
            )?,
            memory_reserved: gauge(
                "gugus_executor_memory_reserved_bytes",
                "What tasks hold of it, as of the last heartbeat.",
            )?,
        };
        for result in ["done", "failed", "cancelled"] {
            metrics.tasks.with_label_values(&[result]);
        }
        registry.register(Box::new(CacheMetrics::new(cache)?))?;
        Ok(metrics)
    }

    /// Sets the gauges for the resources of the executor.
    pub(super) fn show_limits(&self, slots: usize, memory: &dyn MemoryPool) {
        self.slots.set(number(slots));
        self.memory_limit.set(match memory.memory_limit() {
            MemoryLimit::Finite(bytes) => number(bytes),
            _ => 0,
        });
    }

    /// Sets the gauge for the memory that tasks hold now.
    pub(super) fn show_reserved(&self, memory: &dyn MemoryPool) {
        self.memory_reserved.set(number(memory.reserved()));
    }

    /// What the scheduler is told with a heartbeat, for its pages.
    pub(super) fn load(&self) -> Load {
        let ended = |result| self.tasks.with_label_values(&[result]).get();
        let cache = self.cache.figures();
        Load {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            running: count(&self.running),
            done: ended("done"),
            failed: ended("failed"),
            cancelled: ended("cancelled"),
            memory_used: count(&self.memory_reserved),
            memory_limit: count(&self.memory_limit),
            process: resident(),
            cache_bytes: cache.bytes as u64,
            cache_hits: cache.hits,
            cache_misses: cache.misses,
        }
    }
}

/// The content of the feature cache, looked up whenever the metrics are read.
struct CacheMetrics {
    cache: Arc<FeatureCache>,
    bytes: IntGauge,
    files: IntGauge,
    hits: IntCounter,
    misses: IntCounter,
}

impl CacheMetrics {
    fn new(cache: Arc<FeatureCache>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            cache,
            bytes: IntGauge::new(
                "gugus_executor_feature_cache_bytes",
                "What decoded features take, which are kept between passes.",
            )?,
            files: IntGauge::new(
                "gugus_executor_feature_cache_files",
                "Files whose features are kept.",
            )?,
            hits: IntCounter::new(
                "gugus_executor_feature_cache_hits_total",
                "How often a pass found a file's features.",
            )?,
            misses: IntCounter::new(
                "gugus_executor_feature_cache_misses_total",
                "How often a pass had to read a file.",
            )?,
        })
    }

    fn all(&self) -> [&dyn Collector; 4] {
        [&self.bytes, &self.files, &self.hits, &self.misses]
    }
}

impl Collector for CacheMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let figures = self.cache.figures();
        self.bytes.set(number(figures.bytes));
        self.files.set(number(figures.files));
        for (counter, value) in [(&self.hits, figures.hits), (&self.misses, figures.misses)] {
            // The cache counts these itself, and the counts never fall.
            counter.inc_by(value.saturating_sub(counter.get()));
        }
        self.all()
            .into_iter()
            .flat_map(Collector::collect)
            .collect()
    }
}

fn count(gauge: &IntGauge) -> u64 {
    u64::try_from(gauge.get()).unwrap_or(0)
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
