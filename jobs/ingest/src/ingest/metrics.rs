//! What a run tells a Prometheus server. Invariant: labels are of few values; no text of a record becomes one.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

use super::part::Part;

/// Upper bounds of the commit times, in seconds: an SSD syncs in milliseconds, an object store answers in tenths, and
/// what takes longer than ten seconds is trouble.
const COMMIT_SECONDS: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Counters and gauges of one ingest. Cheap to clone: clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    records: IntCounter,
    bytes: IntCounter,
    rejected: IntCounterVec,
    batches: IntCounter,
    commit_seconds: Histogram,
    consumer_lag: IntGaugeVec,
    write_lag: IntGaugeVec,
    write_lag_seconds: Gauge,
    partitions: IntGauge,
}

impl Metrics {
    /// Metrics that a registry shows.
    ///
    /// # Errors
    /// When the registry has them already.
    pub fn registered(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| IntCounter::new(name, help);
        let by =
            |name: &str, help: &str, label: &str| IntGaugeVec::new(Opts::new(name, help), &[label]);
        let metrics = Self {
            records: counter(
                "gugus_ingest_records_total",
                "Records read from the topic, accepted and rejected.",
            )?,
            bytes: counter(
                "gugus_ingest_bytes_total",
                "Bytes of the values of records read.",
            )?,
            rejected: IntCounterVec::new(
                Opts::new(
                    "gugus_ingest_rejected_total",
                    "Records rejected, by kind of reason.",
                ),
                &["reason"],
            )?,
            batches: counter("gugus_ingest_batches_total", "Batches committed.")?,
            commit_seconds: Histogram::with_opts(
                HistogramOpts::new(
                    "gugus_ingest_commit_seconds",
                    "Time from a full batch to its being in the log: encoding, writing, syncing.",
                )
                .buckets(COMMIT_SECONDS.to_vec()),
            )?,
            consumer_lag: by(
                "gugus_ingest_consumer_lag",
                "Records of an assigned partition that are not read yet.",
                "partition",
            )?,
            write_lag: by(
                "gugus_ingest_write_lag",
                "Records of an assigned partition that are not in a batch yet.",
                "partition",
            )?,
            write_lag_seconds: Gauge::new(
                "gugus_ingest_write_lag_seconds",
                "How long the oldest record in memory has waited to be in a batch.",
            )?,
            partitions: IntGauge::new(
                "gugus_ingest_assigned_partitions",
                "Partitions that this process reads.",
            )?,
        };
        registry.register(Box::new(metrics.records.clone()))?;
        registry.register(Box::new(metrics.bytes.clone()))?;
        registry.register(Box::new(metrics.rejected.clone()))?;
        registry.register(Box::new(metrics.batches.clone()))?;
        registry.register(Box::new(metrics.commit_seconds.clone()))?;
        registry.register(Box::new(metrics.consumer_lag.clone()))?;
        registry.register(Box::new(metrics.write_lag.clone()))?;
        registry.register(Box::new(metrics.write_lag_seconds.clone()))?;
        registry.register(Box::new(metrics.partitions.clone()))?;
        Ok(metrics)
    }

    pub(super) fn read(&self, bytes: usize) {
        self.records.inc();
        self.bytes.inc_by(bytes as u64);
    }

    pub(super) fn rejected(&self, kind: &str) {
        self.rejected.with_label_values(&[kind]).inc();
    }

    pub(super) fn committed(&self, took: Duration) {
        self.batches.inc();
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// Sets what is measured now and then. `highs` are the ends of partitions, as far as they are known.
    pub(super) fn tell(
        &self,
        parts: &BTreeMap<i32, Part>,
        highs: &BTreeMap<i32, i64>,
        oldest: Duration,
    ) {
        self.partitions
            .set(i64::try_from(parts.len()).unwrap_or(i64::MAX));
        self.write_lag_seconds.set(oldest.as_secs_f64());
        // A partition that went to another process is told of there.
        self.consumer_lag.reset();
        self.write_lag.reset();
        for (partition, part) in parts {
            if let Some(high) = highs.get(partition) {
                let label = partition.to_string();
                let behind = |from: i64| high.saturating_sub(from).max(0);
                self.consumer_lag
                    .with_label_values(&[&label])
                    .set(behind(part.next));
                self.write_lag
                    .with_label_values(&[&label])
                    .set(behind(part.written));
            }
        }
    }
}
