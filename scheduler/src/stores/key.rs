//! Names a saved model, as work on it needs the name.

use gugus_models::{Extent, Stamp};

/// A saved model. It is another one when it was trained again.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) store: String,
    pub(crate) model: String,
    pub(crate) extent: Extent,
    pub(crate) stamp: Stamp,
}
