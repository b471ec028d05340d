//! Fetching the result of a Ballista job from the executors that hold it.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use ballista_core::client::BallistaClient;
use ballista_core::error::BallistaError;
use ballista_core::serde::protobuf::PartitionLocation;
use datafusion::error::DataFusionError;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::Mutex;

use super::error::ClusterError;
use crate::agreement::session::MESSAGE_LIMIT;
use crate::security::settings::Security;

/// Result partitions fetched at the same time: enough to hide a round trip, few enough for one executor.
const FETCHES: usize = 4;

/// Connections to executors, kept from one Ballista job to the next. Clones share them.
#[derive(Clone)]
pub(super) struct Results {
    security: Security,
    executors: Arc<Mutex<HashMap<(String, u16), BallistaClient>>>,
}

/// [`BallistaClient`] has no `Debug`.
impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Results")
    }
}

impl Results {
    pub(super) fn new(security: &Security) -> Self {
        Self {
            security: security.clone(),
            executors: Arc::default(),
        }
    }

    /// Fetches every partition of a job's result, in no particular order.
    pub(super) async fn fetch(
        &self,
        locations: Vec<PartitionLocation>,
        job: &str,
    ) -> Result<Vec<RecordBatch>, ClusterError> {
        stream::iter(latest(locations))
            .map(|location| self.fetch_partition(location, job))
            .buffer_unordered(FETCHES)
            .try_concat()
            .await
    }

    async fn fetch_partition(
        &self,
        location: PartitionLocation,
        job: &str,
    ) -> Result<Vec<RecordBatch>, ClusterError> {
        let damaged = |source| ClusterError::Result {
            job: job.to_owned(),
            source,
        };
        let layout = location.layout();
        let (Some(executor), Some(partition)) = (location.executor_meta, location.partition_id)
        else {
            let why = "a result partition without an executor".to_owned();
            return Err(damaged(DataFusionError::Internal(why)));
        };
        let port = u16::try_from(executor.port).unwrap_or_default();
        let failed = |source| ClusterError::Fetch {
            job: job.to_owned(),
            executor: format!("{}:{port}", executor.host),
            source,
        };
        let client = self.client(&executor.host, port).await;
        let mut client = client.map_err(|source| ClusterError::Unreachable {
            job: job.to_owned(),
            executor: format!("{}:{port}", executor.host),
            id: executor.id.clone(),
            source: Box::new(source),
        })?;
        let (partition, file) = (partition.into(), location.file_id);
        let rows = client.fetch_partition(&executor.id, &partition, file, layout, true);
        let rows = match rows.await {
            Ok(rows) => rows,
            Err(source) => {
                // The next fetch connects anew, and so finds out whether the executor can be called at all.
                let key = (executor.host.clone(), port);
                self.executors.lock().await.remove(&key);
                return Err(failed(source));
            }
        };
        rows.try_collect().await.map_err(damaged)
    }

    /// The kept connection to an executor. The lock is not held while connecting, so that one executor that does not
    /// answer delays nobody else. Two tasks may then connect at the same time, and one connection is dropped.
    async fn client(&self, host: &str, port: u16) -> Result<BallistaClient, BallistaError> {
        let key = (host.to_owned(), port);
        if let Some(client) = self.executors.lock().await.get(&key) {
            return Ok(client.clone());
        }
        let dialled = Some(self.security.dial_results());
        let client =
            BallistaClient::try_new(host, port, MESSAGE_LIMIT, false, dialled, 3, 200, 0, 0)
                .await?;
        self.executors.lock().await.insert(key, client.clone());
        Ok(client)
    }
}

/// Keeps the last location of each partition. When an executor is lost after it told of a task's end, Ballista runs the
/// task again and keeps the lost location in the list. Fetching the lost location would fail, or count its rows twice if
/// the executor lives after all.
fn latest(mut locations: Vec<PartitionLocation>) -> Vec<PartitionLocation> {
    let mut seen = HashSet::new();
    locations.reverse();
    locations.retain(|location| {
        let partition = location.partition_id.as_ref();
        seen.insert(partition.map(|id| (id.stage_id, id.partition_id)))
    });
    locations.reverse();
    locations
}

#[cfg(test)]
mod tests {
    use ballista_core::serde::protobuf::PartitionId;

    use super::*;

    #[test]
    fn of_two_locations_of_a_partition_the_later_one_counts() {
        let location = |partition_id, file_id| PartitionLocation {
            partition_id: Some(PartitionId {
                job_id: "job".to_owned(),
                stage_id: 1,
                partition_id,
            }),
            file_id: Some(file_id),
            ..PartitionLocation::default()
        };
        let kept = latest(vec![
            location(0, 0),
            location(1, 1),
            location(2, 2),
            location(1, 3),
        ]);
        let files: Vec<Option<u64>> = kept.iter().map(|location| location.file_id).collect();
        assert_eq!(files, [Some(0), Some(2), Some(3)]);
    }
}
