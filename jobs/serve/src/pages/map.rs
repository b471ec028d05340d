//! The map of a model, made of its centers.

use gugus_models::Extent;
use gugus_plot::{Axes, Sample};

use crate::loaded::Loaded;

/// The most centers of a map. More of them cover each other.
const CENTERS: usize = 1000;

/// The map as SVG, if the model has one.
pub(crate) fn map(loaded: &Loaded) -> Option<String> {
    let (sample, axes) = drawable(loaded)?;
    Some(sample.draw(axes))
}

/// Whether the model has a map.
pub(crate) fn has_map(loaded: &Loaded) -> bool {
    drawable(loaded).is_some()
}

/// The map before it is drawn; none for a model of one feature, or of too many clusters.
fn drawable(loaded: &Loaded) -> Option<(Sample, Axes)> {
    let about = loaded.saved.about.as_ref();
    let centers = loaded.saved.fitted.middles();
    if centers.is_empty() || centers.len() > CENTERS {
        return None;
    }
    let features = match about {
        Some(about) => about
            .features
            .iter()
            .map(|feature| feature.name.clone())
            .collect(),
        None => (0..centers[0].len())
            .map(|d| format!("feature {d}"))
            .collect::<Vec<_>>(),
    };
    let sample = Sample {
        model: loaded.model.to_string(),
        batch: match &loaded.extent {
            Extent::Batch(batch) => Some(batch.get()),
            Extent::Window(_) | Extent::All => None,
        },
        window: loaded.extent.window().map(|key| key.as_str().to_owned()),
        features,
        rows: about.map_or(0, |about| about.summary.rows),
        drawn: Vec::new(),
        centers,
        sizes: about
            .map(|about| about.summary.sizes.clone())
            .unwrap_or_default(),
    };
    let axes = Axes::find(&sample.model, &sample.features, None, None).ok()?;
    Some((sample, axes))
}
