//! The identity of a saved model, for work on all its rows.

use gugus_models::{Extent, Stamp};

/// The identity of a saved model. A model that was trained again has another one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) store: String,
    pub(crate) model: String,
    pub(crate) extent: Extent,
    pub(crate) stamp: Stamp,
}
