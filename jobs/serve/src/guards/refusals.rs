//! The answers to requests that reach no route.

use gugus_http::{BASIC, BEARER};
use warp::Reply;
use warp::http::{HeaderValue, header};
use warp::reply::Response;

use super::limits::Exceeded;
use crate::problem::{Code, Problem};

/// When a client may try again. A request takes milliseconds, so a queue of them is short after a second.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The request shows no token, or a wrong one.
pub(crate) fn no_token() -> Problem {
    let detail = "this service wants its token: send it in the header Authorization: Bearer TOKEN";
    Problem::new(Code::Unauthorized, detail)
}

/// [`no_token`], and how a browser can ask for the token.
pub(crate) fn unauthorized() -> Response {
    let mut response = no_token().into_response();
    for challenge in [BEARER, BASIC] {
        response
            .headers_mut()
            .append(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// The request had no turn, or took too long.
pub(crate) fn no_turn(exceeded: Exceeded, seconds: u64) -> Problem {
    match exceeded {
        Exceeded::Busy => Problem::new(
            Code::Busy,
            "too many requests are answered and wait already; try again in a second",
        ),
        Exceeded::TooSlow => Problem::new(
            Code::TooSlow,
            format!("the request took longer than {seconds} seconds; send fewer records at a time"),
        ),
    }
}

/// No request came over a stream for too long.
pub(crate) fn idle(seconds: u64) -> Problem {
    let detail = format!("no whole request came in {seconds} seconds; open another stream");
    Problem::new(Code::TooSlow, detail)
}

/// [`no_turn`], and when to try again.
pub(crate) fn exceeded(exceeded: Exceeded, seconds: u64) -> Response {
    let mut response = no_turn(exceeded, seconds).into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}
