//! Traces reach a collector.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use crate::kit::http::ask;
use crate::kit::process::Signal;
use crate::kit::wait::PATIENCE;
use crate::kit::work::Work;

/// A collector that takes one request, and its path and body.
fn collector() -> (String, Receiver<(String, Value)>) {
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
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            .unwrap();
        let path = head[0].split(' ').nth(1).unwrap().to_owned();
        tell.send((path, serde_json::from_slice(&body).unwrap()))
            .unwrap();
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
    let (path, body) = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(path, "/v1/traces");
    let resource = &body["resourceSpans"][0];
    let service = &resource["resource"]["attributes"][0];
    assert_eq!(service["value"]["stringValue"], "predictions");
    let span = &resource["scopeSpans"][0]["spans"][0];
    assert_eq!(span["name"], "GET /models/{model}");
    assert_eq!(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(span["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(span["spanId"], place.split('-').nth(2).unwrap());
    let attributes = span["attributes"].to_string();
    assert!(attributes.contains("\"intValue\":\"404\""), "{attributes}");
}
