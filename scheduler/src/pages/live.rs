//! Streams of the sections of pages that somebody looks at.
//!
//! All viewers of one address share one task, which gathers the page and hands the sections to each of them. While nothing
//! changes, the task looks more and more rarely. It ends with its last viewer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::response::sse::Event;
use futures::{Stream, StreamExt};
use serde_json::json;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

/// The time between two looks while a page changes.
const SOON: Duration = Duration::from_secs(1);

/// The time between two looks at a page that has not changed for long. Whoever looks sees new work within this time.
const LATE: Duration = Duration::from_secs(5);

/// A page that has not changed rests for so many times the time that it took to gather it.
const REST: u32 = 100;

/// The longest rest after a look that took long.
const LATEST: Duration = Duration::from_secs(30);

/// The most viewers at a time. Each one is an open connection.
const VIEWERS: usize = 256;

/// How long a stream lasts. A browser asks again by itself, and so shows again that it may see the page.
const LASTS: Duration = Duration::from_secs(10 * 60);

/// A section's name and its HTML.
pub(super) type Drawn = Vec<(&'static str, String)>;

/// All streams of a scheduler. Clones are the same.
#[derive(Clone)]
pub(crate) struct Live {
    open: Arc<Mutex<HashMap<String, watch::Sender<Arc<Drawn>>>>>,
    viewers: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Live {
    /// No streams yet; all of them end with `stop`.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self {
            open: Arc::default(),
            viewers: Arc::new(Semaphore::new(VIEWERS)),
            stop,
        }
    }

    /// The sections of the page at `address`, each when it is first seen to differ from what was sent before. `None` when
    /// too many people look. `gather` gives nothing when the page could not be made; it is asked again then.
    pub(super) fn watch<F, G>(
        &self,
        address: &str,
        gather: G,
    ) -> Option<impl Stream<Item = Result<Event, Infallible>> + use<F, G>>
    where
        F: Future<Output = Option<Drawn>> + Send + 'static,
        G: Fn() -> F + Send + 'static,
    {
        let place = Arc::clone(&self.viewers).try_acquire_owned().ok()?;
        let mut seen = self.share(address, gather);
        // So that the first look of this viewer is at what others have seen already.
        seen.mark_changed();
        let sent = HashMap::<&'static str, String>::new();
        let events = futures::stream::unfold(
            (seen, sent, place),
            |(mut seen, mut sent, place)| async move {
                seen.changed().await.ok()?;
                let drawn = Arc::clone(&seen.borrow_and_update());
                let events: Vec<_> = drawn
                    .iter()
                    .filter(|(id, html)| sent.insert(*id, html.clone()).as_ref() != Some(html))
                    .map(|(id, html)| {
                        let data = json!({ "id": id, "html": html }).to_string();
                        Ok(Event::default().event("section").data(data))
                    })
                    .collect();
                Some((futures::stream::iter(events), (seen, sent, place)))
            },
        );
        let stop = self.stop.clone();
        Some(events.flatten().take_until(async move {
            // Either way the stream ends.
            let _ = tokio::time::timeout(LASTS, stop.cancelled()).await;
        }))
    }

    /// What the task of this address sees. The task is begun for the first viewer.
    fn share<F>(
        &self,
        address: &str,
        gather: impl Fn() -> F + Send + 'static,
    ) -> watch::Receiver<Arc<Drawn>>
    where
        F: Future<Output = Option<Drawn>> + Send + 'static,
    {
        let mut open = self.open();
        if let Some(sender) = open.get(address) {
            return sender.subscribe();
        }
        let (sender, seen) = watch::channel(Arc::default());
        open.insert(address.to_owned(), sender.clone());
        let looking = self.clone().look(address.to_owned(), sender, gather);
        let looking = tokio::spawn(self.stop.clone().run_until_cancelled_owned(looking));
        let (this, address) = (self.clone(), address.to_owned());
        tokio::spawn(async move {
            // After a panic the next viewer begins anew.
            if looking.await.is_err() {
                this.open().remove(&address);
            }
        });
        seen
    }

    async fn look<F>(
        self,
        address: String,
        sender: watch::Sender<Arc<Drawn>>,
        gather: impl Fn() -> F,
    ) where
        F: Future<Output = Option<Drawn>>,
    {
        let mut pause = SOON;
        loop {
            let begun = Instant::now();
            let drawn = gather().await;
            let took = begun.elapsed();
            let changed = drawn.is_some_and(|drawn| {
                sender.send_if_modified(|before| {
                    let differs = **before != drawn;
                    if differs {
                        *before = Arc::new(drawn);
                    }
                    differs
                })
            });
            pause = rest(pause, took, changed);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = sender.closed() => {}
            }
            let mut open = self.open();
            if sender.receiver_count() == 0 {
                open.remove(&address);
                return;
            }
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<Arc<Drawn>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long to wait before the next look, after a wait of `before` and a look that took so long.
fn rest(before: Duration, took: Duration, changed: bool) -> Duration {
    if changed {
        return SOON;
    }
    (before * 3 / 2).min(LATE).max((took * REST).min(LATEST))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A page whose section stays the same. It counts how often it is gathered.
    fn page(gathered: &Arc<AtomicUsize>) -> impl Fn() -> std::future::Ready<Option<Drawn>> + use<> {
        let gathered = Arc::clone(gathered);
        move || {
            gathered.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Some(vec![("list", "<section>".to_owned())]))
        }
    }

    async fn soon<F: Future>(future: F) -> F::Output {
        let within = Duration::from_secs(30);
        tokio::time::timeout(within, future).await.unwrap()
    }

    #[test]
    fn a_page_that_rests_is_looked_at_rarely() {
        let (quick, slow) = (Duration::from_millis(1), Duration::from_millis(200));
        let waits = (0..10).scan(SOON, |wait, _| {
            *wait = rest(*wait, quick, false);
            Some(*wait)
        });
        let waits: Vec<Duration> = waits.collect();
        assert!(waits.is_sorted() && waits[0] > SOON, "{waits:?}");
        assert_eq!(waits.last(), Some(&LATE));
        assert_eq!(rest(LATE, quick, true), SOON);
        assert_eq!(rest(SOON, slow, false), Duration::from_secs(20));
    }

    #[tokio::test]
    async fn viewers_of_one_address_share_a_task_that_ends_with_the_last_of_them() {
        let live = Live::new(CancellationToken::new());
        let gathered = Arc::new(AtomicUsize::new(0));
        let watch = || Box::pin(live.watch("/runs", page(&gathered)).unwrap());
        let mut viewers: Vec<_> = (0..100).map(|_| watch()).collect();
        for viewer in &mut viewers {
            assert!(soon(viewer.next()).await.is_some());
        }
        // One who comes later sees what the others have seen, without a look of his own.
        let mut late = watch();
        assert!(soon(late.next()).await.is_some());
        let looks = gathered.load(Ordering::SeqCst);
        assert!(looks < 30, "{looks} looks for 101 viewers");
        assert_eq!(live.open().len(), 1);
        drop((viewers, late));
        soon(async {
            while !live.open().is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    #[tokio::test]
    async fn streams_are_bounded_and_end_with_the_scheduler() {
        let stop = CancellationToken::new();
        let live = Live::new(stop.clone());
        let gathered = Arc::new(AtomicUsize::new(0));
        let open: Vec<_> = (0..VIEWERS)
            .filter_map(|_| live.watch("/", page(&gathered)))
            .collect();
        assert_eq!(open.len(), VIEWERS);
        assert!(live.watch("/", page(&gathered)).is_none());
        stop.cancel();
        soon(futures::future::join_all(
            open.into_iter().map(StreamExt::count),
        ))
        .await;
        assert!(live.watch("/", page(&gathered)).is_some());
    }
}
