//! The models in memory, as metrics: how many, and how far their predictions drift. They are looked up when somebody
//! asks for the metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounter, IntGauge, Opts};

use crate::catalogue::Catalogue;
use crate::tally::Drift;

/// The most models whose drift is shown: those that answered most. Each is a time series.
const MODELS: usize = 100;

/// The metrics of the models in memory.
pub(crate) struct ModelMetrics {
    catalogue: Arc<Catalogue>,
    loaded: IntGauge,
    bytes: IntGauge,
    read: IntCounter,
    replaced: IntCounter,
    refused: IntCounter,
    drift: GaugeVec,
    /// Held while the metrics are collected. Two scrapes side by side would count the same models twice.
    turn: Mutex<()>,
}

impl fmt::Debug for ModelMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelMetrics")
    }
}

impl ModelMetrics {
    pub(crate) fn new(catalogue: Arc<Catalogue>) -> Result<Self, prometheus::Error> {
        let drift = Opts::new(
            "gugus_serve_drift",
            "How far the shares of clusters among the predictions of a model are from those in training, from 0 to 1, since its models \
             were read.",
        );
        Ok(Self {
            catalogue,
            loaded: IntGauge::new(
                "gugus_serve_models_loaded",
                "Models in memory; each batch of a model counts.",
            )?,
            bytes: IntGauge::new(
                "gugus_serve_models_bytes",
                "The bytes that the models in memory take, about.",
            )?,
            read: IntCounter::new(
                "gugus_serve_models_read_total",
                "Models that were read from the store.",
            )?,
            replaced: IntCounter::new(
                "gugus_serve_models_replaced_total",
                "Models that were read and took the place of a model in memory.",
            )?,
            refused: IntCounter::new(
                "gugus_serve_models_refused_total",
                "Models that were written again and cannot be read, so that the last good one answers on.",
            )?,
            drift: GaugeVec::new(drift, &["model"])?,
            turn: Mutex::default(),
        })
    }

    fn all(&self) -> [&dyn Collector; 6] {
        [
            &self.loaded,
            &self.bytes,
            &self.read,
            &self.replaced,
            &self.refused,
            &self.drift,
        ]
    }
}

impl Collector for ModelMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let models = self.catalogue.in_memory();
        let whole = |number| i64::try_from(number).unwrap_or(i64::MAX);
        self.loaded.set(whole(models.len() as u64));
        let held = self.catalogue.held();
        self.bytes.set(whole(held.bytes));
        for (counter, now) in [
            (&self.read, held.read),
            (&self.replaced, held.replaced),
            (&self.refused, held.refused),
        ] {
            counter.inc_by(now.saturating_sub(counter.get()));
        }
        let drifts = models.iter().filter_map(|model| {
            let drift = model.tally.drift()?;
            Some((Arc::clone(&model.model), drift))
        });
        self.drift.reset();
        for (model, distance) in by_name(drifts) {
            self.drift.with_label_values(&[&*model]).set(distance);
        }
        self.all()
            .into_iter()
            .flat_map(Collector::collect)
            .collect()
    }
}

/// The drift of each name: the mean over its batches and windows, each counted by its predictions.
fn by_name(drifts: impl Iterator<Item = (Arc<str>, Drift)>) -> Vec<(Arc<str>, f64)> {
    let mut names: BTreeMap<Arc<str>, (u64, f64)> = BTreeMap::new();
    for (name, drift) in drifts {
        let (predictions, sum) = names.entry(name).or_default();
        *predictions += drift.predictions;
        *sum += drift.distance * drift.predictions as f64;
    }
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|(_, (predictions, _))| std::cmp::Reverse(*predictions));
    names.truncate(MODELS);
    let mean =
        |(name, (predictions, sum)): (Arc<str>, (u64, f64))| (name, sum / predictions as f64);
    names.into_iter().map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_count_by_their_predictions_and_names_are_few() {
        let drift = |name: String, predictions, distance| {
            let drift = Drift {
                predictions,
                distance,
            };
            (Arc::from(name), drift)
        };
        let two = [
            drift("a".into(), 30, 0.2),
            drift("a".into(), 10, 0.6),
            drift("b".into(), 1, 1.0),
        ];
        let found = by_name(two.into_iter());
        assert_eq!(found.len(), 2);
        assert!((found[0].1 - 0.3).abs() < 1e-12 && found[1].1 == 1.0);
        let many = (0..200).map(|n| drift(format!("m{n}"), n + 1, 0.5));
        let found = by_name(many);
        assert_eq!(found.len(), MODELS);
        assert_eq!(&*found[0].0, "m199");
    }
}
