//! How many requests are answered at a time, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::settings::Guards;

/// The turns of requests. Requests beyond the number that is answered wait in a queue of limited length.
#[derive(Debug)]
pub(crate) struct Limits {
    turns: Semaphore,
    waiting: AtomicUsize,
    queued: usize,
    /// The streams of requests that may be open. Each may hold a request that has come in part, so their number bounds the
    /// memory as that of requests does.
    streams: Arc<Semaphore>,
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
        let in_flight = guards.in_flight.get().min(Semaphore::MAX_PERMITS);
        Self {
            turns: Semaphore::new(in_flight),
            streams: Arc::new(Semaphore::new(in_flight)),
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

    /// A place for a stream of requests. It is no turn: a stream is silent most of the time.
    pub(crate) fn stream(&self) -> Result<OwnedSemaphorePermit, Exceeded> {
        let place = Arc::clone(&self.streams).try_acquire_owned();
        place.map_err(|_| Exceeded::Busy)
    }

    /// What is waited for, unless it takes longer than a request may take.
    pub(crate) async fn in_time<T>(&self, it: impl Future<Output = T>) -> Result<T, Exceeded> {
        timeout(self.time, it).await.map_err(|_| Exceeded::TooSlow)
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

    #[tokio::test]
    async fn streams_are_as_many_as_requests_and_wait_for_a_time() {
        let limits = limits(Duration::from_millis(1));
        let open = limits.stream().unwrap();
        assert_eq!(limits.stream().unwrap_err(), Exceeded::Busy);
        // A stream that is open takes nobody's turn.
        assert_eq!(limits.within(async { 1 }).await, Ok(1));
        drop(open);
        assert!(limits.stream().is_ok());
        let silent = limits.in_time(pending::<()>());
        assert_eq!(silent.await, Err(Exceeded::TooSlow));
    }
}
