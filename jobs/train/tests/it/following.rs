//! What the tests of `follow` need: a cluster that can be held up and taken away, and notes that can be waited for.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use gugus_features::ExecutionPlan;
use gugus_models::Existing;
use gugus_progress::Progress;
use gugus_spec::Job;
use gugus_submit::{Submit, SubmitError};
use gugus_train::{
    Config, Error, Follow, Lag, ModelReport, Observer, Outcome, PassReport, Report, follow,
};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::kit::Work;

/// How long a test waits for anything.
const DEADLINE: Duration = Duration::from_secs(60);

/// What was told so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    lines: Mutex<Vec<ModelReport>>,
    passes: Mutex<Vec<PassReport>>,
    lag: Mutex<Lag>,
    caught_up: AtomicUsize,
    told: Notify,
}

impl Observer for Seen {
    fn model(&self, line: &ModelReport) {
        self.lines.lock().unwrap().push(line.clone());
        self.told.notify_one();
    }

    fn pass(&self, pass: &PassReport) {
        self.passes.lock().unwrap().push(pass.clone());
    }

    fn caught_up(&self) {
        self.caught_up.fetch_add(1, Ordering::SeqCst);
        self.told.notify_one();
    }

    fn lag(&self, lag: Lag) {
        *self.lag.lock().unwrap() = lag;
        self.told.notify_one();
    }
}

impl Seen {
    /// The lines of a model with this status, in the order in which they were told.
    pub(crate) fn of(&self, model: &str, status: Outcome) -> Vec<ModelReport> {
        let lines = self.lines.lock().unwrap();
        let lines = lines.iter();
        let lines = lines.filter(|line| line.model == model && line.status == status);
        lines.cloned().collect()
    }

    /// The batches of which a model was trained, in order of training.
    pub(crate) fn trained(&self, model: &str) -> Vec<u64> {
        let lines = self.of(model, Outcome::Trained).into_iter();
        lines.filter_map(|line| line.batch).collect()
    }

    /// The rows of a model at each training.
    pub(crate) fn rows(&self, model: &str) -> Vec<u64> {
        let lines = self.of(model, Outcome::Trained).into_iter();
        lines.map(|line| line.rows).collect()
    }

    /// The steps of all passes.
    pub(crate) fn steps(&self) -> Vec<String> {
        let passes = self.passes.lock().unwrap();
        passes.iter().map(|pass| pass.step.clone()).collect()
    }

    pub(crate) fn lag(&self) -> Lag {
        *self.lag.lock().unwrap()
    }

    pub(crate) fn caught_up(&self) -> usize {
        self.caught_up.load(Ordering::SeqCst)
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let waited = timeout(DEADLINE, async {
            while !is_so(self) {
                self.told.notified().await;
            }
        });
        let waited = waited.await;
        assert!(waited.is_ok(), "{what}: {self:?}");
    }

    /// Waits until a model was trained of so many batches, and nothing waits any more.
    pub(crate) async fn until_trained(&self, model: &str, batches: usize) {
        let is_so = |seen: &Self| seen.trained(model).len() >= batches && seen.lag().batches == 0;
        self.until(&format!("{batches} of {model}"), is_so).await;
    }
}

/// A cluster that can be held up and taken away.
#[derive(Debug)]
pub(crate) struct Gate<'a> {
    cluster: &'a dyn Submit,
    /// Jobs whose name contains this wait until it is another text.
    pub(crate) held: tokio::sync::watch::Sender<Option<&'static str>>,
    /// Jobs whose name contains this are refused.
    away: Mutex<Option<&'static str>>,
    refused: AtomicUsize,
}

impl<'a> Gate<'a> {
    pub(crate) fn new(cluster: &'a dyn Submit) -> Self {
        Self {
            cluster,
            held: tokio::sync::watch::Sender::new(None),
            away: Mutex::new(None),
            refused: AtomicUsize::new(0),
        }
    }

    pub(crate) fn set_away(&self, away: bool) {
        self.refuse(away.then_some(""));
    }

    /// Refuses the jobs whose name contains this, from now on.
    pub(crate) fn refuse(&self, names: Option<&'static str>) {
        *self.away.lock().unwrap() = names;
    }

    /// How many jobs were refused.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Submit for Gate<'_> {
    async fn run(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        name: &str,
        stop: &CancellationToken,
    ) -> Result<Vec<RecordBatch>, SubmitError> {
        let away = *self.away.lock().unwrap();
        if away.is_some_and(|away| name.contains(away)) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(SubmitError::Cluster("nobody answers".into()));
        }
        let mut held = self.held.subscribe();
        let passes = held.wait_for(|held| held.is_none_or(|held| !name.contains(held)));
        if stop.run_until_cancelled(passes).await.is_none() {
            return Err(SubmitError::Cancelled);
        }
        self.cluster.run(plan, name, stop).await
    }

    async fn task_slots(&self) -> Option<usize> {
        self.cluster.task_slots().await
    }
}

/// Follows the batches of `work` while `script` runs.
pub(crate) async fn following(
    work: &Work,
    job: &Job,
    cluster: &dyn Submit,
    seen: &Arc<Seen>,
    script: impl Future<Output = ()>,
) -> Result<Report, Error> {
    let config = Config {
        job: job.clone(),
        batches: work.batches.clone(),
        models: work.models.clone(),
        only: Vec::new(),
        existing: Existing::Keep,
        progress: Progress::default(),
        observer: seen.clone(),
        run: None,
    };
    let poll = Duration::from_millis(10);
    let stop = CancellationToken::new();
    let mut followed = pin!(follow(config, Follow { poll }, cluster, stop.clone()));
    tokio::select! {
        biased;
        // It ends by itself only with an error.
        ended = &mut followed => return ended,
        () = script => stop.cancel(),
    }
    let ended = timeout(DEADLINE, followed).await;
    ended.unwrap_or_else(|_| panic!("it does not stop: {seen:?}"))
}
