//! The refusals of an S3 store, in our own words.

use std::fmt;

use object_store::{
    Error,
    client::{HttpError, HttpErrorKind},
};

/// How errors of the client name their kind of store.
pub(super) const STORE: &str = "S3";

/// The longest text of a store's answer that goes into a message: some proxies answer with pages of HTML.
const LONGEST: usize = 300;

/// The place of an error, and the secrets that no message may contain.
pub(super) struct Spot {
    pub(super) bucket: String,
    pub(super) endpoint: String,
    pub(super) hidden: Vec<String>,
}

impl fmt::Debug for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.bucket, self.endpoint)
    }
}

/// A failed request, or a request without an answer. Every error of a bucket has this as its source.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    /// The code and message of the store, or the error of the network.
    text: String,
    pub(crate) bucket: String,
    pub(crate) endpoint: String,
}

/// Errors by what the caller can do about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// There is no such bucket.
    NoBucket,
    /// The credentials are wrong or too old, or there are none.
    Credentials,
    /// The credentials are right, and do not allow this.
    Denied,
    /// The bucket is in another region than the one that requests are signed for.
    Region,
    /// The endpoint does not answer.
    Unreachable,
    /// The store did not send the range, for example of an empty object.
    NoSuchRange,
    /// The store does not know the operation.
    NotImplemented,
    /// Anything else; trying again may help.
    Other,
}

impl Trouble {
    /// The trouble behind an error, when the error is of a bucket.
    pub(crate) fn of(error: &Error) -> Option<&Self> {
        gugus_error::find(error)
    }

    fn new(error: &Error, spot: &Spot) -> Self {
        // For looking into, never for a message.
        let said = gugus_error::chain(error);
        let (kind, text) = match gugus_error::find::<HttpError>(error) {
            Some(http) => of_network(http, &said),
            None => of_answer(&said),
        };
        Self {
            kind,
            text: scrubbed(&text, &spot.hidden),
            bucket: spot.bucket.clone(),
            endpoint: spot.endpoint.clone(),
        }
    }
}

/// The same variant of error, with only its [`Trouble`] as the source.
pub(super) fn replaced(error: Error, spot: &Spot) -> Error {
    let trouble = Trouble::new(&error, spot);
    let kind = trouble.kind;
    let source = Box::new(trouble);
    let generic = |source| Error::Generic {
        store: STORE,
        source,
    };
    match error {
        // An object in a bucket that is not there is not a missing object: looking for it again never helps.
        Error::NotFound { .. } if kind == Kind::NoBucket => generic(source),
        Error::NotFound { path, .. } => Error::NotFound { path, source },
        Error::AlreadyExists { path, .. } => Error::AlreadyExists { path, source },
        Error::Precondition { path, .. } => Error::Precondition { path, source },
        Error::NotModified { path, .. } => Error::NotModified { path, source },
        Error::PermissionDenied { path, .. } => Error::PermissionDenied { path, source },
        Error::Unauthenticated { path, .. } => Error::Unauthenticated { path, source },
        _ => generic(source),
    }
}

/// Whether a creation met another one that has not ended yet.
pub(super) fn is_conflict(error: &Error) -> bool {
    tagged(&gugus_error::chain(error), "Code").as_deref() == Some("ConditionalRequestConflict")
}

/// No answer came. `said` tells which server was asked.
fn of_network(error: &HttpError, said: &str) -> (Kind, String) {
    let why = gugus_error::causes(error).last();
    let why = why.map(ToString::to_string).unwrap_or_default();
    if asks_for_role(said) {
        return (Kind::Credentials, no_role(&why));
    }
    match error.kind() {
        HttpErrorKind::Connect => (Kind::Unreachable, why),
        HttpErrorKind::Timeout => (
            Kind::Other,
            format!("no answer in time; AWS_TIMEOUT is how long a request may take ({why})"),
        ),
        _ => (Kind::Other, why),
    }
}

/// An answer came, or none was asked for.
fn of_answer(said: &str) -> (Kind, String) {
    let status = said
        .split_once("status code: ")
        .map(|(_, rest)| rest.split(": ").next().unwrap_or(rest).trim())
        .map(|status| status.trim_end_matches(':').to_owned());
    let redirected = said.contains("redirect without LOCATION")
        || status
            .as_deref()
            .is_some_and(|status| status.starts_with('3') && !status.starts_with("304"));
    let code = tagged(said, "Code").or_else(|| {
        // Answers about one of several objects come without tags.
        let (_, rest) = said.split_once("(code: ")?;
        Some(rest.split(')').next()?.to_owned())
    });
    let message = tagged(said, "Message");
    let text = match (&code, &message, &status) {
        (Some(code), Some(message), _) => format!("{code}: {message}"),
        (Some(code), None, _) => code.clone(),
        (None, _, Some(status)) => format!("the store answered {status}"),
        (None, _, None) if redirected => "the store answered that it is elsewhere".to_owned(),
        // Not an answer at all: something of the client's own, in its words.
        (None, _, None) => said.to_owned(),
    };
    if asks_for_role(said) {
        return (Kind::Credentials, no_role(&text));
    }
    let kind = match code.as_deref().unwrap_or_default() {
        "NoSuchBucket" => Kind::NoBucket,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        | "ExpiredToken"
        | "TokenRefreshRequired"
        | "InvalidSecurity"
        | "RequestTimeTooSkewed"
        | "InvalidClientTokenId"
        | "MissingSecurityHeader" => Kind::Credentials,
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => Kind::Denied,
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => Kind::Region,
        "InvalidRange" => Kind::NoSuchRange,
        "NotImplemented" => Kind::NotImplemented,
        _ if redirected => Kind::Region,
        _ if said.contains("non-partial response") => Kind::NoSuchRange,
        _ => match status.as_deref().unwrap_or_default().get(..3) {
            Some("401") => Kind::Credentials,
            Some("403") => Kind::Denied,
            Some("416") => Kind::NoSuchRange,
            Some("501") => Kind::NotImplemented,
            _ => Kind::Other,
        },
    };
    (kind, text)
}

