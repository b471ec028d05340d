//! What connects Gugus to Ballista. The crate is called `gugus-engine` after that. Its folder is called `executor-config`
//! after the configuration files that operators look for in it.
//!
//! The crate holds what client, scheduler and executor must agree on, the executor, and the client. Ballista looks functions
//! up by name in three places: the process that makes a plan, the scheduler that cuts it into stages, and the executor that
//! runs a stage. All three take the session, the functions and the codec from this crate ([`session_state`], [`PlanCodec`]).
//! So they cannot disagree unless they run different versions of Gugus.
//!
//! # Guarantees
//! * [`Cluster`] gives every result row of a physical plan, or an error that says what to do. If the future is dropped or
//!   told to stop, the Ballista job is cancelled.
//! * Some defaults of Ballista would lose a job together with its executor. They are switched off in every process.
//! * No credential is ever a session setting, because Ballista shows these settings on its REST interface.
//! * No value that changes is global. Each process makes one [`environment`] and hands it over. Two things belong to
//!   the whole process: [`About::ours`], a constant that takes a moment to compute, and what Ballista itself keeps.
//!
//! # What it is not
//! It does not know what is trained or where models go (`gugus-train`). It does not contain the scheduler either
//! (`gugus-scheduler`), so that an executor need not link it.
//!
//! # Why not Ballista's own client and executor
//! Ballista's `execute_physical_plan` opens a connection per query and fetches result partitions one after another. It also
//! hides the id of the Ballista job that it started, so that job could not be cancelled. Ballista's executor ends itself
//! when its scheduler is away for a while, and takes its results with it.
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

mod agreement;
mod client;
mod connection;
mod executor;
mod runtime;
mod security;

pub use agreement::about::{ABOUT_HEADER, ABOUT_PATH, About, SchedulerAbout};
pub use agreement::codec::PlanCodec;
pub use agreement::id::check as check_id;
pub use agreement::session::{MESSAGE_LIMIT, function_registry, session_config, session_state};
pub use client::cluster::Cluster;
pub use client::error::ClusterError;
pub use connection::access::{Access, AccessError};
pub use connection::address::{ClusterUrl, ParseClusterUrlError};
pub use connection::rest::{Answer, Rest};
pub use connection::status::GrpcError;
pub use executor::config::{ExecutorConfig, ExecutorState, TaskSlots};
pub use executor::error::ExecutorError;
pub use executor::process::run as run_executor;
pub use gugus_http::{TlsError, Token, TokenError};
pub use runtime::environment::environment;
pub use runtime::memory::{MemoryLimit, ParseMemoryLimitError};
pub use security::guard::{Guard, SIGN_IN_PATH, SignedIn, is_for_a_page};
pub use security::refusal::answer_panics;
pub use security::settings::{Port, Security};
pub use security::tls::{Clients, Tls, TlsFiles};
