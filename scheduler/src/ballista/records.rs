//! What is remembered beside Ballista's own state, which is short-lived.

use super::ledger::Ledger;
use super::roster::Roster;
use super::told::Told;
use crate::history::History;

/// What is remembered of tasks, executors and jobs.
pub(crate) struct Records {
    pub(super) told: Told,
    pub(super) ledger: Ledger,
    pub(crate) roster: Roster,
    pub(crate) history: History,
}

impl Records {
    pub(crate) fn new(history: History, told: Told) -> Self {
        Self {
            told,
            ledger: Ledger::default(),
            roster: Roster::new(told),
            history,
        }
    }
}
