//! Work that viewers ask for, by what it is about: under way, done or failed.
//!
//! One key has at most one piece of work under way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gugus_progress::Progress;

/// How a piece of work stands.
pub(crate) enum WorkState<T> {
    /// It is under way.
    Running(Progress),
    /// It is done.
    Done(Arc<T>),
    /// It failed, for this reason.
    Failed(String),
}

impl<T> Clone for WorkState<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Running(progress) => Self::Running(progress.clone()),
            Self::Done(result) => Self::Done(Arc::clone(result)),
            Self::Failed(why) => Self::Failed(why.clone()),
        }
    }
}

/// What is done, with its key.
pub(super) type Done<K, T> = Vec<(K, Arc<T>)>;

/// Keeps all that is done.
type Keep<K, T> = Box<dyn Fn(&[(K, Arc<T>)]) + Send>;

/// The newest pieces of work of one kind.
pub(super) struct AskedWork<K, T> {
    most: usize,
    pieces: Mutex<VecDeque<(K, WorkState<T>)>>,
    /// Called each time that a piece is done. It may block.
    keep: Mutex<Keep<K, T>>,
}

impl<K: Clone + PartialEq + Send + 'static, T: Send + Sync + 'static> AskedWork<K, T> {
    /// Remembers so many, and these of earlier.
    pub(super) fn new(
        most: usize,
        earlier: Done<K, T>,
        keep: impl Fn(&[(K, Arc<T>)]) + Send + 'static,
    ) -> Self {
        let earlier = earlier.into_iter();
        let earlier = earlier.map(|(key, done)| (key, WorkState::Done(done)));
        Self {
            most,
            pieces: Mutex::new(earlier.collect()),
            keep: Mutex::new(Box::new(keep)),
        }
    }

    /// How the work on this stands; none if nobody has asked.
    pub(super) fn standing(&self, key: &K) -> Option<WorkState<T>> {
        let pieces = self.pieces();
        let found = pieces.iter().find(|(known, _)| known == key);
        found.map(|(_, standing)| standing.clone())
    }

    /// Begins the work, unless it is under way or done.
    pub(super) fn begin<F>(self: &Arc<Self>, key: K, work: impl FnOnce(Progress) -> F)
    where
        F: Future<Output = Result<T, String>> + Send + 'static,
    {
        let progress = Progress::default();
        {
            let mut pieces = self.pieces();
            let known = pieces.iter().position(|(known, _)| *known == key);
            match known.map(|at| &pieces[at].1) {
                Some(WorkState::Running(_) | WorkState::Done(_)) => return,
                Some(WorkState::Failed(_)) | None => {}
            }
            if let Some(at) = known {
                pieces.remove(at);
            }
            if pieces.len() >= self.most {
                // Work that goes on is kept. Where all goes on, there is no room for more.
                let idle =
                    |(_, standing): &(K, WorkState<T>)| !matches!(standing, WorkState::Running(_));
                let Some(at) = pieces.iter().position(idle) else {
                    return;
                };
                pieces.remove(at);
            }
            pieces.push_back((key.clone(), WorkState::Running(progress.clone())));
        }
        let (this, work) = (Arc::clone(self), work(progress));
        tokio::spawn(async move {
            // On a task of its own, so that a panic is a failure like any other.
            let ended = tokio::spawn(work).await;
            let standing = match ended {
                Ok(Ok(result)) => WorkState::Done(Arc::new(result)),
                Ok(Err(why)) => WorkState::Failed(why),
                Err(error) => WorkState::Failed(format!("the work ended early: {error}")),
            };
            let done = matches!(standing, WorkState::Done(_));
            {
                let mut pieces = this.pieces();
                if let Some((_, kept)) = pieces.iter_mut().find(|(known, _)| *known == key) {
                    *kept = standing;
                }
            }
            if done {
                let kept = tokio::task::spawn_blocking(move || this.keep()).await;
                kept.unwrap_or_else(|error| tracing::warn!(%error, "results were not kept"));
            }
        });
    }

    /// Keeps what is done now. The lock puts the newest list on disk last.
    fn keep(&self) {
        let keep = self.keep.lock().unwrap_or_else(PoisonError::into_inner);
        let done: Done<K, T> = self
            .pieces()
            .iter()
            .filter_map(|(key, state)| match state {
                WorkState::Done(done) => Some((key.clone(), Arc::clone(done))),
                WorkState::Running(_) | WorkState::Failed(_) => None,
            })
            .collect();
        keep(&done);
    }

    fn pieces(&self) -> MutexGuard<'_, VecDeque<(K, WorkState<T>)>> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
