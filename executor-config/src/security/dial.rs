//! How a process of the cluster calls another one.

use std::sync::Arc;
use std::time::Duration;

use ballista_core::extension::{BallistaConfigGrpcEndpoint, EndpointOverrideFn};
use tonic::transport::{Endpoint, Error};

use super::settings::Security;

/// How long connecting may take. A machine on another continent answers within one second. A machine that swallows packets
/// would hold up everything that waits for it, such as the scheduler's search for lost executors.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How long the head of an answer may take. A scheduler decodes a plan meanwhile.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// How often a silent connection is asked whether its other end is there, and how long the answer may take. A machine that
/// lost its power does not close its connections.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How many bytes a stream and a connection may send ahead. Results are megabytes, and with HTTP/2's default of 64 KiB there
/// would be a round trip after each.
const STREAM_WINDOW: u32 = 16 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;

impl Security {
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

    /// Dials Ballista's own connections: those from the scheduler to executors, and those that fetch results. Ballista always
    /// writes `http://` before addresses, and tonic does TLS for `https` only, so each endpoint is made anew. The user agent
    /// is the only header that can be set.
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
