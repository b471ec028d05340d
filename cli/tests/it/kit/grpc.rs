//! Calls of gRPC by hand: protobuf and frames, as a stranger writes them. All lengths are below 128, so that each is one
//! byte and a message is a text.

use ureq::Body;
use ureq::http::Response;

use crate::kit::http::send;

/// The calls of a scheduler and of an executor.
pub(crate) const SCHEDULER: &str = "/ballista.protobuf.SchedulerGrpc";
pub(crate) const EXECUTOR: &str = "/ballista.protobuf.ExecutorGrpc";

/// The header of a call.
pub(crate) const GRPC: (&str, &str) = ("content-type", "application/grpc");

/// A field that holds a text or another message.
pub(crate) fn field(tag: u8, content: &str) -> String {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 128, "{content:?} is too long");
    let head: String = [(tag << 3) | 2, length].map(char::from).iter().collect();
    head + content
}

/// A field that holds a number.
pub(crate) fn number(tag: u8, value: u8) -> String {
    assert!(value < 128, "{value} takes two bytes");
    [tag << 3, value].map(char::from).iter().collect()
}

/// Whatever is answered to a call.
#[track_caller]
pub(crate) fn call(
    http: &str,
    path: &str,
    headers: &[(&str, &str)],
    message: &str,
) -> Response<Body> {
    let length = char::from(u8::try_from(message.len()).unwrap());
    assert!(length.is_ascii(), "{message:?} is too long");
    let body = format!("\0\0\0\0{length}{message}");
    send(&format!("{http}{path}"), headers, &body)
}

/// The status of gRPC in the head of an answer, and the reason.
pub(crate) fn refusal(answer: &Response<Body>) -> (String, String) {
    let text = |name: &str| {
        let value = answer.headers().get(name);
        value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    };
    (
        text("grpc-status"),
        text("grpc-message").replace("%20", " "),
    )
}
