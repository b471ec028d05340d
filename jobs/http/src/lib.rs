//! The HTTP server of all services, and their metrics, health and readiness.
//!
//! # What it is for
//! [`serve`] runs a warp service on a socket until it is told to stop. Commands use it for their monitoring, such as
//! `gugus ingest`. [`serve_service`] does the same for any other service: `gugus serve` uses it for REST and gRPC, scheduler
//! and executor for gRPC. A port is a [`Door`], with TLS if it has a [`ServerCertificate`]. [`Token`] is the secret that
//! callers show. [`Hosts`] and [`is_welcome`] tell which requests come from pages that have no business here; [`may_change`]
//! is for services whose answers every page may ask for. [`cors`] lets pages of other sites read answers. [`Monitor`] holds
//! a service's Prometheus registry and readiness, and has the routes that show them.
//!
//! # What it guarantees
//! * A client that hangs up, sends nothing or does not speak HTTP costs one debug line.
//! * On shutdown, requests in flight get nine seconds (with [`serve_service`] the time that its caller gives). Then the
//!   sockets close.
//! * The monitoring routes read only memory, so they answer even while the service itself is stuck.
//!
//! # What it is not
//! It decides nothing about callers: each service says itself which paths want the token, and which certificates it trusts.
//! Services listen on loopback unless they are told otherwise.
//!
//! # Example
//! ```no_run
//! # async fn example(shutdown: tokio_util::sync::CancellationToken) -> Result<(), Box<dyn std::error::Error>> {
//! let monitor = gugus_http::Monitor::new()?;
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! let hosts = gugus_http::Hosts::of(listener.local_addr()?.ip(), None, [], &[]);
//! gugus_http::serve(listener, monitor.routes(hosts), |address| println!("http://{address}/metrics"), shutdown).await?;
//! # Ok(()) }
//! ```

mod accept;
mod certificate;
mod door;
mod hosts;
mod monitor;
mod origins;
pub mod pem;
mod process;
mod secret;
mod server;
mod token;

pub use accept::Accept;
pub use certificate::ServerCertificate;
pub use door::{Door, DoorStream, Peer, PeerCertificate};
pub use hosts::Hosts;
pub use monitor::{Monitor, Readiness};
pub use origins::{
    Asking, Origin, ParseOriginError, cors, is_from_elsewhere, is_welcome, may_change, only_looks,
};
pub use pem::TlsError;
pub use server::{Error, GRACE, serve, serve_service};
pub use token::{BASIC, BEARER, Token, TokenError};
