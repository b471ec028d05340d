//! What was done since a run began to follow its batches, however often they were looked at anew.

use std::sync::Arc;

use gugus_spec::BatchNumber;

use super::lane::Lane;
use crate::observer::Observer;
use crate::prepare::tell;
use crate::report::Report;
use crate::run::Run;

/// What was done so far.
#[derive(Debug)]
pub(super) struct Done {
    /// Counts, without a line for each model.
    pub(super) total: Report,
    observer: Arc<dyn Observer>,
    /// Whether the first look has told what is there.
    looked: bool,
    /// The newest batch that was ever there.
    newest: Option<BatchNumber>,
    caught_up: bool,
}

impl Done {
    /// Nothing, of which this observer is told.
    pub(super) fn nothing(observer: Arc<dyn Observer>) -> Self {
        Self {
            total: Report::default(),
            observer,
            looked: false,
            newest: None,
            caught_up: false,
        }
    }

    /// Takes in what a look found and leaves alone. Only the first look is told and counted: later looks find the same again, and
    /// the models that the run trained since.
    pub(super) fn look(&mut self, run: &Run, report: &Report) {
        if !self.looked {
            self.looked = true;
            tell(run, &report.models);
            self.total.count(report);
        }
        self.newest = self.newest.max(run.batches.newest_number());
    }

    /// Takes in batches that came. Gives whether one of them is back: it was there before, and a model is done with it. Then
    /// everything has to be looked at again.
    pub(super) async fn see(&mut self, run: &Run, lanes: &[Lane], came: &[BatchNumber]) -> bool {
        let before = self.newest;
        self.newest = before.max(came.last().copied());
        let back = came.iter().filter(|number| Some(**number) <= before);
        for number in back {
            for lane in lanes {
                if lane.has(run, *number).await {
                    return true;
                }
            }
        }
        false
    }

    /// Tells once that everything that was there has been looked at.
    pub(super) fn catch_up(&mut self) {
        if !self.caught_up {
            self.caught_up = true;
            self.observer.caught_up();
        }
    }
}
