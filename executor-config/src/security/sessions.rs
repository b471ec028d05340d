//! Browsers that have shown the token.
//!
//! A browser keeps the name of its session in a cookie. The name is random and says nothing about the token.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// How long a session lasts: a working day.
const LASTS: Duration = Duration::from_secs(12 * 60 * 60);

/// The most sessions at a time. If there are more, the oldest ends.
const MOST: usize = 1_000;

/// All sessions of one process; they end with it.
#[derive(Debug)]
pub(super) struct Sessions {
    /// The beginning of each session by the digest of its name. A look-up of digests takes a time that reveals no name.
    begun: Mutex<HashMap<[u8; 32], Instant>>,
    /// The cookie's name. Browsers keep a cookie of the name `__Host-…` from being set by other hosts or without TLS.
    cookie: &'static str,
    /// The attributes that every cookie of ours has.
    attributes: &'static str,
}

impl Sessions {
    pub(super) fn new(tls: bool) -> Self {
        let (cookie, attributes) = if tls {
            (
                "__Host-gugus-session",
                "Path=/; HttpOnly; SameSite=Strict; Secure",
            )
        } else {
            ("gugus-session", "Path=/; HttpOnly; SameSite=Strict")
        };
        Self {
            begun: Mutex::default(),
            cookie,
            attributes,
        }
    }

    /// Begins a session and gives the header `set-cookie` for it.
    pub(super) fn begin(&self) -> Option<HeaderValue> {
        let name = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let mut begun = self.begun();
        begun.retain(|_, begun| begun.elapsed() < LASTS);
        if begun.len() >= MOST
            && let Some(oldest) = begun.iter().min_by_key(|(_, begun)| **begun)
        {
            let oldest = *oldest.0;
            begun.remove(&oldest);
        }
        begun.insert(digest(&name), Instant::now());
        self.header(&name, LASTS)
    }

    /// Whether a request belongs to a session.
    pub(super) fn know(&self, headers: &HeaderMap) -> bool {
        let begun = self.begun();
        self.shown(headers).any(|name| {
            let known = begun.get(&digest(name));
            known.is_some_and(|begun| begun.elapsed() < LASTS)
        })
    }

    /// Ends the session of a request and gives the header `set-cookie` that removes the cookie.
    pub(super) fn end(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut begun = self.begun();
        for name in self.shown(headers) {
            begun.remove(&digest(name));
        }
        self.header("", Duration::ZERO)
    }

    fn header(&self, name: &str, lasts: Duration) -> Option<HeaderValue> {
        let (cookie, attributes, seconds) = (self.cookie, self.attributes, lasts.as_secs());
        let header = format!("{cookie}={name}; {attributes}; Max-Age={seconds}");
        let mut header = HeaderValue::try_from(header).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// The names of sessions that a request shows.
    fn shown<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let cookies = headers.get_all(header::COOKIE).into_iter();
        let cookies = cookies.filter_map(|cookies| cookies.to_str().ok());
        let pairs = cookies.flat_map(|cookies| cookies.split(';'));
        pairs.filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.cookie).then_some(value)
        })
    }

    fn begun(&self) -> MutexGuard<'_, HashMap<[u8; 32], Instant>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(name: &str) -> [u8; 32] {
    Sha256::digest(name).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn showing(set: &HeaderValue) -> HeaderMap {
        let pair = set.to_str().unwrap().split(';').next().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("a=b; {pair}").parse().unwrap());
        headers
    }

    #[test]
    fn a_session_ends_when_it_is_ended_and_others_go_on() {
        let sessions = Sessions::new(false);
        let [one, other] = [(); 2].map(|()| showing(&sessions.begin().unwrap()));
        assert!(sessions.know(&one) && sessions.know(&other));
        assert!(!sessions.know(&HeaderMap::new()));
        let removed = sessions.end(&one).unwrap();
        assert!(removed.to_str().unwrap().contains("Max-Age=0"));
        assert!(!sessions.know(&one) && sessions.know(&other));
        assert!(!sessions.know(&showing(&removed)));
    }

    #[test]
    fn there_is_a_bound_and_the_oldest_gives_way() {
        let sessions = Sessions::new(true);
        let first = showing(&sessions.begin().unwrap());
        let last = (0..MOST).map(|_| sessions.begin().unwrap()).last().unwrap();
        assert!(last.to_str().unwrap().ends_with("Secure; Max-Age=43200"));
        assert!(!sessions.know(&first) && sessions.know(&showing(&last)));
        assert_eq!(sessions.begun().len(), MOST);
    }
}
