//! The HTTP server under our services, and what each of them tells those who watch it.
//!
//! # What it is for
//! [`serve`] runs a warp service on a socket until it is told to stop: `gugus serve` its REST interface, `gugus ingest` its
//! monitoring. [`serve_service`] does so for any service: scheduler and executor run their gRPC services on it.
//! [`Monitor`] holds a service's Prometheus registry and readiness, and has the routes that show them.
//!
//! # What it guarantees
//! * A client that hangs up, sends nothing or sends what is no HTTP costs a debug line and no more.
//! * On shutdown requests in flight get nine seconds ([`serve_service`]: what its caller says), then the sockets close.
//! * The monitoring routes look at nothing but memory: they answer while the service itself is stuck.
//!
//! # What it is not
//! It has no TLS of its own ([`Accept`] is the place for it) and no authentication. Services listen on loopback unless they
//! are told otherwise.
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
pub use server::{Accept, Error, Plain, serve, serve_service};
