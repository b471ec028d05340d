//! The progress of a run: for the progress line, the metrics and the summary.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gugus_batches::Footer;
use gugus_spec::OffsetRange;

use super::config::{Config, Summary};
use super::partition::Partition;
use super::writer::Writer;

/// How often the progress line and the metrics change, and Kafka gets the group's offsets.
const TELL: Duration = Duration::from_millis(250);

pub(super) struct Progress<'a> {
    config: &'a Config,
    pub(super) batches: u64,
    records: u64,
    rejected: u64,
    taken: BTreeMap<i32, OffsetRange>,
    told: Instant,
    /// Whether the batches have ends that Kafka does not know.
    untold: bool,
}

impl<'a> Progress<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self {
            config,
            batches: 0,
            records: 0,
            rejected: 0,
            taken: BTreeMap::new(),
            told: Instant::now(),
            untold: false,
        }
    }

    /// Counts a record, with the kind of reason if it was rejected.
    pub(super) fn read(&self, bytes: usize, taken: Result<(), &'static str>) {
        if let Some(metrics) = &self.config.metrics {
            metrics.read(bytes, taken);
        }
    }

    /// Counts a batch.
    pub(super) fn committed(&mut self, footer: &Footer, took: Duration) {
        self.batches += 1;
        self.records += footer.rows;
        self.rejected += footer.rejected_rows();
        self.untold = true;
        if let Some(metrics) = &self.config.metrics {
            metrics.committed(took);
        }
        for range in &footer.ranges {
            self.taken.entry(range.partition).or_insert(*range).next = range.next;
        }
    }

    /// Whether it is time for the next [`tell`](Self::tell).
    pub(super) fn is_due(&self) -> bool {
        self.told.elapsed() >= TELL
    }

    /// The ends of the batches in the partitions of which we committed records. Empty if Kafka knows them already.
    pub(super) fn untold(&mut self, writer: &Writer) -> BTreeMap<i32, i64> {
        if !std::mem::take(&mut self.untold) {
            return BTreeMap::new();
        }
        let ours = writer.partitions().iter();
        let ours = ours.filter(|(id, _)| self.taken.contains_key(id));
        ours.map(|(id, partition)| (*id, partition.written))
            .collect()
    }

    /// Updates the progress line and the gauges. `highs` are the ends of partitions, as far as they are known. Since `lost`
    /// the brokers have been silent.
    pub(super) fn tell(
        &mut self,
        writer: &Writer,
        highs: &BTreeMap<i32, i64>,
        lost: Option<Instant>,
    ) {
        self.told = Instant::now();
        let partitions = writer.partitions();
        if let Some(metrics) = &self.config.metrics {
            // A record may have come right after the last answer of the brokers.
            let oldest = writer.oldest().into_iter().chain(lost).min();
            let oldest = oldest.map_or(Duration::ZERO, |opened| opened.elapsed());
            metrics.tell(partitions, highs, oldest);
        }
        let behind = |(id, partition): (&i32, &Partition)| Some(highs.get(id)? - partition.written);
        // The sum of no partitions would be a lag of 0.
        let lag: Option<i64> = match partitions.is_empty() {
            true => None,
            false => partitions.iter().map(behind).sum(),
        };
        let shown = &self.config.progress;
        shown.set_done(self.records + self.rejected);
        shown.say(format!(
            "in {} batches, {} rejected, {} in hand, lag {}, {} partitions",
            self.batches,
            self.rejected,
            writer.open.rows(),
            lag.map_or_else(|| "not known".to_owned(), |lag| lag.max(0).to_string()),
            partitions.len(),
        ));
    }

    pub(super) fn summary(&self) -> Summary {
        Summary {
            batches: self.batches,
            records: self.records,
            rejected: self.rejected,
            partitions: self.taken.values().copied().collect(),
        }
    }
}
