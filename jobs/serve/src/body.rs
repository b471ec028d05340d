//! Reads a body up to its limit.

use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use tokio::time::timeout;
use warp::Filter;
use warp::reject::Rejection;

use crate::problem::{Code, Problem};

/// How long a body may take from its first part on. A slow line brings 8 MiB in this time. A client that sends a byte now
/// and then must not hold memory for ever.
const READ_TIME: Duration = Duration::from_secs(60);

/// How much of a too long body is read and dropped, and for how long. Many clients write the whole body before they read
/// the answer, and would see a broken connection instead of the 413.
const DRAINED: usize = 64 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// The body as it came, or why there is none.
pub(crate) fn read(
    limit: usize,
) -> impl Filter<Extract = (Result<Bytes, Problem>,), Error = Rejection> + Clone {
    warp::header::optional::<u64>("content-length")
        .and(warp::header::optional::<String>("expect"))
        .and(warp::body::stream())
        .then(
            move |length: Option<u64>, expect: Option<String>, body| async move {
                if length.is_some_and(|length| length > limit as u64) {
                    // A client that sent `Expect` has not sent the body yet, and need not send it.
                    if expect.is_none() {
                        drain(body).await;
                    }
                    return Err(too_large(limit));
                }
                whole(body, limit).await
            },
        )
}

async fn whole<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
    limit: usize,
) -> Result<Bytes, Problem> {
    let mut body = pin!(body);
    // The time of the request bounds the wait for the first part. Most bodies have no other part, and need no timer.
    let Some(first) = body.next().await else {
        return Ok(Bytes::new());
    };
    let body = stream::iter([first]).chain(body);
    match timeout(READ_TIME, collect(body, limit)).await {
        Ok(result) => result,
        Err(_) => Err(cut_off(format!(
            "did not come in {} seconds",
            READ_TIME.as_secs()
        ))),
    }
}

async fn collect<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
    limit: usize,
) -> Result<Bytes, Problem> {
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|error| {
            tracing::debug!(%error, "a body broke off");
            cut_off("broke off".to_owned())
        })?;
        if first.len() + rest.len() + chunk.remaining() > limit {
            drain(body).await;
            return Err(too_large(limit));
        }
        // Most bodies are one chunk, which is not copied.
        if first.is_empty() && rest.is_empty() {
            first = chunk.copy_to_bytes(chunk.remaining());
            continue;
        }
        if rest.is_empty() {
            rest = BytesMut::from(std::mem::take(&mut first));
        }
        rest.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}

async fn drain<B: Buf>(body: impl Stream<Item = Result<B, warp::Error>>) {
    let mut body = pin!(body);
    let mut left = DRAINED;
    let reading = async {
        while let Some(Ok(chunk)) = body.next().await {
            left = left.saturating_sub(chunk.remaining());
            if left == 0 {
                break;
            }
        }
    };
    // Whether it ended or not, the answer is the same.
    let _ = timeout(DRAIN_TIME, reading).await;
}

pub(crate) fn too_large(limit: usize) -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("the body is longer than {limit} bytes; send fewer records at a time"),
    )
}

fn cut_off(what: String) -> Problem {
    Problem::new(Code::BodyCutOff, format!("the body {what}; send it again"))
}
