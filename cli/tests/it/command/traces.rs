//! Traces reach a collector.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;

use crate::kit::http::ask;
use crate::kit::process::Signal;
use crate::kit::wait::PATIENCE;
use crate::kit::work::Work;

/// What a collector was asked: the lines of the head, in lower case, and the body.
type Asked = (Vec<String>, ExportTraceServiceRequest);

/// A collector that takes one request.
fn collector() -> (String, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(&stream);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            match line.trim() {
                "" => break,
                line => head.push(line.to_lowercase()),
            }
        }
        let length = head
            .iter()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        (&stream)
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
        let body = ExportTraceServiceRequest::decode(&*body).unwrap();
        tell.send((head, body)).unwrap();
    });
    (url, told)
}

#[test]
fn requests_become_spans_of_the_callers_trace() {
    let work = Work::new();
    let (url, told) = collector();
    let served = work
        .serving()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")
        .env("OTEL_SERVICE_NAME", "predictions")
        .up();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = ask(
        &format!("{}/models/nope", served.url("rest")),
        &[("traceparent", parent)],
    );
    assert_eq!(answer.status(), 404);
    let place = answer.headers()["traceparent"].to_str().unwrap().to_owned();
    // The last spans go out at the end.
    served.stop(Signal::Term).expect(0);
    let (head, body) = told.recv_timeout(PATIENCE).unwrap();
    assert!(head[0].starts_with("post /v1/traces "), "{head:?}");
    assert!(head.contains(&"x-key: secret".to_owned()), "{head:?}");
    let of = &body.resource_spans[0];
    let service = &of.resource.as_ref().unwrap().attributes;
    let predictions = Value::StringValue("predictions".to_owned());
    assert_eq!(value(service, "service.name"), Some(predictions));
    let span = &of.scope_spans[0].spans[0];
    assert_eq!(span.name, "GET /models/{model}");
    assert_eq!(span.kind(), SpanKind::Server);
    assert_eq!(hex(&span.trace_id), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(hex(&span.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(hex(&span.span_id), place.split('-').nth(2).unwrap());
    assert_eq!(
        value(&span.attributes, "status"),
        Some(Value::IntValue(404))
    );
}

fn value(attributes: &[KeyValue], key: &str) -> Option<Value> {
    let attribute = attributes.iter().find(|attribute| attribute.key == key)?;
    attribute.value.clone()?.value
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
