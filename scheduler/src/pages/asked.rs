//! What a viewer asked for.

use axum::extract::{FromRequestParts, RawPathParams};
use http::StatusCode;
use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::pairs::{Pairs, value};
use crate::problem::Problem;

/// The names in a path, and the choices behind `?`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    path: Pairs,
    query: Pairs,
}

impl Asked {
    /// A part of the path, by its name in the route.
    pub(crate) fn part(&self, name: &str) -> &str {
        value(&self.path, name)
    }

    /// A choice behind `?`; empty when the viewer made none.
    pub(crate) fn choice(&self, name: &str) -> &str {
        value(&self.query, name)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = RawPathParams::from_request_parts(parts, state).await;
        let path = path.map_err(|error| Problem::new(error.status(), error.body_text()))?;
        let path = path.iter().map(|(name, value)| {
            let value = shown(value.to_owned(), "the path")?;
            Ok((name.to_owned(), value))
        });
        let path = path.collect::<Result<_, Problem>>()?;
        let place = "the query behind `?`";
        let query = pairs(parts.uri.query().unwrap_or_default(), place)?;
        let query = query.into_iter().map(|(name, value)| {
            let (name, value) = (shown(name, place)?, shown(value, place)?);
            Ok((name, value))
        });
        let query = query.collect::<Result<_, Problem>>()?;
        Ok(Self { path, query })
    }
}

/// The pairs of a text such as `state=failed&sort=cost`, as it stands behind `?` and as a form sends it.
pub(crate) fn pairs(text: &str, place: &str) -> Result<Pairs, Problem> {
    let decoded = |text: &str| -> Result<String, Problem> {
        let text = text.replace('+', " ");
        let decoded = percent_decode_str(&text).decode_utf8().map_err(|_| {
            let why = format!("{place} holds \"{text}\", which is not UTF-8");
            Problem::new(StatusCode::BAD_REQUEST, why)
        })?;
        Ok(decoded.into_owned())
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decoded(name)?, decoded(value)?))
    });
    pairs.collect()
}

/// Names that people type and read hold no control characters.
fn shown(text: String, place: &str) -> Result<String, Problem> {
    if text.contains(char::is_control) {
        let why = format!("{place} holds {text:?}, and no name here holds such characters");
        return Err(Problem::new(StatusCode::BAD_REQUEST, why));
    }
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_what_is_no_text_is_refused() {
        let asked = Asked {
            path: Vec::new(),
            query: pairs("state=failed&&q=a+b%2Bc%C3%A4&empty=&bare", "it").unwrap(),
        };
        for (name, value) in [
            ("state", "failed"),
            ("q", "a b+cä"),
            ("empty", ""),
            ("bare", ""),
            ("none", ""),
        ] {
            assert_eq!(asked.choice(name), value, "{name}");
        }
        let refused = pairs("q=%FF", "the query").unwrap_err();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert!(refused.detail().contains("\"%FF\""), "{refused:?}");
    }
}
