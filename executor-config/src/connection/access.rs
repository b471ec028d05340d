//! The way to a scheduler.

use std::time::Duration;

use axum::body::Bytes;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use gugus_http::Token;
use http::{Request, StatusCode, header, request};
use http_body_util::{BodyExt, Full};
use thiserror::Error;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tower_service::Service;

use crate::agreement::about::{ABOUT_HEADER, ABOUT_PATH, About, SchedulerAbout};
use crate::agreement::session::MESSAGE_LIMIT;
use crate::connection::address::ClusterUrl;
use crate::security::settings::Security;
use crate::security::tls::tls_error;

/// How long the answer to a question of a few bytes may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The address of a scheduler, and the proofs that this process shows to it.
#[derive(Clone, Debug)]
pub struct Access {
    /// The address.
    pub url: ClusterUrl,
    /// The cluster's TLS and token, if it has them.
    pub security: Security,
}

impl From<ClusterUrl> for Access {
    fn from(url: ClusterUrl) -> Self {
        Self {
            url,
            security: Security::default(),
        }
    }
}

/// Why this process cannot work with a scheduler.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AccessError {
    /// Nobody answers.
    #[error("no scheduler answers at {url}")]
    Connect {
        /// The address.
        url: ClusterUrl,
        /// The error of the connection.
        #[source]
        source: tonic::transport::Error,
    },
    /// The two sides do not trust each other's certificates.
    #[error(
        "the scheduler at {url} and this process do not trust each other's certificates: both must be signed by an authority in the other's --tls-ca, and the scheduler's must name {}", url.host()
    )]
    Certificates {
        /// The address.
        url: ClusterUrl,
        /// The error of rustls.
        #[source]
        source: rustls::Error,
    },
    /// The connection was made, but no answer comes.
    #[error("the scheduler at {url} gives no answer over {}; see that both have --tls-ca, --tls-cert and --tls-key, or neither", spoken(*.encrypted))]
    Silent {
        /// The address.
        url: ClusterUrl,
        /// Whether TLS was tried.
        encrypted: bool,
        /// The error of the connection.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something answers, but it is not a scheduler of Gugus.
    #[error("what answers at {url} is no scheduler of Gugus: {answer}")]
    Foreign {
        /// The address.
        url: ClusterUrl,
        /// The answer.
        answer: String,
    },
    /// The token is missing or wrong.
    #[error(
        "the scheduler at {url} wants its token; name the file that holds it with --token-file, or set GUGUS_TOKEN"
    )]
    Token {
        /// The address.
        url: ClusterUrl,
    },
    /// Versions or functions differ.
    #[error("the scheduler at {url} is {theirs}, this is {ours}; install the same version on both")]
    Mismatch {
        /// The address.
        url: ClusterUrl,
        /// The scheduler.
        theirs: Box<About>,
        /// This process.
        ours: &'static About,
    },
}

fn spoken(encrypted: bool) -> &'static str {
    if encrypted {
        "TLS"
    } else {
        "a plain connection"
    }
}

impl Access {
    /// Connects, and checks that the scheduler has the same version and accepts the token.
    ///
    /// # Errors
    /// [`AccessError`].
    pub(crate) async fn connect(&self) -> Result<(Channel, SchedulerAbout), AccessError> {
        let wrong = |source| AccessError::Connect {
            url: self.url.clone(),
            source,
        };
        let endpoint = self
            .security
            .endpoint(&self.url.authority())
            .map_err(wrong)?;
        let channel = match endpoint.connect().await {
            Ok(channel) => channel,
            Err(error) => return Err(self.certificates(&error).unwrap_or_else(|| wrong(error))),
        };
        let about = self.about(&channel).await?;
        Ok((channel, about))
    }

