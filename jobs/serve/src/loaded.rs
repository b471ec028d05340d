//! A model in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gugus_clusters::{Centers, Fitted, Predictor};
use gugus_models::{Extent, SavedModel, Stamp};
use gugus_spec::Column;

use crate::config::UnknownColumns;
use crate::input::Input;
use crate::names::Names;
use crate::problem::LoadError;
use crate::tally::Tally;

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
    /// How its predictions are spread over its clusters.
    pub(crate) tally: Tally,
    read: Instant,
    /// When it was last compared with the store, in milliseconds since it was read: a number that fits in an atomic.
    checked: AtomicU64,
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
            tally,
            read: Instant::now(),
            checked: AtomicU64::new(0),
        })
    }

    /// The columns of a record that it reads; none when it takes numbers.
    pub(crate) fn columns(&self) -> &[Column] {
        self.input.columns()
    }

    pub(crate) fn stamp(&self) -> &Stamp {
        &self.saved.stamp
    }

    /// Whether the model was not compared with the store for `period`. Only one caller gets `true`, and has to compare it.
    pub(crate) fn is_due(&self, period: Duration) -> bool {
        let now = u64::try_from(self.read.elapsed().as_millis()).unwrap_or(u64::MAX);
        let checked = self.checked.load(Ordering::Relaxed);
        Duration::from_millis(now.saturating_sub(checked)) >= period
            && self
                .checked
                .compare_exchange(checked, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}
