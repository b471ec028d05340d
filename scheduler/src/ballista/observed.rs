//! Ballista's state of jobs, which tells our records and the log what becomes of each.
//!
//! All calls go on to Ballista's own state. Making a record takes a while, so only the job's id goes into a queue here: the
//! scheduler's loop of events never waits for a record.

use std::collections::HashSet;
use std::sync::Arc;

use ballista_core::error::Result;
use ballista_core::serde::protobuf::JobStatus;
use ballista_core::{JobId, JobStatusSubscriber};
use ballista_scheduler::cluster::{JobState as BallistaJobs, JobStateEventStream};
use ballista_scheduler::state::execution_graph::ExecutionGraphBox;
use datafusion::prelude::{SessionConfig, SessionContext};
use gugus_pages::job::{JobState, Row};
use tokio::sync::mpsc::Sender;

use super::log_events::log_event;
use super::record::row;
use super::records::Records;

/// Ballista's state of jobs, observed.
pub(super) struct Observed {
    inner: Arc<dyn BallistaJobs>,
    records: Arc<Records>,
    ended: Sender<JobId>,
}

impl Observed {
    pub(super) fn new(
        inner: Arc<dyn BallistaJobs>,
        records: Arc<Records>,
        ended: Sender<JobId>,
    ) -> Self {
        Self {
            inner,
            records,
            ended,
        }
    }

    /// Tells the log how a Ballista job ended.
    fn tell_end(&self, row: &Row) {
        let (log, job, name) = (self.records.log, &row.id, &row.name);
        let milliseconds = row.ended.saturating_sub(row.queued);
        let (state, reason) = (row.state.word(), row.failure.as_deref());
        match row.state {
            JobState::Failed => log_event!(
                log,
                job,
                name,
                milliseconds,
                reason,
                "a Ballista job failed"
            ),
            _ => log_event!(log, job, name, milliseconds, state, "a Ballista job ended"),
        }
    }

    fn ended(&self, id: &JobId) {
        if self.ended.try_send(id.clone()).is_err() {
            self.records.history.not_kept();
            self.records.ledger.forget(id);
        }
    }
}

#[tonic::async_trait]
impl BallistaJobs for Observed {
    fn accept_job(&self, id: &JobId, name: &str, queued_at: u64) -> Result<()> {
        self.inner.accept_job(id, name, queued_at)?;
        let job = Row::queued(id.to_string(), name, queued_at);
        self.records.history.note(job);
        Ok(())
    }

    async fn submit_job(
        &self,
        id: JobId,
        graph: &ExecutionGraphBox,
        subscriber: Option<JobStatusSubscriber>,
    ) -> Result<()> {
        self.inner.submit_job(id, graph, subscriber).await?;
        let row = row(&**graph);
        let (job, name, stages) = (&row.id, &row.name, row.stages_total);
        log_event!(self.records.log, job, name, stages, "a Ballista job begins");
        self.records.history.note(row);
        Ok(())
    }

    async fn save_job(&self, id: &JobId, graph: &ExecutionGraphBox) -> Result<()> {
        self.inner.save_job(id, graph).await?;
        let row = row(&**graph);
        let ended = row.state.is_final();
        if ended {
            self.tell_end(&row);
        }
        self.records.history.note(row);
        if ended {
            self.ended(id);
        }
        Ok(())
    }

    async fn fail_unscheduled_job(&self, id: &JobId, reason: String) -> Result<()> {
        let log = self.records.log;
        log_event!(log, job = %id, reason, "a Ballista job failed before it began");
        self.inner.fail_unscheduled_job(id, reason).await?;
        self.ended(id);
        Ok(())
    }

    fn pending_job_number(&self) -> usize {
        self.inner.pending_job_number()
    }

    async fn get_jobs(&self) -> Result<HashSet<JobId>> {
        self.inner.get_jobs().await
    }

    async fn get_all_jobs(&self) -> Result<HashSet<JobId>> {
        self.inner.get_all_jobs().await
    }

    async fn get_job_status(&self, id: &JobId) -> Result<Option<JobStatus>> {
        self.inner.get_job_status(id).await
    }

    async fn get_execution_graph(&self, id: &JobId) -> Result<Option<ExecutionGraphBox>> {
        self.inner.get_execution_graph(id).await
    }

    async fn remove_job(&self, id: &JobId) -> Result<()> {
        self.inner.remove_job(id).await
    }

    async fn try_acquire_job(&self, id: &JobId) -> Result<Option<ExecutionGraphBox>> {
        self.inner.try_acquire_job(id).await
    }

    async fn job_state_events(&self) -> Result<JobStateEventStream> {
        self.inner.job_state_events().await
    }

    async fn create_or_update_session(
        &self,
        id: &str,
        config: &SessionConfig,
    ) -> Result<Arc<SessionContext>> {
        self.inner.create_or_update_session(id, config).await
    }

    async fn remove_session(&self, id: &str) -> Result<()> {
        self.inner.remove_session(id).await
    }

    fn produce_config(&self) -> SessionConfig {
        self.inner.produce_config()
    }
}
