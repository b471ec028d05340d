//! Where a scheduler is reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use gugus_engine::{Access, ClusterUrl, Security};

/// Where a scheduler is reached, and what it demands there.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Where the socket really listens.
    pub(crate) address: SocketAddr,
    /// The host name that others use, when it is not that address.
    pub(crate) external_host: Option<String>,
    /// The TLS and token of the cluster.
    pub(crate) security: Security,
}

impl Endpoint {
    /// The host that executors call back to.
    pub(crate) fn host(&self) -> String {
        let own = || self.address.ip().to_string();
        self.external_host.clone().unwrap_or_else(own)
    }

    /// How this process reaches itself. With TLS the name must be one that the certificate is for.
    pub(crate) fn own_access(&self) -> Access {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        let host = match &self.external_host {
            Some(host) if self.security.tls.is_some() => host.clone(),
            _ => ip.to_string(),
        };
        Access {
            url: ClusterUrl::new(host, self.address.port()),
            security: self.security.clone(),
        }
    }
}
