//! A standing run: it goes on with each new batch until somebody pauses or ends it.
//!
//! A standing run does not wait for its turn, and it takes none from the runs that do. When an attempt fails because of the
//! cluster or a store, the next one begins after a pause; only a wrong request ends the run. When the scheduler ends, the run
//! stays as it is on disk, and the next scheduler goes on with it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use gugus_engine::Cluster;
use gugus_error::Kind;
use gugus_pages::run::RunId;
use gugus_submit::SubmitError;
use gugus_train::{Follow, Observer, Report};
use tokio::time::{Instant, interval, timeout};

use super::attempt::{Attempts, Ended, NOTE};
use super::error::RunError;
use super::record::add_ballista_jobs;
use super::request::RunRequest;
use super::table::Live;

/// The pause before the next attempt, after the first failure and at most. A cluster that is being replaced comes back within
/// seconds; a bucket that is away for hours shall not be asked more than once a minute.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often the log of a standing run says how far the run is. At once a minute, a log lasts for weeks before it is cut.
const SAY: Duration = Duration::from_secs(60);

impl Attempts {
    /// Drives the run until somebody pauses or ends it, or the request turns out to be wrong.
    pub(super) async fn stand(self: Arc<Self>, id: RunId, live: Live) {
        let (log, span) = self.log(&id);
        let mut pause = FIRST_PAUSE;
        let ended = loop {
            let began = Instant::now();
            let ended = self.attempt(&id, &live, &span).await;
            let Ended::Failed(why, Kind::Failed) = ended else {
                break ended;
            };
            if began.elapsed() > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            let seconds = pause.as_secs();
            span.in_scope(|| tracing::warn!(seconds, "the run goes on after a pause: {why}"));
            self.table.change(&id, |run| {
                run.failure = Some(format!("{why}; the run tries again after {seconds} s"));
            });
            if timeout(pause, live.stop.cancelled()).await.is_ok() {
                break Ended::Stopped(Report::default());
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        self.conclude(&id, &live, log, &span, ended).await;
    }

    /// Trains what is there, then what comes, until the run is stopped.
    pub(super) async fn follow(
        &self,
        id: &RunId,
        live: &Live,
        observer: Arc<dyn Observer>,
        request: &RunRequest,
    ) -> Result<Report, RunError> {
        let cluster = Cluster::connect(self.access.clone()).await;
        let cluster =
            cluster.map_err(|error| gugus_train::Error::from(SubmitError::from(error)))?;
        let config = request.config(&self.places, &live.progress, observer, Some(id))?;
        let stop = live.stop.clone();
        Ok(gugus_train::follow(config, Follow::default(), &cluster, stop).await?)
    }

    /// Writes down how far a standing run is, when something happened.
    pub(super) async fn write_heard(&self, id: &RunId, live: &Live) -> Infallible {
        let mut ticks = interval(NOTE);
        let (mut before, mut said) = (None, Instant::now());
        loop {
            ticks.tick().await;
            let heard = live.heard.now();
            // A standing run may wait for months, and costs nothing meanwhile.
            if before.as_ref() == Some(&heard) {
                continue;
            }
            if said.elapsed() >= SAY {
                said = Instant::now();
                let (trained, failed, behind) = (heard.trained, heard.failed, heard.batches);
                tracing::info!(trained, failed, behind, "following");
            }
            let jobs = self.ballista_jobs(id);
            self.table.change(id, |run| {
                heard.put(run);
                add_ballista_jobs(run, jobs);
                if heard.caught_up {
                    run.failure = None;
                }
            });
            before = Some(heard);
        }
    }
}
