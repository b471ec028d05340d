//! Keeps the listing as the store is, in the background.
//!
//! A folder on this machine tells which of its folders changed, and only those are looked at. The whole store is looked
//! through now and then. In a bucket this is the only way, and elsewhere this finds the changes that nobody told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gugus_files::{Changes, Watch};
use gugus_models::ModelStore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::listing::Key;
use crate::stock::Stock;

/// The pause after looking through the store is at least this many times as long as the looking took. A store of a hundred
/// thousand folders takes a second or, in a bucket, minutes.
const PAUSE: u32 = 10;

/// The same where the store tells of its changes: looking through it finds only what nobody told. Two threads look, and take
/// less than a twentieth of a core.
const PAUSE_WHERE_TOLD: u32 = 40;

/// When a folder that is not complete is looked at again. Somebody may be copying files into it, and nobody tells of files
/// that far down. The time doubles with each look. When it reaches the time in which the whole store is looked through,
/// these looks end.
const AGAIN: Duration = Duration::from_millis(25);

/// Keeps the listing until `shutdown`. Requests that are finished afterwards wait for the first listing, too.
pub(crate) async fn keep(stock: Arc<Stock>, poll: Duration, shutdown: CancellationToken) {
    let work = keep_on(Arc::clone(&stock), poll);
    shutdown.run_until_cancelled(work).await;
    if !stock.is_listed() {
        stock.look_through().await;
    }
}

async fn keep_on(stock: Arc<Stock>, poll: Duration) {
    let store = stock.models.store().clone();
    // The watch is there before the store is looked through, so that no change falls between them.
    let watch = tokio::task::spawn_blocking(move || store.watch(poll)).await;
    let Ok(watch) = watch else {
        // The runtime is shutting down.
        return;
    };
    let again = BTreeMap::new();
    let keeper = Keeper {
        stock,
        watch,
        poll,
        again,
    };
    keeper.run().await;
}

struct Keeper {
    stock: Arc<Stock>,
    watch: Watch,
    poll: Duration,
    /// Folders that changed and hold no complete model, and when they are looked at again.
    again: BTreeMap<String, Again>,
}

#[derive(Clone, Copy)]
struct Again {
    at: Instant,
    wait: Duration,
}

/// The work that is next.
enum Next {
    LookedThrough,
    LookThrough,
    Changed,
    Again,
}

impl Keeper {
    async fn run(mut self) {
        let tells = self.watch.changes() != Changes::Anything;
        let pause = if tells { PAUSE_WHERE_TOLD } else { PAUSE };
        let mut through = Some(self.look_through());
        // The next time, and the earliest time, for looking through the store.
        let (mut next, mut earliest) = (Instant::now(), Instant::now());
        loop {
            let again = self.again.values().map(|again| again.at).min();
            let todo = tokio::select! {
                took = finished(&mut through) => {
                    through = None;
                    earliest = Instant::now() + pause * took;
                    next = earliest.max(Instant::now() + self.poll);
                    Next::LookedThrough
                }
                () = sleep_until(next), if through.is_none() => Next::LookThrough,
                () = self.watch.changed() => Next::Changed,
                () = sleep_until(again.unwrap_or(next)), if again.is_some() => Next::Again,
            };
            match todo {
                Next::LookedThrough => {}
                Next::LookThrough => through = Some(self.look_through()),
                Next::Changed => match self.watch.changes() {
                    Changes::Names(names) => self.look_at(names).await,
                    Changes::Anything if tells => next = earliest.max(Instant::now()),
                    Changes::Anything => {}
                },
                Next::Again => self.look_again().await,
            }
        }
    }

    /// Looks through the whole store, in a task of its own: changes are noticed meanwhile.
    fn look_through(&self) -> AbortOnDrop {
        let stock = Arc::clone(&self.stock);
        AbortOnDrop(tokio::spawn(async move {
            let begin = Instant::now();
            stock.look_through().await;
            begin.elapsed()
        }))
    }

    /// Looks at names that changed, relative to the store.
    async fn look_at(&mut self, names: BTreeSet<String>) {
        for name in self.incomplete(names).await {
            self.later(name, AGAIN);
        }
    }

    async fn look_again(&mut self) {
        let now = Instant::now();
        let due: BTreeMap<String, Again> =
            self.again.extract_if(.., |_, it| it.at <= now).collect();
        for name in self.incomplete(due.keys().cloned()).await {
            if let Some(again) = due.get(&name) {
                self.later(name, again.wait * 2);
            }
        }
    }

    fn later(&mut self, name: String, wait: Duration) {
        if wait < self.poll {
            let at = Instant::now() + wait;
            self.again.insert(name, Again { at, wait });
        }
    }

    /// Looks at names, and returns those that may become models.
    async fn incomplete(&self, names: impl IntoIterator<Item = String>) -> Vec<String> {
        let mut of: BTreeMap<Key, String> = BTreeMap::new();
        let mut incomplete = Vec::new();
        let mut aliased = BTreeSet::new();
        for name in names {
            if let Some(model) = ModelStore::of_aliases(&name) {
                aliased.insert(model);
                continue;
            }
            if !name.contains('/') {
                if !self.stock.look_into(&name).await {
                    incomplete.push(name);
                }
            } else if let Some((model, extent)) = ModelStore::of_folder(&name) {
                of.insert((Arc::from(model), extent), name);
            }
        }
        if !of.is_empty() || !aliased.is_empty() {
            let keys = of.keys().cloned().collect();
            let keys = self.stock.look_at(keys, aliased).await;
            incomplete.extend(keys.into_iter().filter_map(|key| of.remove(&key)));
        }
        incomplete
    }
}

/// A task that ends with its owner, and tells how long its work took.
struct AbortOnDrop(JoinHandle<Duration>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn finished(task: &mut Option<AbortOnDrop>) -> Duration {
    match task {
        Some(AbortOnDrop(task)) => task.await.unwrap_or_default(),
        None => std::future::pending().await,
    }
}
