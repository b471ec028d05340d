//! The answers of a model about the records of a body.

use gugus_clusters::{Explained, Predictions};
use gugus_spec::BatchNumber;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::loaded::Loaded;
use crate::rows::Shape;

/// The cluster of a record.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Cluster<'a> {
    /// The number of the cluster, from 0: of the nearest center, the nearest hot spot, the most probable Gaussian. -1 where
    /// no hot spot is near.
    cluster: i32,
    /// The probability of each cluster, by number, from a mixture of Gaussians; left out by other models.
    #[serde(skip_serializing_if = "Option::is_none")]
    probabilities: Option<&'a [f64]>,
    /// With `explain`: the distance from the cluster. A model of centers measures to the center, dbscan to the nearest core
    /// point, a mixture to the mean in standard deviations. Of a record that belongs to no hot spot, it is the distance of
    /// the nearest core point.
    #[serde(skip_serializing_if = "Option::is_none")]
    distance: Option<f64>,
    /// With `explain`: the cluster that comes second; null if there is no other one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Near>)]
    second: Option<Option<Near>>,
    /// With `explain`: the name of the model that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    /// With `explain`: the batch of that model; null for a model over all batches or over a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    batch: Option<Option<u64>>,
    /// With `explain`: the window of that model; left out for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<&'a str>,
    /// With `explain`: the uid of that model.
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
}

/// A cluster and its distance from a record.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Near {
    /// The number of the cluster.
    cluster: i32,
    /// The distance, measured as that of the first one.
    distance: f64,
}

/// One cluster for one record, a list for a list.
#[derive(ToSchema)]
#[schema(as = Prediction)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes the answers")]
pub(crate) enum OneOrMany<'a> {
    One(Cluster<'a>),
    Many(Vec<Cluster<'a>>),
}

/// The model of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) model: &'a str,
    pub(crate) batch: Option<u64>,
    pub(crate) window: Option<&'a str>,
    pub(crate) uid: &'a str,
}

impl<'a> From<&'a Loaded> for About<'a> {
    fn from(loaded: &'a Loaded) -> Self {
        Self {
            model: &loaded.model,
            batch: loaded.extent.batch().map(BatchNumber::get),
            window: loaded.extent.window().map(|key| key.as_str()),
            uid: &loaded.saved.uid,
        }
    }
}

/// The answers about the records of a body, in their order.
#[derive(Debug)]
pub(crate) struct Answers<'a> {
    predictions: Predictions,
    shape: Shape,
    /// The model, if the answers are explained.
    about: Option<About<'a>>,
}

impl<'a> Answers<'a> {
    pub(crate) fn new(predictions: Predictions, shape: Shape, about: Option<About<'a>>) -> Self {
        Self {
            predictions,
            shape,
            about,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.predictions.labels.len()
    }

    /// The cluster of each record.
    pub(crate) fn labels(&self) -> &[i32] {
        &self.predictions.labels
    }

    /// The cluster of each record, if a list of these is the whole answer.
    pub(crate) fn bare(&self) -> Option<&[i32]> {
        let is_bare = self.shape == Shape::Many
            && self.about.is_none()
            && self.predictions.explained.is_empty()
            && self.predictions.probabilities.is_empty();
        is_bare.then(|| self.labels())
    }

    /// The model, if the answers are explained.
    pub(crate) fn about(&self) -> Option<About<'a>> {
        self.about
    }

    /// How near a record is to its cluster, if the answers are explained.
    pub(crate) fn explanation(&self, row: usize) -> Option<Explained> {
        self.predictions.explained.get(row).copied()
    }

    fn cluster(&self, row: usize) -> Option<Cluster<'_>> {
        let probabilities = &self.predictions.probabilities;
        let of_each = probabilities.len() / self.len().max(1);
        let explained = self.explanation(row);
        let about = self.about;
        Some(Cluster {
            cluster: *self.labels().get(row)?,
            probabilities: probabilities
                .get(row * of_each..(row + 1) * of_each)
                .filter(|probabilities| !probabilities.is_empty()),
            distance: explained.map(|explained| explained.distance),
            second: explained.map(|explained| {
                let (cluster, distance) = explained.second?;
                Some(Near { cluster, distance })
            }),
            model: about.map(|about| about.model),
            batch: about.map(|about| about.batch),
            window: about.and_then(|about| about.window),
            uid: about.map(|about| about.uid),
        })
    }
}

impl Serialize for Answers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.shape {
            Shape::One => self.cluster(0).serialize(serializer),
            Shape::Many => {
                serializer.collect_seq((0..self.len()).filter_map(|row| self.cluster(row)))
            }
        }
    }
}
