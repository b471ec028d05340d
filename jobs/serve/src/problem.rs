//! Wrong requests and failures: the one place that turns them into HTTP.
//!
//! Invariant: no text in here holds a path of this machine. The log has the rest for the operator.

use std::borrow::Cow;

use gugus_clusters::FittedError;
use gugus_features::{EvaluateError, Missing, PlanError};
use gugus_kmeans::PredictError;
use gugus_models::{Extent, ModelError, UnusableFolder, WindowKey};
use gugus_records::Reason;
use gugus_spec::{AliasName, BatchNumber, Column};
use serde::Serialize;
use utoipa::ToSchema;
use warp::http::{HeaderValue, StatusCode, header::ALLOW};
use warp::reply::Response;

use crate::reply;

/// What is wrong, by a text that stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    /// The body or a record in it is not JSON.
    NotJson,
    /// The body is not CSV with a header.
    NotCsv,
    /// The body is not an Arrow IPC stream.
    NotArrow,
    /// The body is not compressed as its header says.
    WrongEncoding,
    /// The body has a content type or an encoding that is not read.
    UnsupportedMediaType,
    /// A parameter of the query that cannot be understood.
    WrongQuery,
    /// The body ended early or came too slowly.
    BodyCutOff,
    /// Headers that cannot be understood.
    WrongHeader,
    /// There is no such path.
    UnknownPath,
    /// There is no such model.
    UnknownModel,
    /// The model is there, but not of this batch.
    UnknownBatch,
    /// The model is there, but not of this window.
    UnknownWindow,
    /// The path is there, but takes other methods.
    MethodNotAllowed,
    /// The body is longer than the service takes.
    BodyTooLarge,
    /// There are more records than the service takes.
    TooManyRecords,
    /// The request shows no token, or a wrong one.
    Unauthorized,
    /// A page of a site that was not named asks for more than to look.
    ForeignPage,
    /// The request calls the service by a name that is not its own.
    WrongHost,
    /// Too many requests at a time.
    Busy,
    /// The request took too long.
    TooSlow,
    /// A field, column or feature has no value.
    MissingField,
    /// A field or column that the model does not know, where such columns are refused.
    UnknownField,
    /// A value of another type or out of range.
    WrongValue,
    /// A number that is NaN or infinite.
    NotFinite,
    /// The model is there, but cannot be asked in this way.
    WrongModel,
    /// A model that is there cannot be used; the log of the service says why.
    ModelUnusable,
    /// The store of models does not answer.
    ModelsUnavailable,
    /// The service is ending.
    ShuttingDown,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::NotJson
            | Self::NotCsv
            | Self::NotArrow
            | Self::WrongEncoding
            | Self::WrongQuery
            | Self::BodyCutOff
            | Self::WrongHeader => StatusCode::BAD_REQUEST,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UnknownPath | Self::UnknownModel | Self::UnknownBatch | Self::UnknownWindow => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge | Self::TooManyRecords => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MissingField
            | Self::UnknownField
            | Self::WrongValue
            | Self::NotFinite
            | Self::WrongModel => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::ForeignPage => StatusCode::FORBIDDEN,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::ModelUnusable
            | Self::ModelsUnavailable
            | Self::ShuttingDown
            | Self::Busy
            | Self::TooSlow => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The body of every answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct Problem {
    /// What is wrong, by a text that stays the same.
    #[serde(rename = "error")]
    code: Code,
    /// What is wrong and where, for people.
    #[schema(value_type = String)]
    detail: Cow<'static, str>,
    /// In an array of records the one that is wrong, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    /// The id of the request, as in the header `x-request-id` and in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            index: None,
            request_id: None,
        }
    }

    /// The same, in the request of an id.
    pub(crate) fn in_request(self, id: &str) -> Self {
        let request_id = Some(id.to_owned());
        Self { request_id, ..self }
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// The text of the code, as the answer has it.
    pub(crate) fn code_text(&self) -> String {
        match serde_json::to_value(self.code) {
            Ok(serde_json::Value::String(text)) => text,
            _ => String::new(),
        }
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// The status by the Open Inference Protocol, which calls every wrong request 400.
    pub(crate) fn protocol_status(&self) -> StatusCode {
        match self.status() {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        }
    }

    /// What is wrong and where, for people.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The same, in a part of the request.
    pub(crate) fn within(self, part: &str) -> Self {
        Self {
            detail: format!("{part}: {}", self.detail).into(),
            ..self
        }
    }

    /// The same, in record `index` of an array.
    pub(crate) fn of_record(self, index: usize) -> Self {
        Self {
            detail: format!("record at index {index}: {}", self.detail).into(),
            index: Some(index),
            ..self
        }
    }

    /// The same, naming the columns that have no value in the record, if there are any.
    pub(crate) fn because(self, columns: &[String]) -> Self {
        if columns.is_empty() {
            return self;
        }
        Self {
            detail: format!(
                "{}; the record has no value for {}",
                self.detail,
                quoted(columns)
            )
            .into(),
            ..self
        }
    }

    /// The record has none of the columns that the model reads.
    pub(crate) fn no_column(columns: &[Column], keys: &[String]) -> Self {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let has = match keys {
            [] => "nothing".to_owned(),
            keys => quoted(keys),
        };
        Self::new(
            Code::MissingField,
            format!(
                "the record has none of the columns that the model reads, {}; it has {has}",
                quoted(&names)
            ),
        )
    }

    /// The record has columns that the model does not know.
    pub(crate) fn unknown_columns(unknown: &[impl AsRef<str>], known: &[&str]) -> Self {
        Self::new(
            Code::UnknownField,
            format!(
                "the model does not know {}; it knows {}",
                quoted(unknown),
                quoted(known)
            ),
        )
    }

    /// Whether an older model may answer instead of the one that has this problem.
    pub(crate) fn allows_older(&self) -> bool {
        matches!(self.code, Code::UnknownBatch | Code::ModelUnusable)
    }

    pub(crate) fn not_json(error: &serde_json::Error) -> Self {
        Self::new(Code::NotJson, format!("the body is not JSON: {error}"))
    }

    pub(crate) fn unknown_model(model: &str) -> Self {
        Self::new(
            Code::UnknownModel,
            format!(
                "there is no model {:?}; GET /models lists those there are",
                cut(model)
            ),
        )
    }

    /// The text names no batch of the model.
    pub(crate) fn no_batch(model: &str, text: &str) -> Self {
        let (model, text) = (cut(model), cut(text));
        Self::new(
            Code::UnknownBatch,
            format!(
                "model {model:?} has no batch {text:?}; batches are 1, 2, 3 and so on, \"latest\", or an alias that GET /models lists"
            ),
        )
    }

    /// The alias stands for a batch whose model is not there.
    pub(crate) fn alias_of_none(model: &str, alias: &AliasName, batch: BatchNumber) -> Self {
        Self::new(
            Code::UnknownBatch,
            format!(
                "alias {:?} of model {model:?} stands for batch {batch}, whose model is gone; let the alias stand for another batch",
                alias.as_str()
            ),
        )
    }

    /// The model has no such batch or window.
    pub(crate) fn unknown_extent(model: &str, extent: &Extent) -> Self {
        match extent {
            Extent::Batch(batch) => Self::new(
                Code::UnknownBatch,
                format!("model {model:?} has no batch {batch}; GET /models lists those it has"),
            ),
            Extent::Window(key) => Self::unknown_window(model, key.as_str()),
            Extent::All => Self::new(
                Code::UnknownBatch,
                format!(
                    "model {model:?} was trained by batch; ask one of its batches, or \"latest\""
                ),
            ),
        }
    }

    /// The folder is there and not complete. `extent` is the part of the model that was asked for, if the model has others.
    pub(crate) fn incomplete(extent: Option<&Extent>, found: &UnusableFolder) -> Self {
        let code = match extent {
            None => Code::UnknownModel,
            Some(Extent::Window(_)) => Code::UnknownWindow,
            Some(Extent::Batch(_) | Extent::All) => Code::UnknownBatch,
        };
        let UnusableFolder { folder, reason, .. } = found;
        Self::new(code, format!("{folder} cannot be served: {reason}"))
    }

    pub(crate) fn unknown_window(model: &str, key: &str) -> Self {
        let (model, key) = (cut(model), cut(key));
        Self::new(
            Code::UnknownWindow,
            format!("model {model:?} has no window {key:?}; GET /models lists those it has"),
        )
    }

    /// An answer that could not be written, which would be a bug.
    pub(crate) fn not_written(form: &str, error: &str) -> Self {
        tracing::error!(form, error, "an answer could not be written");
        Self::new(
            Code::ModelUnusable,
            format!("the answer could not be written as {form}"),
        )
    }

    pub(crate) fn models_unavailable() -> Self {
        Self::new(
            Code::ModelsUnavailable,
            "the models cannot be read now; try again later",
        )
    }

    /// There are more records than the service takes.
    pub(crate) fn too_many_records(most: usize) -> Self {
        let detail = format!("there are more than {most} records; send fewer at a time");
        Self::new(Code::TooManyRecords, detail)
    }

    /// A model that could not be loaded. The log gets the whole error, and the caller only what a caller may know.
    pub(crate) fn of_model(model: &str, extent: &Extent, error: &LoadError) -> Self {
        let of_extent = match extent {
            Extent::Batch(batch) => format!(" of batch {batch}"),
            Extent::Window(key) => format!(" of window {:?}", key.as_str()),
            Extent::All => String::new(),
        };
        let problem = match error {
            LoadError::Store(ModelError::NotFound { .. }) => {
                return Self::unknown_extent(model, extent);
            }
            // A torn model counts as absent until it is trained again.
            LoadError::Store(ModelError::Torn { .. }) => Self::new(
                match extent {
                    Extent::Window(_) => Code::UnknownWindow,
                    Extent::Batch(_) | Extent::All => Code::UnknownBatch,
                },
                format!(
                    "model {model:?}{of_extent} is not there in full; it has to be trained again"
                ),
            ),
            LoadError::Store(ModelError::Store(_)) => Self::models_unavailable(),
            error => Self::new(
                Code::ModelUnusable,
                format!(
                    "model {model:?}{of_extent} cannot be served: {}",
                    error.reason()
                ),
            ),
        };
        tracing::warn!(
            model,
            batch = extent.batch().map(BatchNumber::get),
            window = extent.window().map(WindowKey::as_str),
            error = gugus_error::chain(error),
            "a model cannot be served"
        );
        problem
    }
}

/// Why a model could not be brought into memory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Store(#[from] ModelError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Fitted(#[from] FittedError),
    /// The thread that compiled it ended early: the runtime is shutting down, or we have a bug.
    #[error("the model could not be compiled")]
    Stopped(#[source] tokio::task::JoinError),
}

impl LoadError {
    /// The reason in words, without any path of this machine.
    pub(crate) fn reason(&self) -> String {
        let reason = match self {
            Self::Store(ModelError::Torn { file, .. }) => {
                format!("{file} is missing or was changed; train the model again")
            }
            Self::Store(ModelError::Format { reason, .. }) => reason.clone(),
            Self::Store(_) | Self::Stopped(_) => "the log of the service says why".to_owned(),
            Self::Plan(_) | Self::Fitted(_) => self.to_string(),
        };
        without_middle(reason)
    }
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Self {
        let code = match reason {
            Reason::Empty | Reason::NotUtf8 { .. } | Reason::NotJson { .. } => Code::NotJson,
            Reason::Null { .. } => Code::MissingField,
            Reason::Full { .. } => Code::BodyTooLarge,
            _ => Code::WrongValue,
        };
        Self::new(code, reason.to_string())
    }
}

impl From<EvaluateError> for Problem {
    fn from(error: EvaluateError) -> Self {
        Self::new(Code::WrongValue, error.to_string())
    }
}

impl From<&Missing> for Problem {
    fn from(missing: &Missing) -> Self {
        let code = if missing.found == "null" {
            Code::MissingField
        } else {
            Code::NotFinite
        };
        Self::new(code, missing.to_string())
    }
}

impl Problem {
    /// A point that the model cannot take; `name` gives a dimension's name.
    pub(crate) fn of_point(error: &PredictError, name: impl FnOnce(usize) -> String) -> Self {
        match error {
            PredictError::NotFinite { dimension } => Self::new(
                Code::NotFinite,
                format!("{} is not a finite number", name(*dimension)),
            ),
            _ => Self::new(Code::WrongValue, error.to_string()),
        }
    }
}

impl warp::Reply for Problem {
    fn into_response(self) -> Response {
        let mut response = reply::json(self.code.status(), &self);
        // The guard adds the id of the request, and counts the problem.
        response.extensions_mut().insert(self);
        response
    }
}

/// A problem whose answer is written already, in other words than those of a problem. The guard counts the problem.
#[derive(Clone, Debug)]
pub(crate) struct Told(pub(crate) Problem);

/// 405, which has to name the methods that are allowed.
pub(crate) fn method_not_allowed(allowed: &'static str) -> Response {
    let problem = Problem::new(
        Code::MethodNotAllowed,
        format!("this path takes {allowed} only"),
    );
    let mut response = warp::Reply::into_response(problem);
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// The most names in a message.
const NAMES: usize = 20;

/// Names in quotes, as many as a message has room for.
fn quoted(names: &[impl AsRef<str>]) -> String {
    let shown = names
        .iter()
        .take(NAMES)
        .map(|name| format!("{:?}", cut(name.as_ref())));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// How many characters at both ends of a long text are kept.
const ENDS: usize = 300;

/// A text without its middle, if it is long. A reason may quote an expression of many kilobytes before it says what is wrong.
fn without_middle(text: String) -> String {
    let length = text.chars().count();
    if length <= 3 * ENDS {
        return text;
    }
    let begin: String = text.chars().take(ENDS).collect();
    let end: String = text.chars().skip(length - ENDS).collect();
    format!("{begin} … {end}")
}

/// Text of a stranger, short enough for a message.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}
