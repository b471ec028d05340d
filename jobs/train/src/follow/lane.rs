//! One model of the job file while its batches are followed.
//!
//! Models do not wait for one another. A model of its own for each batch is trained in waves: as soon as one of a few
//! places is free, it takes all batches that wait. So a slow wave delays no later batch. All other kinds have one place,
//! because what they train next depends on what they trained before.

use gugus_models::{Extent, ModelError};
use gugus_progress::ModelReport;
use gugus_spec::{BatchNumber, Scope};
use gugus_submit::Jobs;
use tokio::time::Instant;

use crate::candidates::Candidates;
use crate::compare::Difference;
use crate::error::{Error, Result};
use crate::kind::{Due, Needs, TrainingKind};
use crate::prepare::train_kinds;
use crate::report::Report;
use crate::run::Run;
use crate::work::ModelWork;

/// Waves of one model that are under way at the same time. More would only queue at the scheduler.
const WAVES_AT_ONCE: usize = 4;

/// One model.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) work: ModelWork,
    pub(super) needs: Needs,
    /// Whether a batch waits until this model has seen it. A model over all batches is behind by plan.
    counts: bool,
    /// Places where nothing is trained now.
    free: Vec<Place>,
    /// Batches that no place has taken.
    came: Vec<BatchNumber>,
}

/// Where a model is trained.
#[derive(Debug)]
pub(super) struct Place {
    kind: Box<dyn TrainingKind>,
    /// The batches that it took, and that wait for it.
    batches: Vec<BatchNumber>,
    /// The models that it wrote, or found at first, and that wait to be judged.
    candidates: Candidates,
    /// Whether the candidates wait for the next training, because judging them again at once would not help.
    with_next: bool,
    /// Whether it trains what was there when the run began.
    pub(super) first: bool,
    /// How much of what is pending the progress counts already.
    counted: u64,
}

/// A training that ended.
#[derive(Debug)]
pub(super) struct Trained {
    /// Which lane it belongs to.
    pub(super) lane: usize,
    pub(super) place: Place,
    /// What was done, also before an error.
    pub(super) report: Report,
    pub(super) result: Result,
}

impl Lane {
    /// Finds what is there of a model, and gives the models that differ.
    pub(super) async fn find(
        run: &Run,
        work: ModelWork,
        mut kind: Box<dyn TrainingKind>,
        report: &mut Report,
    ) -> Result<(Self, Vec<Difference>)> {
        let counts = work.model.scope != Scope::All;
        let differing = kind.find(run, work.clone(), report).await?;
        let wanted = kind.planned(run);
        let batch = |line: &ModelReport| line.batch.and_then(BatchNumber::new);
        let batches = wanted.iter().filter_map(batch).collect();
        let beside = std::iter::repeat_with(|| kind.beside()).take(WAVES_AT_ONCE - 1);
        let beside = beside.flatten().map(|kind| Place::new(kind, Vec::new()));
        let mut free: Vec<Place> = beside.collect();
        let needs = kind.needs();
        free.push(Place {
            candidates: Candidates::find(run, &work),
            ..Place::new(kind, batches)
        });
        let lane = Self {
            work,
            needs,
            counts,
            free,
            came: Vec::new(),
        };
        Ok((lane, differing))
    }

    /// Batches came. Gives those that wait until this model has seen them.
    pub(super) fn add(&mut self, run: &Run, came: &[BatchNumber]) -> Vec<BatchNumber> {
        self.came.extend(came);
        self.waiting(run, came)
    }

    /// The batches that the places took and that wait for them.
    pub(super) fn taken(&self) -> impl Iterator<Item = &BatchNumber> {
        self.free.iter().flat_map(|place| &place.batches)
    }

    /// Whether this model is done with a batch: it has a model, failed before, or has no rows. Also true if the store of models
    /// does not answer, because a look at everything asks it again.
    pub(super) async fn has(&self, run: &Run, number: BatchNumber) -> bool {
        let (name, of) = (&self.work.model.name, Extent::Batch(number));
        if self.work.model.scope != Scope::Batch {
            return false;
        }
        run.batches.rows(number..=number) == 0
            || run.failed_before(&self.work, &of, number..=number)
            || !matches!(run.models.about(name, of).await, Ok(None))
    }

    fn waiting(&self, run: &Run, came: &[BatchNumber]) -> Vec<BatchNumber> {
        let with_rows = came.iter().copied();
        let with_rows = with_rows.filter(|n| self.counts && run.batches.rows(*n..=*n) > 0);
        with_rows.collect()
    }

