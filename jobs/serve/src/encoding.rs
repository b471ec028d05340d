//! Compressed bodies and answers.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;
use warp::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use warp::http::{HeaderMap, HeaderValue};
use warp::reply::Response;

use crate::body::too_large;
use crate::media::weighted;
use crate::problem::{Code, Problem, cut};

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

/// Whether an answer may be compressed.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    weighted(headers, ACCEPT_ENCODING.as_str())
        .any(|(wish, weight)| weight > 0.0 && matches!(wish.as_str(), "gzip" | "x-gzip" | "*"))
}

/// The content compressed, if that is worth while.
pub(crate) fn gzip(content: &[u8]) -> Option<Vec<u8>> {
    if content.len() < WORTH_WHILE {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(content.len() / 4), Compression::fast());
    // Memory takes every byte.
    encoder
        .write_all(content)
        .and_then(|()| encoder.finish())
        .ok()
}

/// Says that the content is compressed.
pub(crate) fn mark(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
}
