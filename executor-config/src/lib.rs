//! What client, scheduler and executor must agree on, the executor, and the client.
//!
//! Ballista resolves functions by name in three places: where a plan is made, where it is cut into stages, and where a
//! stage runs. All three take the session, the functions and the codec from here ([`session_state`], [`PlanCodec`]), so
//! that they cannot disagree unless they run different versions of Gugus.
//!
//! # Guarantees
//! * [`Cluster`] either gives every result row of a physical plan or an error that says what to do; when it is
//!   dropped or told to stop, the Ballista job is cancelled.
//! * Settings that Ballista defaults to and that would lose a job with its executor are off in every role.
//! * No credential is ever a session setting: Ballista shows those to whoever asks its REST interface.
//!
//! # What it is not
//! It does not know what is trained or where models go (`gugus-train`), and it does not contain the scheduler
//! (`gugus-scheduler`), which is a different binary's weight.
//!
//! # Why not Ballista's own client
//! `execute_physical_plan` opens a connection for every query, fetches result partitions one after another and does not
//! say which Ballista job it started, so that job could not be cancelled.
//!
//! # Example
//! ```no_run
//! # async fn example(plan: std::sync::Arc<dyn datafusion::physical_plan::ExecutionPlan>) -> Result<(), Box<dyn std::error::Error>> {
//! use gugus_engine::{Cluster, ClusterUrl};
//! use gugus_submit::Submit;
//!
//! let url: ClusterUrl = "df://127.0.0.1:50050".parse()?;
//! let cluster = Cluster::connect(url).await?;
//! let stop = tokio_util::sync::CancellationToken::new();
//! let rows = cluster.run(plan, "my job", &stop).await?;
//! # Ok(()) }
//! ```

mod about;
mod access;
mod address;
mod client;
mod codec;
mod door;
mod executor;
mod grpc;
mod guard;
mod memory;
mod rest;
mod security;
mod session;
mod stores;
mod tls;
mod token;

pub use about::{ABOUT_HEADER, ABOUT_PATH, About, SchedulerAbout};
pub use access::{Access, AccessError};
pub use address::{ClusterUrl, ParseClusterUrlError};
pub use client::{Cluster, ClusterError};
pub use codec::PlanCodec;
pub use door::{Door, DoorStream, Peer, PeerCertificate};
pub use executor::{
    ExecutorConfig, ExecutorError, ExecutorMetrics, ExecutorState, TaskSlots, run as run_executor,
};
pub use grpc::GrpcError;
pub use guard::{Guard, Port};
pub use memory::{MemoryLimit, ParseMemoryLimitError};
pub use rest::{Answer, Rest};
pub use security::Security;
pub use session::{
    ConfigureError, MESSAGE_LIMIT, RuntimeSettings, configure, function_registry, session_config,
    session_state,
};
pub use tls::{Clients, Tls, TlsError, TlsFiles};
pub use token::{Token, TokenError};
