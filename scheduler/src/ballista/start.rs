//! Starting Ballista's scheduler.

use std::sync::Arc;

use ballista_core::error::BallistaError;
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::metrics::SchedulerMetricsCollector;
use gugus_engine::{MESSAGE_LIMIT, PlanCodec, environment, session_config, session_state};
use gugus_files::Stores;
use tokio::sync::mpsc::channel;

use super::observed::Observed;
use super::placement::Placement;
use super::recorder::{Recorder, WAITING};
use super::records::Records;
use super::rest;
use super::view::Scheduler;
use crate::endpoint::Endpoint;

/// Seconds without a heartbeat after which an executor counts as lost: five beats of a second.
const EXECUTOR_TIMEOUT_SECONDS: u64 = 5;

/// How often lost executors are looked for, in seconds.
const EXPIRY_CHECK_SECONDS: u64 = 1;

/// Seconds without a heartbeat after which an executor that said it would leave counts as gone. As long after its last word,
/// too, its tasks are run again elsewhere: until then results that it sent with its last breath are fetched.
const LEAVING_TIMEOUT_SECONDS: u64 = 3;

/// How long running jobs wait for a first or another executor, in seconds. Ballista wants at least one heartbeat.
const NO_EXECUTORS_GRACE_SECONDS: u64 = 30;

/// How long a finished job's state is kept, in seconds.
const JOB_STATE_SECONDS: u64 = 300;

/// How long a finished job's results are kept, in seconds: they are fetched at once.
const JOB_DATA_SECONDS: u64 = 60;

/// Starts Ballista's scheduler, reached at `endpoint`.
pub(crate) async fn start(
    endpoint: &Endpoint,
    stores: Stores,
    metrics: Arc<dyn SchedulerMetricsCollector>,
    records: Arc<Records>,
) -> Result<(Scheduler, Arc<Placement>, Recorder), BallistaError> {
    let config = Arc::new(config(endpoint, stores));
    let cluster = BallistaCluster::new_from_config(&config).await?;
    let placement = Arc::new(Placement::new(Arc::clone(&records)));
    let jobs = cluster.job_state();
    let (told, ended) = channel(WAITING);
    let observed = Observed::new(Arc::clone(&jobs), Arc::clone(&records), told);
    let recorder = Recorder {
        jobs,
        records,
        ended,
    };
    let cluster = BallistaCluster::new(Arc::clone(&placement) as _, Arc::new(observed));
    let codec = BallistaCodec::new(
        Arc::new(BallistaLogicalExtensionCodec::default()),
        Arc::new(PlanCodec::default()),
    );
    // As Ballista's `create_scheduler` does it, which would choose the collector of metrics itself.
    let endpoint = config.scheduler_endpoint();
    let mut scheduler = Scheduler::new(endpoint, cluster, codec, config, metrics);
    scheduler.init().await?;
    Ok((scheduler, placement, recorder))
}

fn config(endpoint: &Endpoint, stores: Stores) -> SchedulerConfig {
    let limit = u32::try_from(MESSAGE_LIMIT).unwrap_or(u32::MAX);
    let environment = environment(None, None, stores);
    SchedulerConfig {
        bind_host: endpoint.address.ip().to_string(),
        // Executors call back to this name and to `bind_port`, whatever the socket is.
        external_host: endpoint.host(),
        bind_port: endpoint.address.port(),
        executor_timeout_seconds: EXECUTOR_TIMEOUT_SECONDS,
        expire_dead_executor_interval_seconds: EXPIRY_CHECK_SECONDS,
        executor_termination_grace_period: LEAVING_TIMEOUT_SECONDS,
        override_create_grpc_client_endpoint: Some(endpoint.security.dial()),
        no_executors_grace_period_seconds: NO_EXECUTORS_GRACE_SECONDS,
        finished_job_data_clean_up_interval_seconds: JOB_DATA_SECONDS,
        finished_job_state_clean_up_interval_seconds: JOB_STATE_SECONDS,
        grpc_server_max_decoding_message_size: limit,
        grpc_server_max_encoding_message_size: limit,
        grpc_client_max_message_size: limit,
        override_config_producer: Some(Arc::new(session_config)),
        override_session_builder: Some(Arc::new(move |config| {
            Ok(session_state(config, Arc::clone(&environment)))
        })),
        override_physical_codec: Some(Arc::new(PlanCodec::default())),
        cors_allowed_origins: rest::NO_ORIGIN.to_owned(),
        web_tui_route: rest::INTERNET.to_owned(),
        ..Default::default()
    }
}
