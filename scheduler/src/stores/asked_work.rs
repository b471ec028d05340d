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

/// What is done, with its key; the oldest first.
pub(super) type Done<K, T> = Vec<(K, Arc<T>)>;

/// Keeps a list of all that is done.
type Keep<K, T> = Box<dyn Fn(&[(K, Arc<T>)]) + Send>;

/// The newest pieces of work of one kind.
pub(super) struct AskedWork<K, T> {
    most: usize,
    pieces: Mutex<VecDeque<(K, WorkState<T>)>>,
    /// Called with all that is done, each time that a piece is. It may block.
    keep: Mutex<Keep<K, T>>,
}

impl<K: Clone + PartialEq + Send + 'static, T: Send + Sync + 'static> AskedWork<K, T> {
    /// Remembers so many pieces. `earlier` are done already, the oldest first.
    pub(super) fn new(
        most: usize,
        earlier: Done<K, T>,
        keep: impl Fn(&[(K, Arc<T>)]) + Send + 'static,
    ) -> Self {
        let surplus = earlier.len().saturating_sub(most);
        let earlier = earlier.into_iter().skip(surplus);
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

    /// Keeps all that is done now. Under the lock, the newest list is kept last.
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_earlier_work_the_newest_is_remembered_and_the_oldest_goes_first() {
        let (tell, told) = std::sync::mpsc::channel();
        let keep = move |done: &[(u8, Arc<u8>)]| {
            let keys: Vec<u8> = done.iter().map(|(key, _)| *key).collect();
            tell.send(keys).unwrap();
        };
        let earlier = (1..=5).map(|key| (key, Arc::new(key))).collect();
        let works = Arc::new(AskedWork::new(3, earlier, keep));
        works.begin(6, |_| async { Ok(6) });
        let kept = tokio::task::spawn_blocking(move || told.recv().unwrap());
        assert_eq!(kept.await.unwrap(), [4, 5, 6]);
        assert!(works.standing(&3).is_none() && works.standing(&5).is_some());
    }
}
