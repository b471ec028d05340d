//! The address of a scheduler.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// `df://HOST:PORT`, as Ballista writes it. `http://HOST:PORT` and a bare `HOST:PORT` mean the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterUrl {
    host: String,
    port: u16,
}

impl ClusterUrl {
    /// The scheduler at `host` and `port`.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }

    /// The host, without brackets if it is an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port of both gRPC and REST.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same address for HTTP: `http://HOST:PORT`.
    #[must_use]
    pub fn http(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// `HOST:PORT`, with the brackets of an IPv6 address.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for ClusterUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "df://{}", self.authority())
    }
}

/// A text that is not a scheduler's address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "\"{text}\" is not a scheduler's address; write df://HOST:PORT, for example df://127.0.0.1:50050"
)]
pub struct ParseClusterUrlError {
    text: String,
}

impl FromStr for ClusterUrl {
    type Err = ParseClusterUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseClusterUrlError {
            text: text.to_owned(),
        };
        let rest = ["df://", "http://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme))
            .unwrap_or(text);
        let (host, port) = rest
            .trim_end_matches('/')
            .rsplit_once(':')
            .ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let named = !host.is_empty()
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._:".contains(c));
        let port = port.parse().map_err(|_| wrong())?;
        if named && port != 0 {
            Ok(Self::new(host, port))
        } else {
            Err(wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_every_form_that_people_write() {
        for text in ["df://h:1", "http://h:1/", "h:1"] {
            assert_eq!(
                text.parse::<ClusterUrl>().unwrap(),
                ClusterUrl::new("h", 1),
                "{text}"
            );
        }
        let six: ClusterUrl = "df://[::1]:50050".parse().unwrap();
        assert_eq!(
            (six.host(), six.to_string().as_str()),
            ("::1", "df://[::1]:50050")
        );
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for text in [
            "",
            "h",
            "df://h",
            "df://:1",
            "df://h:0",
            "df://h:x",
            "https://h:1",
            "df://a b:1",
        ] {
            assert!(text.parse::<ClusterUrl>().is_err(), "{text}");
        }
    }
}
