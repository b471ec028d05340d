//! The HTTP server of all services, and their metrics, health and readiness.
//!
//! # What it is for
//! [`serve`] runs a warp service on a socket until it is told to stop. `gugus serve` uses it for REST, and `gugus ingest`
//! for its monitoring. [`serve_service`] does the same for any other service; scheduler and executor use it for gRPC.
//! [`Monitor`] holds a service's Prometheus registry and readiness, and has the routes that show them.
//!
//! # What it guarantees
//! * A client that hangs up, sends nothing or does not speak HTTP costs one debug line.
//! * On shutdown, requests in flight get nine seconds (with [`serve_service`] the time that its caller gives). Then the
//!   sockets close.
//! * The monitoring routes read only memory, so they answer even while the service itself is stuck.
//!
//! # What it is not
//! It has no TLS (a service brings TLS as its [`Accept`]) and no authentication. Services listen on loopback unless they are
//! told otherwise.
//!
//! # Example
//! ```no_run
//! # async fn example(shutdown: tokio_util::sync::CancellationToken) -> Result<(), Box<dyn std::error::Error>> {
//! let monitor = gugus_http::Monitor::new()?;
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! gugus_http::serve(listener, monitor.routes(), |address| println!("http://{address}/metrics"), shutdown).await?;
//! # Ok(()) }
//! ```

mod monitor;
mod server;

pub use monitor::{Monitor, Readiness};
pub use server::{Accept, Error, GRACE, Plain, serve, serve_service};
