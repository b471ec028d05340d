//! How many requests are answered at a time, and for how long.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::settings::Guards;

/// The turns of requests. Requests beyond the number that is answered wait in a queue of limited length.
#[derive(Debug)]
pub(crate) struct Limits {
    turns: Semaphore,
    waiting: AtomicUsize,
    queued: usize,
    time: Duration,
}

/// Why a request has no answer of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    /// Too many requests wait already.
    Busy,
    /// The time of the request is over.
    TooSlow,
}

impl Limits {
    pub(crate) fn new(guards: &Guards) -> Self {
        Self {
            turns: Semaphore::new(guards.in_flight.get().min(Semaphore::MAX_PERMITS)),
            waiting: AtomicUsize::new(0),
            queued: guards.queued,
            time: guards.request_time,
        }
    }

    /// How long a request may take, in whole seconds.
    pub(crate) fn seconds(&self) -> u64 {
        self.time.as_secs().max(1)
    }

    /// Answers when it is the request's turn, and gives up when its time is over.
    pub(crate) async fn within<T>(&self, answer: impl Future<Output = T>) -> Result<T, Exceeded> {
        let answered = timeout(self.time, async {
            let _turn = self.turn().await?;
            Ok(answer.await)
        });
        answered.await.unwrap_or(Err(Exceeded::TooSlow))
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, Exceeded> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Ok(turn);
        }
        let _waiting = Waiting::begin(&self.waiting, self.queued).ok_or(Exceeded::Busy)?;
        // The semaphore is never closed.
        self.turns.acquire().await.map_err(|_| Exceeded::Busy)
    }
}

/// One place in the queue, free again when this is dropped: also when the client hangs up.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let place = waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
            (waiting < most).then_some(waiting + 1)
        });
        place.ok().map(|_| Self(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::num::NonZeroUsize;

    use futures::FutureExt;

    use super::*;

    fn limits(request_time: Duration) -> Limits {
        Limits::new(&Guards {
            in_flight: NonZeroUsize::MIN,
            queued: 1,
            request_time,
            ..Guards::default()
        })
    }

    #[tokio::test]
    async fn one_is_answered_one_waits_and_the_third_is_refused() {
        let limits = limits(Duration::from_secs(60));
        let mut first = Box::pin(limits.within(pending::<()>()));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(limits.within(async { 2 }));
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(limits.within(async { 3 }).await, Err(Exceeded::Busy));
        // A client that hangs up leaves its place to the next one.
        drop(first);
        assert_eq!(second.await, Ok(2));
        assert_eq!(limits.within(async { 4 }).await, Ok(4));
        assert_eq!(limits.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_request_that_takes_too_long_leaves_its_place() {
        let limits = limits(Duration::from_millis(1));
        let slow = limits.within(pending::<()>());
        assert_eq!(slow.await, Err(Exceeded::TooSlow));
        assert_eq!(limits.within(async { 1 }).await, Ok(1));
    }
}
