//! A store that fails on request.
//!
//! Faults come from a list that is used up, so every case ends.

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

use crate::Store;

/// The fault of one request.
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

    /// The names of all writes, in order, with or without success.
    pub fn written(&self) -> Vec<String> {
        self.state().written.clone()
    }

    /// Runs `world` before the next write, as if the writer were stopped there.
    pub fn before_next_write(&self, world: impl Future<Output = ()> + Send + 'static) {
        self.state().before_write = Some(world.boxed());
    }

    /// Runs `world` during the next listing: after the first object, before the others.
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
            // The answer was sent long ago, so this result does not matter.
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