/// Whether a request went to where machines and containers ask for the credentials of their role, and not to the store.
fn asks_for_role(said: &str) -> bool {
    [
        "/latest/api/token",
        "/latest/meta-data/iam/",
        "169.254.170.2",
        "AssumeRoleWithWebIdentity",
    ]
    .iter()
    .any(|part| said.contains(part))
}

fn no_role(why: &str) -> String {
    format!("no AWS_ACCESS_KEY_ID is set, and this machine's role could not be asked for: {why}")
}

/// The text of an XML element, without its marks.
fn tagged(said: &str, tag: &str) -> Option<String> {
    let (_, rest) = said.split_once(&format!("<{tag}>"))?;
    let (text, _) = rest.split_once(&format!("</{tag}>"))?;
    let text = text.trim();
    let text = text.strip_prefix("<![CDATA[").unwrap_or(text);
    let text = text.strip_suffix("]]>").unwrap_or(text);
    Some(
        text.replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}

/// A text of bounded length without secrets in it.
pub(super) fn scrubbed(text: &str, hidden: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in hidden {
        text = text.replace(secret, "…");
    }
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> (Kind, String) {
        of_answer(text)
    }

    #[test]
    fn answers_are_told_apart_by_their_code() {
        let answer = |status: &str, code: &str| {
            said(&format!(
                "Generic S3 error: Error performing GET http://h/b in 3ms - Server returned non-2xx status code: \
                 {status}: <?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>so &amp; so</Message></Error>"
            ))
        };
        for (status, code, kind) in [
            ("404 Not Found", "NoSuchBucket", Kind::NoBucket),
            ("403 Forbidden", "InvalidAccessKeyId", Kind::Credentials),
            ("400 Bad Request", "ExpiredToken", Kind::Credentials),
            ("403 Forbidden", "AccessDenied", Kind::Denied),
            ("403 Forbidden", "SomethingNew", Kind::Denied),
            (
                "400 Bad Request",
                "AuthorizationHeaderMalformed",
                Kind::Region,
            ),
            ("301 Moved Permanently", "PermanentRedirect", Kind::Region),
            (
                "416 Requested Range Not Satisfiable",
                "InvalidRange",
                Kind::NoSuchRange,
            ),
            (
                "501 Not Implemented",
                "NotImplemented",
                Kind::NotImplemented,
            ),
            ("503 Service Unavailable", "SlowDown", Kind::Other),
        ] {
            assert_eq!(answer(status, code), (kind, format!("{code}: so & so")));
        }
    }

    #[test]
    fn answers_without_a_body_are_told_apart_by_their_status() {
        let answer = |status: &str| {
            said(&format!(
                "x - Server returned non-2xx status code: {status}: "
            ))
        };
        assert_eq!(
            answer("403 Forbidden"),
            (Kind::Denied, "the store answered 403 Forbidden".to_owned())
        );
        assert_eq!(answer("401 Unauthorized").0, Kind::Credentials);
        assert_eq!(answer("301 Moved Permanently").0, Kind::Region);
        assert_eq!(answer("500 Internal Server Error").0, Kind::Other);
        assert_eq!(
            said("Received redirect without LOCATION, this").0,
            Kind::Region
        );
    }

    #[test]
    fn objects_of_a_list_that_could_not_go() {
        let (kind, text) =
            said("DeleteObjects request failed for key a: Access Denied (code: AccessDenied)");
        assert_eq!((kind, text.as_str()), (Kind::Denied, "AccessDenied"));
    }

    #[test]
    fn texts_are_cut_and_without_secrets() {
        let hidden = ["hush".to_owned()];
        assert_eq!(scrubbed("a hush b hush", &hidden), "a … b …");
        assert_eq!(
            scrubbed(&"ä".repeat(1_000), &hidden).chars().count(),
            LONGEST + 1
        );
    }

    #[test]
    fn credentials_that_a_machine_does_not_give() {
        let (kind, text) = said(
            "Error performing PUT http://169.254.169.254/latest/api/token - status code: 404 Not Found: ",
        );
        assert_eq!(kind, Kind::Credentials);
        assert!(
            text.contains("AWS_ACCESS_KEY_ID") && text.contains("404"),
            "{text}"
        );
    }
}