    /// A place that is to train now, with the batches that wait.
    pub(super) fn next(&mut self, run: &Run, report: &mut Report) -> Option<Place> {
        let due = self.free.iter().position(Place::is_due);
        let at = match due {
            Some(at) => at,
            None if self.came.is_empty() || self.free.is_empty() => return None,
            None => 0,
        };
        let mut place = self.free.swap_remove(at);
        let came = std::mem::take(&mut self.came);
        if !came.is_empty() {
            place.kind.add(run, &came, report);
            place.batches.extend(self.waiting(run, &came));
        }
        if !place.is_due() {
            self.free.push(place);
            return None;
        }
        // The newest is judged first, whichever place wrote it.
        for other in &mut self.free {
            place.candidates.append(&mut other.candidates);
        }
        Some(place)
    }

    /// Whether a place is to train now, and reads more than what came.
    pub(super) fn reads_old(&self) -> bool {
        let due = |place: &Place| place.is_due() || !self.came.is_empty();
        self.needs != Needs::Newest(0) && self.free.iter().any(due)
    }

    /// When the next place is to train, if a time says so.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let due = self.free.iter().map(|place| place.kind.due());
        let at = due.filter_map(|due| match due {
            Due::At(time) => Some(time),
            Due::Now | Due::Idle => None,
        });
        at.min()
    }

    /// Whether training what was there at first failed, and is to be tried again.
    pub(super) fn is_behind_first(&self) -> bool {
        let mut free = self.free.iter();
        free.any(|place| place.first && place.is_due())
    }

    /// A training ended. Gives the batches that do not wait for this model any more.
    pub(super) fn back(&mut self, mut place: Place, succeeded: bool) -> Vec<BatchNumber> {
        // What failed is tried again.
        let is_left = place.is_due();
        place.first &= is_left && !succeeded;
        let done = match is_left {
            true => Vec::new(),
            false => std::mem::take(&mut place.batches),
        };
        self.free.push(place);
        done
    }

    /// Batches before this one were pruned. Gives those that do not wait for this model any more.
    pub(super) fn forget(&mut self, before: BatchNumber) -> Vec<BatchNumber> {
        let pruned = |number: &mut BatchNumber| *number < before;
        let mut gone: Vec<BatchNumber> = self.came.extract_if(.., pruned).collect();
        if !self.counts {
            gone.clear();
        }
        for place in &mut self.free {
            place.kind.forget(before);
            place.candidates.forget(before);
            gone.extend(place.batches.extract_if(.., pruned));
        }
        gone
    }
}

impl Place {
    fn new(kind: Box<dyn TrainingKind>, batches: Vec<BatchNumber>) -> Self {
        Self {
            kind,
            batches,
            candidates: Candidates::default(),
            with_next: false,
            first: false,
            counted: 0,
        }
    }

    /// Whether it is to train or to judge now.
    fn is_due(&self) -> bool {
        let judges = !self.with_next && !self.candidates.is_empty();
        judges || self.kind.due() == Due::Now
    }

    /// The run on what the next training reads.
    pub(super) fn run(&self, run: &Run) -> Run {
        let batches = match self.kind.reads() {
            Some(range) => run.batches.only(range),
            // Candidates bring their own.
            None if self.kind.pending() == 0 => run.batches.only(..BatchNumber::FIRST),
            None => run.batches.clone(),
        };
        run.on(batches)
    }

    /// Trains what this place took of a model, and writes down what failed.
    pub(super) async fn train(
        mut self,
        lane: usize,
        work: ModelWork,
        run: Run,
        jobs: Jobs<'_>,
    ) -> Trained {
        let pending = self.kind.pending();
        run.progress.add_total(pending.saturating_sub(self.counted));
        let mut report = Report::default();
        let name = work.model.name.clone();
        let mut promoted = (work, std::mem::take(&mut self.candidates));
        let (kind, promoting) = (
            std::slice::from_mut(&mut self.kind),
            std::slice::from_mut(&mut promoted),
        );
        let mut result = train_kinds(kind, promoting, &run, &jobs, &mut report).await;
        (_, self.candidates) = promoted;
        self.with_next = false;
        if let Err(error) = &result
            && is_of_aliases(error)
        {
            let reason = gugus_error::chain(error);
            tracing::warn!(model = %name, reason, "new models were not judged; they are judged with the next one");
            (self.with_next, result) = (true, Ok(()));
        }
        run.failures.save(&name, &run.models).await;
        self.counted = self.kind.pending();
        Trained {
            lane,
            place: self,
            report,
            result,
        }
    }
}

/// Whether the error is about the aliases of one model, and not about the cluster or the store.
fn is_of_aliases(error: &Error) -> bool {
    match error {
        Error::Promote { source, .. } => {
            !matches!(&**source, ModelError::Store(store) if store.may_pass())
        }
        _ => false,
    }
}

/// Whether others changed the models or the batches, so that everything has to be looked at again.
pub(super) fn is_elsewhere(error: &Error) -> bool {
    matches!(error, Error::Carried(_) | Error::Meanwhile { .. })
}
