//! Waits until something in a store may have changed.

use std::{fmt, future::pending, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};

use crate::backend::{Changes, Notices};

/// One commit makes several changes: a temporary file, its new name, its removal. They are one change if no more time
/// than this lies between them.
const QUIET: Duration = Duration::from_millis(3);

/// How long a change waits for others at most, so that a place that changes all the time is looked at.
const LONGEST: Duration = Duration::from_millis(20);

/// Tells when something in a store may have changed. Made by [`Store::watch`](crate::Store::watch).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::time::Duration;
/// use gugus_files::Store;
///
/// let mut watch = Store::in_memory().watch(Duration::from_millis(10));
/// // Nobody tells of changes in memory. So this returns after 10 ms.
/// watch.changed().await;
/// # }
/// ```
pub struct Watch {
    notices: Option<Box<dyn Notices>>,
    poll: Duration,
    /// When [`Watch::changed`] returns in any case.
    due: Instant,
    /// A change was noticed, and nobody was told of it.
    noticed: bool,
}

impl Watch {
    pub(crate) fn new(notices: Option<Box<dyn Notices>>, poll: Duration) -> Self {
        Self {
            notices,
            poll,
            due: Instant::now() + poll,
            noticed: false,
        }
    }

    /// Returns when something may have changed since it returned last, or since the watch began. Changes that come
    /// close together are told once.
    ///
    /// Nothing gets lost if the future is dropped, so this may stand in a `select!`.
    pub async fn changed(&mut self) {
        if !self.noticed {
            tokio::select! {
                biased;
                () = next(&mut self.notices) => self.noticed = true,
                () = sleep_until(self.due) => {
                    if let Some(notices) = &mut self.notices {
                        notices.renew();
                    }
                }
            }
        }
        if self.noticed {
            let last = Instant::now() + LONGEST;
            while Instant::now() < last && timeout(QUIET, next(&mut self.notices)).await.is_ok() {}
            self.noticed = false;
        }
        self.due = Instant::now() + self.poll;
    }

    /// Whether all changes are told. Otherwise the store has to be looked through for some of them.
    pub fn tells_all(&self) -> bool {
        let notices = self.notices.as_ref();
        notices.is_some_and(|notices| notices.tells_all())
    }

    /// What changed since this was called last, or since the watch began. Ask after [`Watch::changed`] returned.
    pub fn changes(&mut self) -> Changes {
        match &mut self.notices {
            Some(notices) => notices.changes(),
            None => Changes::Anything,
        }
    }
}

/// The next notice. It never comes from a place that sends none.
async fn next(notices: &mut Option<Box<dyn Notices>>) {
    match notices {
        Some(notices) => notices.next().await,
        None => pending().await,
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("by_notices", &self.notices.is_some())
            .field("poll", &self.poll)
            .finish_non_exhaustive()
    }
}
