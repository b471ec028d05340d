//! How far a piece of work is, as plain numbers and one line of text; what became of the models of a run; and how
//! much an executor has to do.
//!
//! Training takes minutes, and several places show how far it is: a bar in a terminal, the record of a run, a web page.
//! The work writes into a [`Progress`]. Each place reads it when it draws. [`ModelReport`] and [`PassReport`] are the lines that
//! training tells of its models; reports, runs and pages share them. [`Load`] is what an executor tells with each heartbeat.
//! [`Pulse`] says when the next line about the progress is due in a log, where no terminal draws a bar.
//!
//! # Guarantees
//! * Clones share one state. Any thread may write and any thread may read.
//! * Writing is cheap: counters are atomic, and only the text takes a lock.
//!
//! # What it is not
//! It draws nothing, and it calls nobody back.
//!
//! # Why not a widget
//! A progress bar as part of a configuration ties each crate that works to one terminal library.
//!
//! # Example
//! ```
//! use gugus_progress::{Progress, Standing};
//!
//! let progress = Progress::default();
//! let seen = progress.clone();
//! progress.set_total(3);
//! progress.advance(1);
//! progress.say("model a");
//! assert_eq!(seen.now(), Standing { done: 1, total: 3, message: "model a".to_owned() });
//! ```

mod lag;
mod load;
mod pulse;
mod report;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use lag::Lag;
pub use load::Load;
pub use pulse::Pulse;
pub use report::{ModelReport, Outcome, PassReport, PromotionReport, ReportScope, data};

/// How far a piece of work is. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Shared>);

/// How far the work was when somebody asked, as it stands in the record of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// How many parts are done.
    pub done: u64,
    /// The number of parts; 0 as long as it is unknown.
    pub total: u64,
    /// The current work, in words; may be empty.
    pub message: String,
}

#[derive(Debug, Default)]
struct Shared {
    done: AtomicU64,
    total: AtomicU64,
    message: Mutex<String>,
}

impl Progress {
    /// Says how many parts there are.
    pub fn set_total(&self, total: u64) {
        self.0.total.store(total, Ordering::Relaxed);
    }

    /// Adds parts that show only now.
    pub fn add_total(&self, more: u64) {
        self.0.total.fetch_add(more, Ordering::Relaxed);
    }

    /// Says how many parts are done.
    pub fn set_done(&self, done: u64) {
        self.0.done.store(done, Ordering::Relaxed);
    }

    /// Counts parts that are done.
    pub fn advance(&self, parts: u64) {
        self.0.done.fetch_add(parts, Ordering::Relaxed);
    }

    /// Sets the words for the current work.
    pub fn say(&self, message: impl Into<String>) {
        *self.message() = message.into();
    }

    /// How far the work is now.
    #[must_use]
    pub fn now(&self) -> Standing {
        Standing {
            done: self.0.done.load(Ordering::Relaxed),
            total: self.0.total.load(Ordering::Relaxed),
            message: self.message().clone(),
        }
    }

    fn message(&self) -> MutexGuard<'_, String> {
        // A text is whole after a panic, too.
        self.0
            .message
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
