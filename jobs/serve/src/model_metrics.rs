//! The models in memory, as metrics: how many, and how far their predictions drift. They are looked up when somebody
//! asks for the metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntGauge, Opts};

use crate::catalogue::Catalogue;
use crate::tally::Drift;

/// The most models whose drift is shown: those that answered most. Each is a time series.
const MODELS: usize = 100;

/// The metrics of the models in memory.
pub(crate) struct ModelMetrics {
    catalogue: Arc<Catalogue>,
    loaded: IntGauge,
    drift: GaugeVec,
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
            drift: GaugeVec::new(drift, &["model"])?,
        })
    }

    fn all(&self) -> [&dyn Collector; 2] {
        [&self.loaded, &self.drift]
    }
}

impl Collector for ModelMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let models = self.catalogue.in_memory();
        self.loaded
            .set(i64::try_from(models.len()).unwrap_or(i64::MAX));
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
