//! A value that all viewers share, looked up again when it is old.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::problem::Problem;

use super::trouble::ended;

/// How old a value may be at most before somebody looks again.
const AGE: Duration = Duration::from_secs(1);

/// A look that takes long is made more seldom, so that looking costs at most a fiftieth of a core.
const COST: u32 = 50;

/// How long a viewer waits for a new value when there is an old one.
const PATIENCE: Duration = Duration::from_millis(50);

/// A value that all viewers share. It is looked up at most once a second, by one viewer for all.
pub(super) struct Fresh<T> {
    kept: Mutex<Option<Kept<T>>>,
    /// Held by the look that is under way.
    looking: tokio::sync::Mutex<()>,
}

struct Kept<T> {
    value: Arc<T>,
    at: Instant,
    took: Duration,
}

impl<T> Default for Fresh<T> {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
        }
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            ..*self
        }
    }
}

impl<T> Kept<T> {
    fn is_due(&self) -> bool {
        self.at.elapsed() > AGE.max(self.took * COST)
    }
}

impl<T: Send + Sync + 'static> Fresh<T> {
    /// The value: the one that is known if it is new enough, else the one that `look` finds. When looking takes long, the one
    /// that is known is the answer, and the next viewer gets the new one.
    pub(super) async fn get<F>(self: &Arc<Self>, look: F) -> Result<Arc<T>, Problem>
    where
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let known = self.known();
        if let Some(kept) = &known
            && !kept.is_due()
        {
            return Ok(Arc::clone(&kept.value));
        }
        // Looks of a store that does not answer shall not queue up.
        if let (Some(kept), Err(_)) = (&known, self.looking.try_lock()) {
            return Ok(Arc::clone(&kept.value));
        }
        let this = Arc::clone(self);
        let looking = tokio::spawn(async move { this.look(look).await });
        match known {
            None => looking.await.map_err(|error| ended(&error))?,
            Some(kept) => match tokio::time::timeout(PATIENCE, looking).await {
                Ok(done) => done.map_err(|error| ended(&error))?,
                Err(_) => Ok(kept.value),
            },
        }
    }

    async fn look(
        &self,
        look: impl Future<Output = Result<T, Problem>>,
    ) -> Result<Arc<T>, Problem> {
        let _one = self.looking.lock().await;
        if let Some(kept) = self.known()
            && !kept.is_due()
        {
            return Ok(kept.value);
        }
        let began = Instant::now();
        let value = Arc::new(look.await?);
        let kept = Kept {
            value: Arc::clone(&value),
            at: Instant::now(),
            took: began.elapsed(),
        };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(value)
    }

    fn known(&self) -> Option<Kept<T>> {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn many_viewers_cost_one_look() {
        let (fresh, looks) = (Arc::new(Fresh::default()), Arc::new(AtomicU32::new(0)));
        let ask = || {
            let looks = Arc::clone(&looks);
            fresh.get(async move { Ok(looks.fetch_add(1, Ordering::Relaxed)) })
        };
        let answers = join_all((0..20).map(|_| ask())).await;
        assert!(answers.into_iter().all(|answer| *answer.unwrap() == 0));
        assert_eq!(looks.load(Ordering::Relaxed), 1);
    }

    /// A look that never ends does not keep viewers from what is known.
    #[tokio::test]
    async fn a_slow_look_is_not_waited_for_when_something_is_known() {
        let fresh = Arc::new(Fresh::default());
        assert_eq!(*fresh.get(async { Ok(1) }).await.unwrap(), 1);
        fresh.kept.lock().unwrap().as_mut().unwrap().took = Duration::ZERO;
        fresh.kept.lock().unwrap().as_mut().unwrap().at =
            Instant::now().checked_sub(AGE * 2).unwrap();
        assert_eq!(*fresh.get(std::future::pending()).await.unwrap(), 1);
    }
}
