//! The metrics of a run, for a Prometheus server. Invariant: labels have few values, and no text of a record becomes one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

use super::partition::Partition;

/// Upper bounds of the commit times, in seconds. An SSD syncs in milliseconds, an object store answers in tenths of a
/// second, and a commit of more than ten seconds is trouble.
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
    connected: IntGauge,
}

impl Metrics {
    /// Metrics that a registry shows.
    ///
    /// # Errors
    /// If the registry has them already.
    pub fn registered(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| show(registry, IntCounter::new(name, help)?);
        let by = |name: &str, help: &str, label: &str| {
            show(registry, IntGaugeVec::new(Opts::new(name, help), &[label])?)
        };
        let rejected = Opts::new(
            "gugus_ingest_rejected_total",
            "Records rejected, by kind of reason.",
        );
        let commit_seconds = HistogramOpts::new(
            "gugus_ingest_commit_seconds",
            "Time from a full batch to its being in the log: encoding, writing, syncing.",
        )
        .buckets(COMMIT_SECONDS.to_vec());
        let write_lag_seconds = Gauge::new(
            "gugus_ingest_write_lag_seconds",
            "How long the oldest record in memory has waited to be in a batch.",
        );
        let partitions = IntGauge::new(
            "gugus_ingest_assigned_partitions",
            "Partitions that this process reads.",
        );
        let connected = IntGauge::new(
            "gugus_ingest_brokers_connected",
            "1 while the brokers of all partitions of this process answer, else 0.",
        );
        Ok(Self {
            records: counter(
                "gugus_ingest_records_total",
                "Records read from the topic, accepted and rejected.",
            )?,
            bytes: counter(
                "gugus_ingest_bytes_total",
                "Bytes of the values of records read.",
            )?,
            rejected: show(registry, IntCounterVec::new(rejected, &["reason"])?)?,
            batches: counter("gugus_ingest_batches_total", "Batches committed.")?,
            commit_seconds: show(registry, Histogram::with_opts(commit_seconds)?)?,
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
            write_lag_seconds: show(registry, write_lag_seconds?)?,
            partitions: show(registry, partitions?)?,
            connected: show(registry, connected?)?,
        })
    }

    /// Counts a record, with the kind of reason when it was rejected.
    pub(super) fn read(&self, bytes: usize, taken: Result<(), &'static str>) {
        self.records.inc();
        self.bytes.inc_by(bytes as u64);
        if let Err(kind) = taken {
            self.rejected.with_label_values(&[kind]).inc();
        }
    }

    pub(super) fn committed(&self, took: Duration) {
        self.batches.inc();
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// Shows whether the brokers answer. While they do not, no lag of a partition is known.
    pub(super) fn connected(&self, is_connected: bool) {
        self.connected.set(is_connected.into());
        if !is_connected {
            self.consumer_lag.reset();
            self.write_lag.reset();
        }
    }

    /// Since then records may wait in the topic without our knowledge.
    pub(super) fn silent_since(&self, silent: Instant) {
        let seconds = silent.elapsed().as_secs_f64();
        if seconds > self.write_lag_seconds.get() {
            self.write_lag_seconds.set(seconds);
        }
    }

    /// Sets the gauges. `highs` are the ends of partitions, as far as they are known.
    pub(super) fn tell(
        &self,
        partitions: &BTreeMap<i32, Partition>,
        highs: &BTreeMap<i32, i64>,
        oldest: Duration,
    ) {
        self.partitions
            .set(i64::try_from(partitions.len()).unwrap_or(i64::MAX));
        self.write_lag_seconds.set(oldest.as_secs_f64());
        // Only the process that has a partition now shows its lag.
        self.consumer_lag.reset();
        self.write_lag.reset();
        for (id, partition) in partitions {
            if let Some(high) = highs.get(id) {
                let label = id.to_string();
                let behind = |from: i64| high.saturating_sub(from).max(0);
                self.consumer_lag
                    .with_label_values(&[&label])
                    .set(behind(partition.next));
                self.write_lag
                    .with_label_values(&[&label])
                    .set(behind(partition.written));
            }
        }
    }
}

/// A metric that the registry shows.
fn show<M: Collector + Clone + 'static>(
    registry: &Registry,
    metric: M,
) -> Result<M, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
