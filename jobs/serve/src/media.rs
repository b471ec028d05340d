//! The content types of bodies and answers.

use warp::http::HeaderMap;
use warp::http::header::{ACCEPT, CONTENT_TYPE};

use crate::problem::{Code, Problem, cut};

/// A form in which records come and clusters go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Csv,
    Arrow,
}

impl Media {
    const ALL: [Self; 3] = [Self::Json, Self::Csv, Self::Arrow];

    /// The content type.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// The content type of a body.
    ///
    /// A body without a type is JSON, and so is one with the type of a form: `curl -d` sends that type, whatever the body is.
    pub(crate) fn of_body(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(header) = headers.get(CONTENT_TYPE) else {
            return Ok(Self::Json);
        };
        let text = header.to_str().unwrap_or_default();
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let charset = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("charset")
                .then(|| value.trim().trim_matches('"'))
        });
        let is_readable = charset.is_none_or(|charset| {
            ["utf-8", "utf8", "us-ascii"]
                .iter()
                .any(|known| charset.eq_ignore_ascii_case(known))
        });
        let media = match kind.as_str() {
            "" | "application/x-www-form-urlencoded" | "text/json" => Some(Self::Json),
            kind if kind.starts_with("application/") && kind.ends_with("+json") => Some(Self::Json),
            kind => Self::ALL.into_iter().find(|media| media.name() == kind),
        };
        media
            .filter(|_| is_readable)
            .ok_or_else(|| unsupported(text))
    }

    /// As [`Self::of_body`], for a body that can only be JSON.
    pub(crate) fn only_json(headers: &HeaderMap) -> Result<(), Problem> {
        match Self::of_body(headers)? {
            Self::Json => Ok(()),
            other => Err(Problem::new(
                Code::UnsupportedMediaType,
                format!(
                    "this path does not read {}; send {}",
                    other.name(),
                    Self::Json.name()
                ),
            )),
        }
    }

    /// The content type of the answer: the one that `Accept` prefers, else that of the body. An `Accept` that names none of
    /// ours is passed over, as HTTP permits, because an answer that came in another form still tells more than none.
    pub(crate) fn of_answer(headers: &HeaderMap, body: Self) -> Self {
        let wishes: Vec<(&str, f32)> = weighted(headers, ACCEPT.as_str()).collect();
        let mut best = (body, 0.0);
        let others = Self::ALL.into_iter().filter(|media| *media != body);
        for media in std::iter::once(body).chain(others) {
            let weight = media.weight(&wishes);
            if weight > best.1 {
                best = (media, weight);
            }
        }
        best.0
    }

    /// How much a list of wishes wants this type. The most exact wish that fits counts.
    fn weight(self, wishes: &[(&str, f32)]) -> f32 {
        let (group, kind) = self.name().split_once('/').unwrap_or_default();
        let find = |group: &str, kind: &str| {
            wishes.iter().find(|(wish, _)| {
                let parts = wish.split_once('/');
                parts.is_some_and(|(of, is)| {
                    of.eq_ignore_ascii_case(group) && is.eq_ignore_ascii_case(kind)
                })
            })
        };
        let found = find(group, kind)
            .or_else(|| find(group, "*"))
            .or_else(|| find("*", "*"));
        found.map_or(0.0, |(_, weight)| *weight)
    }
}

fn unsupported(given: &str) -> Problem {
    let names = Media::ALL.map(Media::name).join(", ");
    Problem::new(
        Code::UnsupportedMediaType,
        format!(
            "a body of type {:?} is not read; send one of {names}, in UTF-8",
            cut(given)
        ),
    )
}

/// The elements of a header that lists what a client wants, each with its weight. Upper and lower case mean the same in them.
pub(crate) fn weighted<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> impl Iterator<Item = (&'a str, f32)> + 'a {
    let lists = headers
        .get_all(name)
        .iter()
        .filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(|element| {
        let mut parts = element.split(';').map(str::trim);
        let wish = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        (
            wish,
            weight.and_then(|weight| weight.parse().ok()).unwrap_or(1.0),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use warp::http::HeaderValue;

    fn headers(name: warp::http::HeaderName, value: &str) -> HeaderMap {
        let value = HeaderValue::from_str(value).unwrap();
        HeaderMap::from_iter([(name, value)])
    }

    #[test]
    fn a_body_has_a_type_that_is_read_or_is_refused() {
        for (header, media) in [
            ("application/json", Some(Media::Json)),
            ("Application/JSON; charset=UTF-8", Some(Media::Json)),
            ("application/geo+json", Some(Media::Json)),
            ("application/x-www-form-urlencoded", Some(Media::Json)),
            (
                "text/csv; header=present; charset=\"utf-8\"",
                Some(Media::Csv),
            ),
            ("application/vnd.apache.arrow.stream", Some(Media::Arrow)),
            ("text/csv; charset=latin1", None),
            ("application/vnd.apache.arrow.file", None),
            ("application/octet-stream", None),
            ("text/plain", None),
            ("multipart/form-data; boundary=x", None),
        ] {
            assert_eq!(
                Media::of_body(&headers(CONTENT_TYPE, header)).ok(),
                media,
                "{header}"
            );
        }
        assert_eq!(Media::of_body(&HeaderMap::new()).ok(), Some(Media::Json));
    }

    #[test]
    fn an_answer_has_the_type_that_is_wanted_most() {
        for (body, accept, media) in [
            (Media::Csv, "*/*", Media::Csv),
            (Media::Csv, "application/json", Media::Json),
            (Media::Json, "text/*", Media::Csv),
            (
                Media::Json,
                "text/csv;q=0.5, application/vnd.apache.arrow.stream",
                Media::Arrow,
            ),
            (Media::Json, "text/csv, application/json", Media::Json),
            (Media::Json, "application/json;q=0, */*", Media::Csv),
            (Media::Json, "Text/CSV", Media::Csv),
            (Media::Arrow, "image/png", Media::Arrow),
            (Media::Arrow, "text/html, */*;q=0.1", Media::Arrow),
        ] {
            assert_eq!(
                Media::of_answer(&headers(ACCEPT, accept), body),
                media,
                "{accept}"
            );
        }
        assert_eq!(
            Media::of_answer(&HeaderMap::new(), Media::Arrow),
            Media::Arrow
        );
    }
}
