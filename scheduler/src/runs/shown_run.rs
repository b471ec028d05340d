//! A run whose driver is elsewhere in this process.

use std::sync::Arc;

use gugus_pages::run::RunId;
use gugus_progress::Progress;
use gugus_spec::JobName;
use gugus_train::{Error, Observer, Report};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::attempt::{Attempts, Ended};
use super::control::Runs;
use super::course::Told;
use super::error::RunError;
use super::log::RunLog;
use super::request::RunRequest;
use super::table::Live;

/// A run of `gugus train`, `gugus up` or `gugus demo`, shown on the pages of their own cluster. It is kept as long as the cluster.
pub struct ShownRun {
    attempts: Arc<Attempts>,
    id: RunId,
    live: Live,
    log: Option<Arc<RunLog>>,
    span: Span,
    told: Told,
    writing: JoinHandle<()>,
}

impl Runs {
    /// A new run that its caller drives. The caller counts models in `progress`. The run ends with `stop`, or when somebody
    /// cancels it on its page.
    pub(crate) fn show(
        &self,
        request: &RunRequest,
        job: &JobName,
        progress: Progress,
        stop: &CancellationToken,
    ) -> Result<ShownRun, RunError> {
        let attempts = self.attempts();
        let live = Live::new(stop.child_token(), progress);
        let id = attempts.table.add(request, job, live.clone())?.id;
        let (log, span) = attempts.log(&id);
        let told = attempts.start(&id, &live);
        let (writer, id_there, live_there) = (Arc::clone(attempts), id.clone(), live.clone());
        let writing = async move { match writer.write_progress(&id_there, &live_there).await {} };
        let writing = writing.instrument(span.clone());
        Ok(ShownRun {
            attempts: Arc::clone(attempts),
            id,
            live,
            log,
            span,
            told,
            writing: tokio::spawn(writing),
        })
    }
}

impl ShownRun {
    /// The name that the driver gives to its Ballista jobs.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The observer that the driver reports to.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn Observer> {
        match self.attempts.follows(&self.id) {
            true => self.live.heard.listener(self.told.observer()),
            false => self.told.observer(),
        }
    }

    /// Lets `train` do the work until its token is cancelled, and writes down how the run ended. What the driver logs is the
    /// run's log.
    ///
    /// # Errors
    /// [`Error`] of the training; [`Error::Interrupted`] when somebody stopped the run.
    pub async fn drive<F>(self, train: impl FnOnce(CancellationToken) -> F) -> Result<Report, Error>
    where
        F: Future<Output = Result<Report, Error>>,
    {
        let training = train(self.live.stop.clone());
        let trained = training.instrument(self.span.clone()).await;
        self.end(&trained).await;
        trained
    }

    async fn end(self, result: &Result<Report, Error>) {
        self.writing.abort();
        self.told.end();
        let ended = match result {
            Ok(report) => Ended::Finished(report.clone()),
            Err(Error::Interrupted { report }) => Ended::Stopped((**report).clone()),
            Err(error) => Ended::Failed(gugus_error::chain(error), error.kind()),
        };
        let concluded = self
            .attempts
            .conclude(&self.id, &self.live, self.log, &self.span, ended);
        concluded.await;
    }
}
