//! A scheduler's HTTP interface, for commands that ask it.

use std::time::Duration;

use axum::body::Bytes;
use http::{Request, StatusCode, header};
use serde::Serialize;
use tonic::transport::Channel;

use crate::connection::access::{Access, AccessError};

/// How long an answer may take. A dry run reads every footer of its batches.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A connection to a scheduler's HTTP interface. It is made like the connection for gRPC, so it has the same checks of
/// TLS, token and version.
#[derive(Clone, Debug)]
pub struct Rest {
    access: Access,
    channel: Channel,
}

/// The answer of a scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

impl Rest {
    /// Connects, and checks that the scheduler has the same version and accepts the token.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn connect(access: Access) -> Result<Self, AccessError> {
        let (channel, _) = access.connect().await?;
        Ok(Self { access, channel })
    }

    /// Asks for a path.
    ///
    /// # Errors
    /// [`AccessError`] when no answer comes. An answer with any status is not an error.
    pub async fn get(&self, path: &str) -> Result<Answer, AccessError> {
        self.send(Request::get(path), Bytes::new()).await
    }

    /// Sends a document to a path.
    ///
    /// # Errors
    /// [`AccessError`] when no answer comes.
    pub async fn post(&self, path: &str, document: &impl Serialize) -> Result<Answer, AccessError> {
        let body = serde_json::to_vec(document).map_err(|source| AccessError::Silent {
            url: self.access.url.clone(),
            encrypted: self.access.security.tls.is_some(),
            source: source.into(),
        })?;
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        self.send(request, body.into()).await
    }

    async fn send(
        &self,
        request: http::request::Builder,
        body: Bytes,
    ) -> Result<Answer, AccessError> {
        let sent = self
            .access
            .send(&self.channel, request, body, ANSWER_WITHIN);
        let (status, body) = sent.await?;
        Ok(Answer { status, body })
    }
}
