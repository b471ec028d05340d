//! The content of a map.

/// Some rows, each with its cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The model's name.
    pub model: String,
    /// The batch that it was trained on; none for a model over all batches or over a window.
    pub batch: Option<u64>,
    /// The window that it was trained on; none for others.
    pub window: Option<String>,
    /// The features' names.
    pub features: Vec<String>,
    /// How many rows there are; more than were drawn, where these are many.
    pub rows: u64,
    /// The rows that were drawn and their clusters. The same ones whenever they are drawn.
    pub drawn: Vec<(Vec<f64>, usize)>,
    /// The centers.
    pub centers: Vec<Vec<f64>>,
    /// Rows of each cluster, all of them.
    pub sizes: Vec<u64>,
}

impl Sample {
    pub(crate) fn title(&self) -> String {
        match (self.batch, &self.window) {
            (Some(batch), _) => format!("{}, batch {batch}", self.model),
            (None, Some(window)) => format!("{}, window {window}", self.model),
            (None, None) => format!("{}, over all batches", self.model),
        }
    }
}
