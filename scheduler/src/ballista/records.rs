//! What is remembered beside Ballista's own state, which is short-lived.

use super::ledger::Ledger;
use super::log_events::LogEvents;
use super::roster::Roster;
use crate::history::History;

/// What is remembered of tasks, executors and jobs.
pub(crate) struct Records {
    pub(super) log: LogEvents,
    pub(super) ledger: Ledger,
    pub(crate) roster: Roster,
    pub(crate) history: History,
}

impl Records {
    pub(crate) fn new(history: History, log: LogEvents) -> Self {
        Self {
            log,
            ledger: Ledger::default(),
            roster: Roster::new(log),
            history,
        }
    }
}
