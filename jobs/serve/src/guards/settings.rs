//! The settings of everything that stands before the routes.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use gugus_http::{Origin, ServerCertificate, Token};

/// Who may ask the service, how much at a time, and what is told about it. [`Guards::default`] asks for no token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Guards {
    /// The token that every request has to show, except those for health. Anybody may ask when absent.
    pub token: Option<Token>,
    /// The certificate of the service. Connections are plain when absent.
    pub certificate: Option<ServerCertificate>,
    /// Sites whose pages may ask and read the answers.
    pub origins: Vec<Origin>,
    /// The names by which a service on loopback is called, beside its address, `localhost` and the named sites. A service
    /// with a token, or on another address, answers to every name.
    pub hosts: Vec<String>,
    /// The path below which a proxy shows the service.
    pub root_path: Option<RootPath>,
    /// How many requests are answered at a time, [`IN_FLIGHT`] unless given.
    pub in_flight: NonZeroUsize,
    /// How many more requests wait for their turn, [`QUEUED`] unless given. The others are refused at once.
    pub queued: usize,
    /// How long a request may take, from its head to its answer, with its body and its time in the queue; [`REQUEST_TIME`]
    /// unless given.
    pub request_time: Duration,
    /// Whether each request is logged.
    pub access_log: AccessLog,
}

/// Each request may hold a body, so the number of requests bounds the memory. Clients that wait for their answers are
/// seldom more.
pub const IN_FLIGHT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

/// As many as are answered: a request that waits behind more than these is late.
pub const QUEUED: usize = 1024;

/// A body alone may take a minute on a slow line.
pub const REQUEST_TIME: Duration = Duration::from_secs(90);

/// Whether requests are logged one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// At level `debug`, which is seldom shown.
    #[default]
    Off,
    /// At level `info`.
    On,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            token: None,
            certificate: None,
            origins: Vec::new(),
            hosts: Vec::new(),
            root_path: None,
            in_flight: IN_FLIGHT,
            queued: QUEUED,
            request_time: REQUEST_TIME,
            access_log: AccessLog::default(),
        }
    }
}

impl Guards {
    /// The address of the service at this host, as clients name it: with TLS or not, and with the path of the proxy.
    pub(crate) fn address(&self, host: &str) -> String {
        let scheme = match self.certificate {
            Some(_) => "https",
            None => "http",
        };
        let root = self.root_path.as_ref().map_or("", RootPath::as_str);
        format!("{scheme}://{host}{root}")
    }
}

/// A path such as `/gugus`: it begins with a slash and does not end with one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootPath(String);

/// A text that is no such path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no root path; write the path of the proxy, for example /gugus")]
pub struct ParseRootPathError(String);

impl FromStr for RootPath {
    type Err = ParseRootPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        if path.starts_with('/') && !path.contains("//") && path.chars().all(is_plain) {
            Ok(Self(path.to_owned()))
        } else {
            Err(ParseRootPathError(text.to_owned()))
        }
    }
}

impl RootPath {
    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The rest of a path and query behind this path; none if it does not begin so.
    pub(crate) fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        let rest = path.strip_prefix(self.as_str())?;
        match rest.chars().next() {
            Some('/') => Some(rest),
            None => Some("/"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_path_begins_with_a_slash_and_is_cut_off_as_a_whole() {
        let root: RootPath = "/a/gugus/".parse().unwrap();
        assert_eq!(root.as_str(), "/a/gugus");
        for (path, rest) in [
            ("/a/gugus/models?x=1", Some("/models?x=1")),
            ("/a/gugus", Some("/")),
            ("/a/gugus2/models", None),
            ("/models", None),
        ] {
            assert_eq!(root.strip(path), rest, "{path}");
        }
        for text in ["", "/", "gugus", "//gugus", "/a b", "/a?b", "https://a/b"] {
            assert!(text.parse::<RootPath>().is_err(), "{text:?}");
        }
    }
}
