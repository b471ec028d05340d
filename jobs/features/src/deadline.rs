//! Planning on a thread of its own, with a large stack and a deadline.
//!
//! A panic of the planner must not end the process that plans, and no text may hold it up.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use gugus_error::catch;

use crate::error::PlanError;

/// The stack for parsing and planning. A text of the greatest length may be parsed to a tree of 8,000 levels before it is
/// measured. Unused stack takes no memory.
const STACK: usize = 64 * 1024 * 1024;

/// How long planning may take. [`PlanError::Slow`] names this time, too.
const LONGEST: Duration = Duration::from_secs(10);

/// How many plans may go on beyond their time. Nothing can end a thread from outside. So the process refuses further texts
/// while this many threads are busy.
const MOST_LATE: usize = 4;

/// The plans of this process that go on beyond their time.
static LATE: AtomicUsize = AtomicUsize::new(0);

/// Runs `work`, and waits at most [`LONGEST`] for its end.
pub(crate) fn planned<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PlanError> + Send + 'static,
) -> Result<T, PlanError> {
    planned_within(LONGEST, work)
}

fn planned_within<T: Send + 'static>(
    longest: Duration,
    work: impl FnOnce() -> Result<T, PlanError> + Send + 'static,
) -> Result<T, PlanError> {
    if LATE.load(Ordering::Relaxed) >= MOST_LATE {
        return Err(PlanError::Slow);
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    // The plan may end before or after its time. The later of the two ends takes the plan out of the count.
    let over = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&over);
    let plan = move || {
        let planned = catch(work).unwrap_or(Err(PlanError::Panicked));
        // Nobody waits any more if the time is over.
        let _ = sender.send(planned);
        settle(&ended);
    };
    let planner = thread::Builder::new().name("planner".to_owned());
    planner
        .stack_size(STACK)
        .spawn(plan)
        .map_err(PlanError::NoThread)?;
    receiver.recv_timeout(longest).unwrap_or_else(|_| {
        LATE.fetch_add(1, Ordering::Relaxed);
        settle(&over);
        Err(PlanError::Slow)
    })
}

fn settle(over: &AtomicBool) {
    // The order makes sure that a plan is counted before it is taken out of the count.
    if over.swap(true, Ordering::AcqRel) {
        LATE.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_without_end_is_not_waited_for() {
        let (end, ended) = mpsc::channel::<()>();
        let endless = move || {
            let _ = ended.recv();
            Ok(())
        };
        let refused = planned_within(Duration::from_millis(1), endless).unwrap_err();
        assert!(matches!(refused, PlanError::Slow), "{refused}");
        assert_eq!(planned(|| Ok(7)).unwrap(), 7);
        drop(end);
    }

    #[test]
    fn a_panic_of_the_planner_is_an_error() {
        let panicked = planned::<()>(|| panic!("a fault of the planner")).unwrap_err();
        assert!(matches!(panicked, PlanError::Panicked), "{panicked}");
    }
}
