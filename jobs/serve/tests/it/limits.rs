//! Methods, paths, long bodies and the end.

use std::io::{Read, Write};
use std::net::TcpStream;

use gugus_files::Store;
use gugus_serve::Config;
use serde_json::json;

use crate::folders::{CENTERS, batch, location, write};
use crate::service::{DEADLINE, Service};

fn service() -> Service {
    Service::of([location("location", batch(1), &CENTERS)])
}

/// Sends bytes as they are and reads until the other side ends.
fn raw(service: &Service, parts: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    for part in parts {
        stream.write_all(part).unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn unknown_paths() {
    let service = service();
    for path in [
        "/nope",
        "/models/",
        "/model",
        "/models/location/batches",
        "/docs/none.js",
        "/predict_cluster/x",
        "//models",
    ] {
        let answer = service.get(path);
        if path == "/models/" {
            assert_eq!(answer.status, 200);
        } else {
            answer.refused("404 unknown_path: docs");
        }
    }
    service.post("/nope", "{}").refused("404 unknown_path");
}

#[test]
fn wrong_methods_name_the_right_ones() {
    let service = service();
    for (method, path, allow) in [
        ("GET", "/predict_cluster/", "POST"),
        ("PUT", "/predict_cluster", "POST"),
        ("DELETE", "/models", "GET, HEAD"),
        ("POST", "/models", "GET, HEAD"),
        ("POST", "/models/location", "GET, HEAD"),
        ("DELETE", "/models/location/batches/1", "GET, HEAD"),
        ("GET", "/models/location/batches/1/predict", "POST"),
        ("GET", "/models/location/predict", "POST"),
        ("POST", "/health", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("POST", "/docs", "GET, HEAD"),
    ] {
        let answer = service.method(method, path);
        answer.refused("405 method_not_allowed");
        assert!(answer.json()["detail"].to_string().contains(allow));
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
    let head = service.method("HEAD", "/models");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn a_body_without_a_type_of_its_own_is_json() {
    let service = service();
    for header in [
        "",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: Application/JSON;charset=utf-8\r\n",
    ] {
        let body = r#"{"lat": 33.7, "lon": -118.3, "model": 1}"#;
        let head = format!(
            "POST /predict_cluster/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}Content-Length: {}\r\n\r\n",
            body.len()
        );
        let answer = raw(&service, &[head.as_bytes(), body.as_bytes()]);
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"cluster":2}"#),
            "{answer}"
        );
    }
}

#[test]
fn bodies_have_a_limit_with_and_without_a_length() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &location("location", batch(1), &CENTERS));
    let mut config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    config.body_limit = 1000;
    let service = Service::start(config);
    let of_length = |length: usize| {
        let point = r#"{"lat": 33.7, "lon": -118.3, "model": 1}"#;
        format!("{point}{}", " ".repeat(length - point.len()))
    };
    assert_eq!(
        service.post("/predict_cluster/", of_length(1000)).cluster(),
        2
    );
    service
        .post("/predict_cluster/", of_length(1001))
        .refused("413 body_too_large: 1000 bytes");
    // All of it is read, so that a client that writes first and reads then sees the answer.
    service
        .post("/predict_cluster/", of_length(10_000_000))
        .refused("413 body_too_large: 1000 bytes");
    service
        .post("/models/location/batches/1/predict", of_length(5000))
        .refused("413 body_too_large");

    let head = "POST /predict_cluster/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", 600, of_length(600));
    let end = "0\r\n\r\n";
    let answer = raw(
        &service,
        &[head.as_bytes(), chunk.as_bytes(), end.as_bytes()],
    );
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"cluster":2}"#),
        "{answer}"
    );
    let answer = raw(
        &service,
        &[
            head.as_bytes(),
            chunk.as_bytes(),
            chunk.as_bytes(),
            end.as_bytes(),
        ],
    );
    assert!(
        answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"),
        "{answer}"
    );

    // Who asks first need not send the body.
    let expect = "POST /predict_cluster/ HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n";
    let answer = raw(&service, &[expect.as_bytes()]);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[test]
fn by_default_ten_megabytes_are_too_many() {
    let service = service();
    let answer = service.post("/predict_cluster/", vec![b' '; 10_000_000]);
    answer.refused(&format!("413 body_too_large: {}", gugus_serve::BODY_LIMIT));
}

#[test]
fn what_is_no_http_is_dropped_and_the_service_goes_on() {
    let service = service();
    raw(
        &service,
        &[b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello over TLS\r\n\r\n"],
    );
    let broken =
        b"POST /predict_cluster/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{\"lat\": ";
    drop(
        TcpStream::connect(service.address)
            .unwrap()
            .write_all(broken),
    );
    assert_eq!(service.get("/health").json()["status"], "ok");
}

#[test]
fn requests_in_flight_are_finished_and_then_it_ends() {
    let service = service();
    let body = r#"{"lat": 33.7, "lon": -118.3, "model": 1}"#;
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    // The request has begun when its body is asked for.
    let head = format!(
        "POST /predict_cluster/ HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    // An idle connection must not keep it.
    let _idle = TcpStream::connect(service.address).unwrap();

    let address = service.address;
    service.shutdown.cancel();
    let ending = std::thread::spawn(move || service.end());
    let end = std::time::Instant::now() + DEADLINE;
    while TcpStream::connect(address).is_ok() {
        assert!(std::time::Instant::now() < end, "it still listens");
        std::thread::yield_now();
    }
    assert!(!ending.is_finished());
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"cluster":2}"#),
        "{answer}"
    );
    ending.join().unwrap().unwrap();
}

#[test]
fn health() {
    let service = service();
    assert_eq!(
        service.get("/health").json(),
        json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "models": 1})
    );
    assert_eq!(service.get("/health/live").json(), json!({"status": "ok"}));
    assert_eq!(
        service.get("/health/ready/").json(),
        json!({"status": "ok"})
    );
}
