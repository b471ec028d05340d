//! Which two features a map shows.

/// Why there is no map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// A map takes two features.
    #[error("model \"{model}\" has one feature; a map takes two")]
    OneFeature {
        /// The model's name.
        model: String,
    },
    /// The model has no such feature.
    #[error("model \"{model}\" has no feature \"{feature}\"; it has {known}")]
    NoSuchFeature {
        /// The model's name.
        model: String,
        /// The name asked for.
        feature: String,
        /// The names there are.
        known: String,
    },
}

/// Which two features of a sample make the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axes {
    pub(crate) x: usize,
    pub(crate) y: usize,
}

impl Axes {
    /// The features of these names. Where none are given, the first two, and where these are a latitude and a longitude,
    /// east is to the right.
    ///
    /// # Errors
    /// [`MapError`] when there are none such.
    pub fn find(
        model: &str,
        features: &[String],
        x: Option<&str>,
        y: Option<&str>,
    ) -> Result<Self, MapError> {
        if features.len() < 2 {
            return Err(MapError::OneFeature {
                model: model.to_owned(),
            });
        }
        let named = |name: &str| {
            let found = features.iter().position(|feature| feature == name);
            found.ok_or_else(|| MapError::NoSuchFeature {
                model: model.to_owned(),
                feature: name.to_owned(),
                known: features.join(", "),
            })
        };
        // The first one that the other axis does not show.
        let other = |taken: usize| usize::from(taken == 0);
        let (x, y) = match (x.map(named).transpose()?, y.map(named).transpose()?) {
            (Some(x), Some(y)) => (x, y),
            (Some(x), None) => (x, other(x)),
            (None, Some(y)) => (other(y), y),
            (None, None) if is_latitude(&features[0]) && is_longitude(&features[1]) => (1, 0),
            (None, None) => (0, 1),
        };
        Ok(Self { x, y })
    }

    /// The names of the two among these features.
    #[must_use]
    pub fn names(self, features: &[String]) -> (&str, &str) {
        let name = |axis: usize| features.get(axis).map_or("", String::as_str);
        (name(self.x), name(self.y))
    }
}

/// Whether a feature is a latitude, by its name.
pub(crate) fn is_latitude(name: &str) -> bool {
    ["lat", "latitude"].contains(&name.to_lowercase().as_str())
}

/// Whether a feature is a longitude, by its name.
pub(crate) fn is_longitude(name: &str) -> bool {
    ["lon", "lng", "long", "longitude"].contains(&name.to_lowercase().as_str())
}
