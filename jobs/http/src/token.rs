//! The secret that callers show.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::secret::warn_if_open;

/// An API token. Everyone who knows the token of a cluster may submit plans and runs, and so read and write all files that
/// executors can. Everyone who knows the token of a service of predictions may ask that service.
///
/// Ballista's own connections take no header but the user agent. There a process shows [`Token::peer`], which is derived from
/// the token and does not reveal it, because proxies write user agents to their logs.
#[derive(Clone)]
pub struct Token {
    text: Arc<str>,
    peer: Arc<str>,
    text_digest: Digested,
    peer_digest: Digested,
}

/// The digest of a secret.
type Digested = [u8; 32];

/// What the header `www-authenticate` of an answer without the token asks for.
pub const BEARER: HeaderValue = HeaderValue::from_static("Bearer realm=\"gugus\"");

/// What it also asks browsers for. They can send the token only as a password.
pub const BASIC: HeaderValue =
    HeaderValue::from_static("Basic realm=\"gugus: any name, the token as password\"");

/// Never shows the token.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Why there is no token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The file cannot be read.
    #[error("token file {} could not be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The text cannot travel in a header. The text itself is not shown.
    #[error(
        "the token is empty or holds a character that a header cannot carry; make one with `openssl rand -hex 32`"
    )]
    Form,
}

impl Token {
    /// A token from its text. White space around the text does not count, because files end with a line feed.
    ///
    /// # Errors
    /// [`TokenError::Form`].
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Form);
        }
        Ok(Self::of(text))
    }

    /// A token from random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self::of(&hex(&bytes))
    }

    fn of(text: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(b"gugus peer\0")
            .chain_update(text)
            .finalize();
        let peer = hex(&digest);
        Self {
            text_digest: Sha256::digest(text).into(),
            peer_digest: Sha256::digest(&peer).into(),
            text: text.into(),
            peer: peer.into(),
        }
    }

    /// The token that a file holds.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn from_file(path: &Path) -> Result<Self, TokenError> {
        let text = gugus_error::read_regular_text(path).map_err(|source| TokenError::Read {
            path: path.to_owned(),
            source,
        })?;
        warn_if_open(path);
        Self::new(&text)
    }

    /// The value of the header `authorization`. A secret: not for logs.
    #[must_use]
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.text)
    }

    /// Whether this is the text of the token. The comparison always takes the same time: it reveals neither where the
    /// texts differ nor how long they are.
    #[must_use]
    pub fn is(&self, shown: &str) -> bool {
        same(&self.text_digest, shown)
    }

    /// The secret for connections that can carry only a user agent.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Whether this is [`Self::peer`], compared as [`Self::is`] does.
    #[must_use]
    pub fn is_peer(&self, shown: &str) -> bool {
        same(&self.peer_digest, shown)
    }

    /// Whether the header `authorization` shows the token: as a bearer token, or as the password that a browser asked for.
    #[must_use]
    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        let shown = headers
            .get(header::AUTHORIZATION)
            .and_then(|value: &HeaderValue| value.to_str().ok());
        shown.is_some_and(|shown| match shown.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => self.is(rest.trim()),
            // The user name does not matter.
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => BASE64_STANDARD
                .decode(rest.trim())
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .is_some_and(|pair| {
                    pair.split_once(':')
                        .is_some_and(|(_, shown)| self.is(shown))
                }),
            _ => false,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares digests, so that the time reveals neither the position of a difference nor the length.
fn same(ours: &Digested, shown: &str) -> bool {
    ours.ct_eq(Sha256::digest(shown).as_slice()).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn a_token_knows_itself_and_tells_nobody() {
        let token = Token::new(" s3cret-of-the-cluster\n").unwrap();
        assert!(token.is("s3cret-of-the-cluster"));
        for wrong in [
            "",
            "s3cret-of-the-cluste",
            "s3cret-of-the-cluster ",
            token.peer(),
        ] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        assert!(token.is_peer(token.peer()));
        assert!(!token.is_peer("s3cret-of-the-cluster"));
        assert!(!token.peer().contains("s3cret"));
        assert!(!format!("{token:?}").contains("s3cret"));
        let made = Token::from_random([171; 32]);
        assert!(made.is(&"ab".repeat(32)) && !made.is_peer(token.peer()));
    }

    #[test]
    fn what_no_header_carries_is_no_token() {
        for text in ["", " \n", "two words", "tök", "a\nb"] {
            let error = Token::new(text).unwrap_err();
            assert!(matches!(error, TokenError::Form), "{text:?}");
        }
    }
}
