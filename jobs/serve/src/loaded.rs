//! A model in memory.

use std::sync::Arc;

use gugus_clusters::{Centers, Fitted, Predictor};
use gugus_models::{Extent, SavedModel, Stamp};
use gugus_spec::Column;

use crate::compared::Compared;
use crate::config::UnknownColumns;
use crate::input::Input;
use crate::names::Names;
use crate::problem::LoadError;
use crate::tally::Tally;
use crate::weight;

/// A model, ready to be asked.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Its name.
    pub(crate) model: Arc<str>,
    /// The data that it was trained on.
    pub(crate) extent: Extent,
    /// The model as it was read, but with the centers only. `predictor` has the rest of the fitted model.
    pub(crate) saved: SavedModel,
    pub(crate) predictor: Predictor,
    pub(crate) input: Input,
    /// The headers of its answers.
    pub(crate) names: Names,
    /// Whether it is still what the store has.
    pub(crate) compared: Compared,
    /// How many bytes of memory it takes, about.
    pub(crate) bytes: u64,
    /// How its predictions are spread over its clusters.
    pub(crate) tally: Tally,
}

impl Loaded {
    /// Compiles a model. This is work for a thread that may block.
    pub(crate) fn new(
        model: Arc<str>,
        extent: Extent,
        mut saved: SavedModel,
        unknown_columns: UnknownColumns,
    ) -> Result<Self, LoadError> {
        let input = Input::new(&saved, unknown_columns)?;
        let bytes = weight::bytes(saved.about.as_ref(), &saved.fitted);
        let middles = Fitted::Centers(Centers {
            centers: saved.fitted.middles(),
            distance_measure: saved.fitted.distance_measure(),
        });
        let fitted = std::mem::replace(&mut saved.fitted, middles);
        let predictor = fitted.into_predictor()?;
        let summary = saved.about.as_ref().map(|about| &about.summary);
        let tally = summary.map_or_else(Tally::default, |it| Tally::new(&it.sizes, it.noise));
        Ok(Self {
            names: Names::new(&model, &extent, &saved.uid),
            model,
            extent,
            saved,
            predictor,
            input,
            compared: Compared::now(),
            bytes,
            tally,
        })
    }

    /// The columns of a record that it reads; none when it takes numbers.
    pub(crate) fn columns(&self) -> &[Column] {
        self.input.columns()
    }

    pub(crate) fn stamp(&self) -> &Stamp {
        &self.saved.stamp
    }
}
