//! What a process shows and demands, in one value that every role takes, and how it calls others.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ballista_core::extension::{BallistaConfigGrpcEndpoint, EndpointOverrideFn};
use tonic::transport::{Endpoint, Error};

use crate::door::Door;
use crate::guard::Port;
use crate::tls::{Clients, Tls};
use crate::token::Token;

/// How long connecting may take. A machine on another continent answers within one second; one that swallows packets
/// would hold up everything that waits for it, in the scheduler the search for lost executors.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How long the head of an answer may take: a scheduler decodes a plan meanwhile.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// How often a silent connection is asked whether its other end is there, and how long the answer may take: a machine
/// that lost its power sends no end.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What a stream and a connection may send ahead, in bytes. Results are megabytes; HTTP/2's default of 64 KiB would wait
/// for a round trip after each.
const STREAM_WINDOW: u32 = 16 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;

/// TLS and the token of a process. Without either, connections are plain and anybody is heard.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// Certificates, when connections are encrypted.
    pub tls: Option<Tls>,
    /// The cluster's token, when it has one.
    pub token: Option<Token>,
}

impl Security {
    /// The scheme of addresses that this process serves and calls: `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    /// What takes the connections of a port.
    ///
    /// # Errors
    /// What rustls says; not for files that [`Tls::load`] has checked.
    pub fn door(&self, port: Port) -> Result<Door, rustls::Error> {
        let clients = match port {
            // Browsers and probes have no certificate; the guard asks them for the token.
            Port::Scheduler => Clients::Any,
            Port::Executor => Clients::Certified,
        };
        let tls = self.tls.as_ref().map(|tls| tls.acceptor(clients));
        Ok(Door::new(tls.transpose()?))
    }

    /// Says what an address lacks that others can reach. Loopback lacks nothing.
    pub fn warn_when_open(&self, role: &'static str, address: IpAddr) {
        if address.is_loopback() || self.tls.is_some() {
            return;
        }
        match self.token {
            None => tracing::warn!(
                %address,
                "this {role} takes work from anybody who reaches it, unencrypted: give it --tls-ca, --tls-cert and --tls-key, or keep others off this network"
            ),
            Some(_) => tracing::warn!(
                %address,
                "this {role} is reached without encryption, and whoever can listen learns the token: give it --tls-ca, --tls-cert and --tls-key"
            ),
        }
    }

    /// The endpoint at an authority (`HOST:PORT`), not connected.
    pub(crate) fn endpoint(&self, authority: &str) -> Result<Endpoint, Error> {
        let agent = match &self.token {
            Some(token) => format!("gugus/{} peer={}", env!("CARGO_PKG_VERSION"), token.peer()),
            None => format!("gugus/{}", env!("CARGO_PKG_VERSION")),
        };
        let endpoint = Endpoint::from_shared(format!("{}://{authority}", self.scheme()))?
            .user_agent(agent)?
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(KEEP_ALIVE))
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        match &self.tls {
            Some(tls) => endpoint.tls_config(tls.client().timeout(CONNECT_WITHIN)),
            None => Ok(endpoint),
        }
    }

    /// How Ballista's own connections are dialled, those from the scheduler to executors and those that fetch results.
    /// Ballista writes `http://` before addresses whatever is configured, and tonic does TLS for `https` only, so each
    /// endpoint is made anew. The user agent is the one header that can be set there.
    #[must_use]
    pub fn dial(&self) -> EndpointOverrideFn {
        let security = self.clone();
        Arc::new(move |given: Endpoint| {
            let authority = given.uri().authority().ok_or("an address without a host")?;
            Ok(security.endpoint(authority.as_str())?)
        })
    }

    /// [`Self::dial`] in the form that Ballista's client for results takes.
    pub(crate) fn dial_results(&self) -> Arc<BallistaConfigGrpcEndpoint> {
        Arc::new(BallistaConfigGrpcEndpoint::new(self.dial()))
    }
}
