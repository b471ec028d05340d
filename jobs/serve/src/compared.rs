//! Whether a model in memory is still what its folder in the store holds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gugus_models::Stamp;

/// When a model was compared with its folder, and whether the folder still holds it.
#[derive(Debug)]
pub(crate) struct Compared {
    read: Instant,
    /// When it was last compared, in milliseconds since it was read: a number that fits in an atomic.
    checked: AtomicU64,
    /// Whether the folder now holds something that cannot be read. So this model is the last good one.
    replaced: AtomicBool,
    /// The stamp of what cannot be read.
    replaced_by: Mutex<Option<Stamp>>,
}

/// Whether a model has to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    No,
    /// While it is compared, it may answer.
    Soon,
    /// Nobody asked for long. The caller that is told this compares it before it answers. Other callers do not wait.
    Now,
}

impl Compared {
    pub(crate) fn now() -> Self {
        Self {
            read: Instant::now(),
            checked: AtomicU64::new(0),
            replaced: AtomicBool::new(false),
            replaced_by: Mutex::new(None),
        }
    }

    /// Whether the model has to be compared, which is so once in `period`. Only one caller is told to do it.
    pub(crate) fn due(&self, period: Duration) -> Due {
        let now = u64::try_from(self.read.elapsed().as_millis()).unwrap_or(u64::MAX);
        let checked = self.checked.load(Ordering::Relaxed);
        let age = Duration::from_millis(now.saturating_sub(checked));
        if age < period {
            return Due::No;
        }
        let won = self
            .checked
            .compare_exchange(checked, now, Ordering::Relaxed, Ordering::Relaxed);
        match won {
            Ok(_) if age < 2 * period => Due::Soon,
            Ok(_) => Due::Now,
            Err(_) => Due::No,
        }
    }

    fn replaced_by(&self) -> MutexGuard<'_, Option<Stamp>> {
        self.replaced_by
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the folder now holds something that cannot be read.
    pub(crate) fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::Relaxed)
    }

    /// Whether the folder with this stamp is known to be unreadable.
    pub(crate) fn is_replaced_by(&self, stamp: &Stamp) -> bool {
        self.replaced_by().as_ref() == Some(stamp)
    }

    /// The folder holds something that cannot be read, or it holds the model again.
    pub(crate) fn set_replaced(&self, by: Option<Stamp>) {
        self.replaced.store(by.is_some(), Ordering::Relaxed);
        *self.replaced_by() = by;
    }
}
