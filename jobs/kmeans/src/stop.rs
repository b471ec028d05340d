//! Ending a fit before its end.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

/// How many numbers are worked on between two looks at the signal: about a millisecond, so that looking costs nothing.
const WORK: usize = 1 << 20;

/// Tells fits on other threads to end. All clones are one signal, and nothing takes the signal back.
///
/// ```
/// use gugus_kmeans::{FitError, Params, Partitions, RowForm, Rows, Stop, Stopped, fit_until};
///
/// let rows = Rows::from_columns(&[&[1.0, 2.0, 3.0]], RowForm::Assembled);
/// let stop = Stop::default();
/// stop.now();
/// let ended = fit_until(&Params::default(), &rows, None, &Partitions::one(), &stop);
/// assert_eq!(ended, Err(FitError::Stopped(Stopped)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

/// A fit was told to end. It has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the fit was stopped")]
pub struct Stopped;

/// Gives the signal when it is dropped.
#[derive(Debug)]
#[must_use = "the signal is given when this is dropped"]
pub struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.now();
    }
}

impl Stop {
    /// Gives the signal.
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Gives the signal when the answer is dropped.
    pub fn on_drop(&self) -> StopOnDrop {
        StopOnDrop(self.clone())
    }

    /// Whether the signal was given.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Goes on only if the signal was not given.
    ///
    /// # Errors
    /// [`Stopped`] after the signal.
    #[inline]
    pub fn check(&self) -> Result<(), Stopped> {
        if self.is_set() { Err(Stopped) } else { Ok(()) }
    }

    /// Cuts rows into pieces, and looks at the signal before each. A row takes `work` numbers.
    pub(crate) fn pieces(
        &self,
        rows: Range<usize>,
        work: usize,
    ) -> impl Iterator<Item = Result<Range<usize>, Stopped>> {
        let step = (WORK / work.max(1)).max(1);
        let end = rows.end;
        rows.step_by(step).map(move |start| {
            self.check()?;
            Ok(start..end.min(start.saturating_add(step)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_all_rows_in_order() {
        let stop = Stop::default();
        for work in [0, 1, WORK / 3, WORK, usize::MAX] {
            let pieces = stop.pieces(3..20, work).map(Result::unwrap);
            assert_eq!(
                pieces.flatten().collect::<Vec<_>>(),
                (3..20).collect::<Vec<_>>()
            );
        }
        assert_eq!(stop.pieces(0..7, WORK / 3).count(), 3);
    }

    #[test]
    fn no_piece_follows_the_signal() {
        let stop = Stop::default();
        let mut pieces = stop.pieces(0..3, usize::MAX);
        assert_eq!(pieces.next(), Some(Ok(0..1)));
        drop(stop.clone().on_drop());
        assert_eq!(pieces.next(), Some(Err(Stopped)));
    }
}