    /// Asks the scheduler for its versions. It is an error if this process cannot work with that scheduler.
    pub(crate) async fn about(&self, channel: &Channel) -> Result<SchedulerAbout, AccessError> {
        let foreign = |answer: String| AccessError::Foreign {
            url: self.url.clone(),
            answer,
        };
        let (status, body) = self.get(channel, ABOUT_PATH).await?;
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => {
                return Err(AccessError::Token {
                    url: self.url.clone(),
                });
            }
            other => return Err(foreign(format!("{other} for {ABOUT_PATH}"))),
        }
        let theirs: SchedulerAbout =
            serde_json::from_slice(&body).map_err(|error| foreign(error.to_string()))?;
        if theirs.about != *About::ours() {
            return Err(AccessError::Mismatch {
                url: self.url.clone(),
                theirs: Box::new(theirs.about),
                ours: About::ours(),
            });
        }
        Ok(theirs)
    }

    /// Sends one request for a page of a few bytes, on the connection that gRPC uses.
    pub(crate) async fn get(
        &self,
        channel: &Channel,
        path: &str,
    ) -> Result<(StatusCode, Bytes), AccessError> {
        self.send(channel, Request::get(path), Bytes::new(), ANSWER_WITHIN)
            .await
    }

    /// Sends one HTTP request on the connection that gRPC uses, with the token and the version.
    pub(crate) async fn send(
        &self,
        channel: &Channel,
        request: request::Builder,
        body: Bytes,
        within: Duration,
    ) -> Result<(StatusCode, Bytes), AccessError> {
        let mut request = request.header(ABOUT_HEADER, About::ours().to_string());
        if let Some(token) = &self.security.token {
            request = request.header(header::AUTHORIZATION, token.authorization());
        }
        let silent = |source: Box<dyn std::error::Error + Send + Sync>| {
            self.certificates(source.as_ref())
                .unwrap_or_else(|| AccessError::Silent {
                    url: self.url.clone(),
                    encrypted: self.security.tls.is_some(),
                    source,
                })
        };
        let request = request
            .body(tonic::body::Body::new(Full::new(body)))
            .map_err(|error| silent(error.into()))?;
        let mut channel = channel.clone();
        let asked = async {
            std::future::poll_fn(|context| channel.poll_ready(context)).await?;
            let answer = channel.call(request).await?;
            let status = answer.status();
            let body = answer.into_body().collect().await?;
            Ok((status, body.to_bytes()))
        };
        match tokio::time::timeout(within, asked).await {
            Ok(answer) => answer.map_err(silent),
            Err(_) => {
                let seconds = within.as_secs();
                Err(silent(format!("nothing came within {seconds} s").into()))
            }
        }
    }

    /// The error about certificates, if certificates caused this error.
    fn certificates(&self, error: &(dyn std::error::Error + 'static)) -> Option<AccessError> {
        tls_error(error).map(|source| AccessError::Certificates {
            url: self.url.clone(),
            source,
        })
    }

    /// A client of the scheduler's gRPC calls over a connection of [`Self::connect`]. Every request shows token and version.
    pub(crate) fn scheduler(&self, channel: &Channel) -> SchedulerGrpcClient<Authorized> {
        let credentials = Credentials {
            authorization: self.security.token.as_ref().and_then(metadata),
            about: About::ours().to_string().parse().ok(),
        };
        SchedulerGrpcClient::with_interceptor(channel.clone(), credentials)
            .max_encoding_message_size(MESSAGE_LIMIT)
            .max_decoding_message_size(MESSAGE_LIMIT)
    }
}

/// A channel on which every request shows [`Credentials`].
pub(crate) type Authorized = InterceptedService<Channel, Credentials>;

/// The header `authorization` for gRPC. It is marked as sensitive, so it appears in no log of headers.
fn metadata(token: &Token) -> Option<MetadataValue<Ascii>> {
    let mut value: MetadataValue<Ascii> = token.authorization().parse().ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Token and version, as gRPC metadata.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    authorization: Option<MetadataValue<Ascii>>,
    about: Option<MetadataValue<Ascii>>,
}

impl Interceptor for Credentials {
    fn call(
        &mut self,
        mut request: tonic::Request<()>,
    ) -> Result<tonic::Request<()>, tonic::Status> {
        if let Some(authorization) = &self.authorization {
            request
                .metadata_mut()
                .insert("authorization", authorization.clone());
        }
        if let Some(about) = &self.about {
            request.metadata_mut().insert(ABOUT_HEADER, about.clone());
        }
        Ok(request)
    }
}
