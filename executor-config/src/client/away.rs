//! A scheduler that is away for a while: its link is cut, it stands still, or it is started again.

use std::time::Duration;

use tokio::time::sleep;

use super::cluster::Cluster;
use super::error::ClusterError;
use crate::connection::access::AccessError;

/// How long a scheduler may be away until its clients give up. A machine that starts anew takes a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// The time between two questions to a scheduler that does not answer.
const RETRY: Duration = Duration::from_millis(500);

impl Cluster {
    /// Waits until the scheduler answers, after a call got lost in the work of `name`.
    ///
    /// # Errors
    /// [`ClusterError::Away`] when it stays away, [`ClusterError::Access`] when this client cannot work with it.
    pub(super) async fn await_scheduler(&self, name: &str) -> Result<(), ClusterError> {
        let url = &self.access.url;
        loop {
            let error = match self.access.about(&self.channel).await {
                Ok(about) => {
                    self.presence.met(about.scheduler_id);
                    self.answers();
                    return Ok(());
                }
                Err(
                    error @ (AccessError::Token { .. }
                    | AccessError::Mismatch { .. }
                    | AccessError::Certificates { .. }),
                ) => return Err(ClusterError::Access(error)),
                Err(error) => error,
            };
            let (silence, news) = self.presence.away();
            if news {
                let (limit, reason) = (PATIENCE.as_secs(), gugus_error::chain(&error));
                tracing::warn!(scheduler = %url, limit, reason, "the scheduler does not answer; the run waits for it");
            }
            if silence >= PATIENCE {
                return Err(ClusterError::Away {
                    url: url.clone(),
                    seconds: silence.as_secs(),
                    name: name.to_owned(),
                    source: Box::new(error),
                });
            }
            sleep(RETRY).await;
        }
    }

    /// The scheduler answers, so a silence ends, even if no job waits for that any more. The log tells of the next silence anew.
    pub(super) fn answers(&self) {
        if let Some(after) = self.presence.back() {
            let (scheduler, seconds) = (&self.access.url, after.as_secs());
            tracing::info!(%scheduler, seconds, "the scheduler answers again; the run goes on");
        }
    }
}
