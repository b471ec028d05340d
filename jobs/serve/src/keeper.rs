//! Keeps the listing as the store is, in the background.
//!
//! A folder on this machine tells which of its folders changed, and only those are looked at. The whole store is looked
//! through now and then: it is the only way in a bucket, and elsewhere it finds what nobody told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gugus_files::{Changes, Watch};
use gugus_models::ModelStore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::catalogue::Catalogue;
use crate::listing::Key;

/// Looking through the store may take one part in this many of the time. A store of a hundred thousand folders takes a
/// second or, in a bucket, minutes.
const PAUSE: u32 = 10;

/// When a folder that is not complete is looked at again. Somebody may be copying files into it, and nobody tells of files
/// that far down. The time is doubled with each look, up to the time in which the whole store is looked through.
const AGAIN: Duration = Duration::from_millis(25);

/// Keeps the listing until `shutdown`.
pub(crate) async fn keep(
    catalogue: Arc<Catalogue>,
    watch: Watch,
    poll: Duration,
    shutdown: CancellationToken,
) {
    let keeper = Keeper {
        catalogue,
        watch,
        poll,
        again: BTreeMap::new(),
    };
    shutdown.run_until_cancelled(keeper.run()).await;
}

struct Keeper {
    catalogue: Arc<Catalogue>,
    watch: Watch,
    poll: Duration,
    /// Models whose folders are not complete, and when they are looked at again.
    again: BTreeMap<Key, Again>,
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
        let mut through = Some(self.look_through());
        // The next time, and the earliest time, for looking through the store.
        let (mut next, mut earliest) = (Instant::now(), Instant::now());
        loop {
            let again = self.again.values().map(|again| again.at).min();
            let todo = tokio::select! {
                took = finished(&mut through) => {
                    through = None;
                    earliest = Instant::now() + PAUSE * took;
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
                    Changes::Folders(folders) => self.look_at(folders).await,
                    Changes::Anything => next = earliest.max(Instant::now()),
                },
                Next::Again => self.look_again().await,
            }
        }
    }

    /// Looks through the whole store, in a task of its own: changes are noticed meanwhile.
    fn look_through(&self) -> AbortOnDrop {
        let catalogue = Arc::clone(&self.catalogue);
        AbortOnDrop(tokio::spawn(async move {
            let begin = Instant::now();
            catalogue.look_through().await;
            begin.elapsed()
        }))
    }

    /// Looks at folders that changed, relative to the store.
    async fn look_at(&mut self, folders: BTreeSet<String>) {
        let mut keys = BTreeSet::new();
        let mut incomplete = BTreeSet::new();
        for folder in folders {
            match (folder.split_once('/'), ModelStore::of_folder(&folder)) {
                (Some(_), Some((model, extent))) => {
                    keys.insert((Arc::from(model), extent));
                }
                // A part of a folder that Spark wrote.
                (Some((model, _)), None) => {
                    let of = ModelStore::of_folder(model);
                    keys.extend(of.map(|(model, extent)| (Arc::from(model), extent)));
                }
                (None, _) => incomplete.extend(self.catalogue.look_into(&folder).await),
            }
        }
        if !keys.is_empty() {
            incomplete.extend(self.catalogue.look_at(keys).await);
        }
        for key in incomplete {
            self.later(key, AGAIN);
        }
    }

    async fn look_again(&mut self) {
        let now = Instant::now();
        let due: BTreeMap<Key, Again> = self.again.extract_if(.., |_, it| it.at <= now).collect();
        let keys = due.keys().cloned().collect();
        for key in self.catalogue.look_at(keys).await {
            if let Some(again) = due.get(&key) {
                self.later(key, again.wait * 2);
            }
        }
    }

    fn later(&mut self, key: Key, wait: Duration) {
        if wait < self.poll {
            let at = Instant::now() + wait;
            self.again.insert(key, Again { at, wait });
        }
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
