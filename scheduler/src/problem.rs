//! Wrong requests and failures over HTTP.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{Content, Ref, Response as Described, ResponseBuilder};

/// The answer to a request that is refused: {`error`, `detail`}.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
        }
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Its reason.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let reason = self.status.canonical_reason().unwrap_or("error");
        let refusal = Refusal {
            error: reason.to_lowercase().replace(' ', "_"),
            detail: self.detail.clone(),
        };
        let mut response = (self.status, Json(refusal)).into_response();
        // For browsers, to which the reason is shown as a page.
        response.extensions_mut().insert(self);
        response
    }
}

/// A request that was refused.
#[derive(Serialize, ToSchema)]
pub(crate) struct Refusal {
    /// The kind of refusal, which stays the same: the name of the status, as `not_found`.
    error: String,
    /// The reason, for people.
    detail: String,
}

/// How the OpenAPI document describes it.
pub(crate) fn described() -> Described {
    let content = Content::new(Some(Ref::from_schema_name(Refusal::name())));
    ResponseBuilder::new()
        .description("The request was refused, or could not be answered")
        .content("application/json", content)
        .build()
}
