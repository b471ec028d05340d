//! A store that fails as it is told, and cases of what appending makes of it.
//!
//! Faults come from a list that is used up, so every case ends.

/// Set by tests that try many faults: then the waits between tries are microseconds. A paused clock of tokio would do
/// as well, but it is a feature of tokio, and everything above tokio would be built a second time for tests.
pub static IMPATIENT: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt, future::BoxFuture, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, path::Path,
};

use super::{draft, draft_with_reject, log::committed, log::lost, open, verified};
use crate::{LogError, Prune, Store};

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: the request is answered.
    None,
    /// It does not take effect, and the answer is an error.
    Refused,
    /// It takes effect, but the answer is an error.
    AnswerLost,
    /// The answer is an error, and it takes effect later: just before the next write.
    Late,
}

/// An object store whose writes and reads fail as told, and that remembers what was written where.
pub struct Faulty {
    inner: Arc<dyn ObjectStore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    writes: VecDeque<Fault>,
    reads: VecDeque<Fault>,
    late: Vec<(Path, PutPayload, PutOptions)>,
    written: Vec<String>,
    before_write: Option<BoxFuture<'static, ()>>,
    amid_listing: Option<BoxFuture<'static, ()>>,
}

impl Faulty {
    /// A store over `inner` that fails its next writes and reads with these faults, one each, and none after.
    pub fn new(inner: Arc<dyn ObjectStore>, writes: &[Fault], reads: &[Fault]) -> Arc<Self> {
        let state = State {
            writes: writes.iter().copied().collect(),
            reads: reads.iter().copied().collect(),
            ..State::default()
        };
        Arc::new(Self {
            inner,
            state: Mutex::new(state),
        })
    }

    /// Names of what was written, in order, with or without success.
    pub fn written(&self) -> Vec<String> {
        self.state().written.clone()
    }

    /// What the world does before the next write goes through, as if the writer were stopped there.
    pub fn before_next_write(&self, world: impl Future<Output = ()> + Send + 'static) {
        self.state().before_write = Some(world.boxed());
    }

    /// What the world does while the next listing is answered: after the first object of it, before the others.
    pub fn amid_next_listing(&self, world: impl Future<Output = ()> + Send + 'static) {
        self.state().amid_listing = Some(world.boxed());
    }

