//! Compressed bodies and answers.

use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use warp::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use warp::http::{HeaderMap, HeaderValue, StatusCode};
use warp::reply::Response;

use crate::body::too_large;
use crate::media::weighted;
use crate::problem::{Code, Problem, cut};
use crate::reply;

/// Answers shorter than this are sent as they are: compressed they would hardly be shorter, and they fit in one packet.
const WORTH_WHILE: usize = 1024;

/// How a body was compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

impl Encoding {
    /// The encoding of a body.
    pub(crate) fn of_body(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(header) = headers.get(CONTENT_ENCODING) else {
            return Ok(Self::Identity);
        };
        let text = header.to_str().unwrap_or_default().trim();
        match text.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            _ => Err(Problem::new(
                Code::UnsupportedMediaType,
                format!(
                    "content encoding {:?} is not read; send gzip, deflate or no encoding",
                    cut(text)
                ),
            )),
        }
    }

    /// The body as it was before it was compressed, at most `limit` bytes.
    pub(crate) fn decode(self, body: Bytes, limit: usize) -> Result<Bytes, Problem> {
        match self {
            Self::Identity => Ok(body),
            Self::Gzip => unpack(MultiGzDecoder::new(&body[..]), limit),
            Self::Deflate => unpack(ZlibDecoder::new(&body[..]), limit),
        }
    }
}

fn unpack(packed: impl Read, limit: usize) -> Result<Bytes, Problem> {
    let mut body = Vec::new();
    // One byte more shows that the body is too long, and no more than that is unpacked.
    let most = (limit as u64).saturating_add(1);
    match packed.take(most).read_to_end(&mut body) {
        Ok(length) if length > limit => Err(too_large(limit)),
        Ok(_) => Ok(body.into()),
        Err(error) => Err(Problem::new(
            Code::WrongEncoding,
            format!("the body is not compressed as its header says: {error}"),
        )),
    }
}

impl Encoding {
    /// What an answer may be compressed by.
    pub(crate) fn of_answer(headers: &HeaderMap) -> Self {
        let weight = |names: &[&str]| {
            let is_named = |wish: &str| names.iter().any(|name| wish.eq_ignore_ascii_case(name));
            weighted(headers, ACCEPT_ENCODING.as_str())
                .find(|(wish, _)| is_named(wish))
                .map(|(_, weight)| weight)
        };
        // `*` stands for the encodings that are not named.
        let accepts = |names: &[&str]| {
            let weight = weight(names).or_else(|| weight(&["*"]));
            weight.is_some_and(|weight| weight > 0.0)
        };
        if accepts(&["gzip", "x-gzip"]) {
            Self::Gzip
        } else if accepts(&["deflate"]) {
            Self::Deflate
        } else {
            Self::Identity
        }
    }

    /// An answer with this content, compressed if that is worth while.
    pub(crate) fn answer(self, content_type: &'static str, content: Vec<u8>) -> Response {
        let packed = match self {
            _ if content.len() < WORTH_WHILE => None,
            Self::Identity => None,
            Self::Gzip => pack(&content, GzEncoder::new, GzEncoder::finish),
            Self::Deflate => pack(&content, ZlibEncoder::new, ZlibEncoder::finish),
        };
        let is_packed = packed.is_some();
        let content = packed.unwrap_or(content);
        let mut response = reply::bytes(StatusCode::OK, content_type, content.into());
        if is_packed {
            let name = if self == Self::Gzip {
                "gzip"
            } else {
                "deflate"
            };
            let headers = response.headers_mut();
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        response
    }
}

fn pack<W: Write>(
    content: &[u8],
    encoder: fn(Vec<u8>, Compression) -> W,
    finish: fn(W) -> io::Result<Vec<u8>>,
) -> Option<Vec<u8>> {
    let mut encoder = encoder(Vec::with_capacity(content.len() / 4), Compression::fast());
    // Memory takes every byte.
    encoder.write_all(content).ok()?;
    finish(encoder).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_compressed_only_as_the_client_accepts() {
        for (accept, encoding) in [
            ("gzip", Encoding::Gzip),
            ("deflate, X-GZIP", Encoding::Gzip),
            ("*", Encoding::Gzip),
            ("gzip;q=0, *", Encoding::Deflate),
            ("br, deflate;q=0.5, gzip;q=0", Encoding::Deflate),
            ("gzip;q=0, deflate;q=0, *", Encoding::Identity),
            ("*;q=0", Encoding::Identity),
            ("identity", Encoding::Identity),
        ] {
            let value = HeaderValue::from_static(accept);
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value)]);
            assert_eq!(Encoding::of_answer(&headers), encoding, "{accept}");
        }
        assert_eq!(Encoding::of_answer(&HeaderMap::new()), Encoding::Identity);
    }
}