    /// This store as one of ours.
    pub fn store(self: &Arc<Self>) -> Store {
        Store::on_objects(
            Arc::clone(self) as Arc<dyn ObjectStore>,
            Path::default(),
            "faulty:///",
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error() -> object_store::Error {
        object_store::Error::Generic {
            store: "faulty",
            source: "connection reset".into(),
        }
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({})", self.inner)
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let world = self.state().before_write.take();
        if let Some(world) = world {
            world.await;
        }
        let (fault, late) = {
            let mut state = self.state();
            state.written.push(location.to_string());
            (
                state.writes.pop_front().unwrap_or(Fault::None),
                std::mem::take(&mut state.late),
            )
        };
        for (location, payload, opts) in late {
            // Too late is too late: who answered with an error already has nothing more to say.
            let _ = self.inner.put_opts(&location, payload, opts).await;
        }
        match fault {
            Fault::None => self.inner.put_opts(location, payload, opts).await,
            Fault::Refused => Err(Self::error()),
            Fault::AnswerLost => {
                self.inner.put_opts(location, payload, opts).await?;
                Err(Self::error())
            }
            Fault::Late => {
                self.state().late.push((location.clone(), payload, opts));
                Err(Self::error())
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let fault = self.state().reads.pop_front().unwrap_or(Fault::None);
        if fault != Fault::None {
            return Err(Self::error());
        }
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let world = self.state().amid_listing.take();
        let Some(world) = world else {
            return self.inner.list_with_delimiter(prefix).await;
        };
        let before = self.inner.list_with_delimiter(prefix).await?;
        world.await;
        let mut listed = self.inner.list_with_delimiter(prefix).await?;
        let first = before
            .objects
            .into_iter()
            .min_by(|a, b| a.location.cmp(&b.location));
        listed.objects.retain(|object| {
            first
                .as_ref()
                .is_none_or(|first| object.location != first.location)
        });
        listed.objects.extend(first);
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A first try that took effect, in all the ways of not knowing it.
pub async fn a_lost_answer_is_no_lost_commit(inner: Arc<dyn ObjectStore>) {
    for (at, writes) in [
        &[Fault::AnswerLost][..],
        &[Fault::Refused],
        &[Fault::Refused, Fault::Refused, Fault::AnswerLost],
        &[Fault::Late],
        &[Fault::Late, Fault::Late],
    ]
    .into_iter()
    .enumerate()
    {
        let faulty = Faulty::new(Arc::clone(&inner), writes, &[]);
        let first = 10 * at as i64;
        let footer = committed(
            open(&faulty.store())
                .await
                .append(&draft(0, first, first + 10))
                .await,
        );
        assert_eq!(footer.number.get(), at as u64 + 1, "{writes:?}");
    }
    verified(&Store::on_objects(inner, Path::default(), "memory:///")).await;
}

/// The footer that decides cannot be read at first.
pub async fn reading_the_number_is_tried_again(inner: Arc<dyn ObjectStore>) {
    let faulty = Faulty::new(
        inner,
        &[Fault::AnswerLost],
        &[Fault::Refused, Fault::Refused],
    );
    committed(open(&faulty.store()).await.append(&draft(0, 0, 10)).await);
    verified(&faulty.store()).await;
}

/// An error, and in the meantime another writer took the number.
pub async fn an_error_may_hide_a_loss(inner: Arc<dyn ObjectStore>) {
    let good = Store::on_objects(Arc::clone(&inner), Path::default(), "memory:///");
    let faulty = Faulty::new(inner, &[Fault::Refused], &[]);
    let mut unlucky = open(&faulty.store()).await;
    let winner = committed(open(&good).await.append(&draft(0, 0, 4)).await);
    // It has not seen a batch, so it lists before its first commit; let it see one.
    assert_eq!(lost(unlucky.append(&draft(0, 0, 10)).await), winner);
    let other = committed(open(&good).await.append(&draft(0, 4, 5)).await);
    assert_eq!(lost(unlucky.append(&draft(0, 4, 10)).await), other);
    committed(unlucky.append(&draft(0, 5, 6)).await);
    verified(&good).await;
}

/// Rejects are written before the batch, whatever their answers say.
pub async fn rejects_go_first(inner: Arc<dyn ObjectStore>) {
    let faulty = Faulty::new(
        inner,
        &[Fault::AnswerLost, Fault::None, Fault::Refused],
        &[],
    );
    let footer = committed(
        open(&faulty.store())
            .await
            .append(&draft_with_reject(0, 0, 10, 4))
            .await,
    );
    let rejects = format!("rejected/{}.parquet", footer.commit_id);
    let batch = footer.number.file_name();
    assert_eq!(
        faulty.written(),
        [rejects.clone(), rejects, batch.clone(), batch]
    );
    assert_eq!(verified(&faulty.store()).await, (9, 1));
}

/// A store that is down for longer than we wait, and what is true afterwards.
pub async fn a_store_that_stays_down_is_reported(inner: Arc<dyn ObjectStore>) {
    for writes in [
        vec![Fault::Refused; 6],
        [vec![Fault::Refused; 5], vec![Fault::Late]].concat(),
    ] {
        let faulty = Faulty::new(Arc::clone(&inner), &writes, &[]);
        let store = faulty.store();
        let mut log = open(&store).await;
        let first = log.end_of(0).unwrap_or(0);
        let failed = log.append(&draft(0, first, first + 10)).await;
        assert!(
            matches!(
                failed,
                Err(LogError::Commit {
                    tries: 6,
                    source: Some(_),
                    ..
                })
            ),
            "{failed:?}"
        );
        // The last try may have taken effect since. The same records again: in the log once, either way.
        match log.append(&draft(0, first, first + 10)).await.unwrap() {
            crate::Appended::Committed(_) => assert!(!writes.contains(&Fault::Late)),
            crate::Appended::Lost { head } => assert_eq!(head.end_of(0), Some(first + 10)),
        }
    }
    assert_eq!(
        verified(&Store::on_objects(inner, Path::default(), "memory:///")).await,
        (20, 0)
    );
}

/// A writer is stopped between looking for its head and creating the next number. Meanwhile others commit that number
/// and more, and prune them: the number is free again, and taking it would tear the log apart.
pub async fn who_slept_through_pruning_takes_its_batch_back(inner: Arc<dyn ObjectStore>) {
    let good = Store::on_objects(Arc::clone(&inner), Path::default(), "memory:///");
    let faulty = Faulty::new(inner, &[], &[]);
    for has_head in [false, true] {
        let mut sleeper = open(&faulty.store()).await;
        let first = sleeper.end_of(0).unwrap_or(0);
        assert_eq!(sleeper.head().is_some(), has_head);
        let world = good.clone();
        faulty.before_next_write(async move {
            let mut other = open(&world).await;
            for first in [first, first + 5, first + 10] {
                committed(other.append(&draft(0, first, first + 5)).await);
            }
            let keep = super::prune::newest(1);
            other
                .prune(keep, Prune::Delete, super::prune::on)
                .await
                .unwrap();
        });
        let head = lost(sleeper.append(&draft(0, first, first + 5)).await);
        assert_eq!(head.end_of(0), Some(first + 15));
        committed(sleeper.append(&draft(0, first + 15, first + 20)).await);
        assert_eq!(verified(&good).await, (10, 0), "the newest two batches");
    }
}

/// A listing is no snapshot: one that runs while others prune may hold the first batch, and lack those after it.
pub async fn a_listing_amid_pruning_shows_no_gap(inner: Arc<dyn ObjectStore>) {
    let good = Store::on_objects(Arc::clone(&inner), Path::default(), "memory:///");
    let faulty = Faulty::new(inner, &[], &[]);
    let mut log = open(&good).await;
    for first in [0, 5, 10, 15] {
        committed(log.append(&draft(0, first, first + 5)).await);
    }
    let world = good.clone();
    faulty.amid_next_listing(async move {
        let keep = super::prune::newest(2);
        let log = open(&world).await;
        log.prune(keep, Prune::Delete, super::prune::on)
            .await
            .unwrap();
    });
    let mut opened = open(&faulty.store()).await;
    assert_eq!(opened.head(), log.head());
    committed(opened.append(&draft(0, 20, 21)).await);
    verified(&good).await;
}
