//! Token, named sites, root path, limits, names of requests, and TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use gugus_files::Store;
use gugus_http::{ServerCertificate, Token};
use gugus_serve::{Config, Guards};
use serde_json::json;
use tempfile::TempDir;

use crate::folders::{CENTERS, batch, location, write};
use crate::formats::{columns, stream};
use crate::service::{Answer, DEADLINE, Service};

pub(crate) const POINT: &str = r#"{"lat": 33.7, "lon": -118.3, "model": 1}"#;

pub(crate) fn models() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &location("location", batch(1), &CENTERS));
    folder
}

pub(crate) fn guarded(folder: &Path, set: impl FnOnce(&mut Guards)) -> Service {
    let mut config = Config::new(Store::open(folder.to_str().unwrap()).unwrap());
    set(&mut config.guards);
    Service::start(config)
}

#[test]
fn without_the_token_only_health_answers() {
    let folder = models();
    let service = guarded(folder.path(), |guards| {
        guards.token = Some(Token::new("right-token").unwrap());
    });
    for path in ["/health", "/health/live", "/health/ready"] {
        assert_eq!(service.get(path).status, 200, "{path}");
    }
    for path in ["/models", "/metrics", "/docs", "/openapi.json", "/nope"] {
        service.get(path).refused("401 unauthorized: Bearer");
    }
    let refused = service.post("/predict_cluster/", POINT);
    refused.refused("401 unauthorized");
    assert_eq!(
        refused.header("www-authenticate"),
        Some("Bearer realm=\"gugus\"")
    );
    for (shown, status) in [
        ("Bearer right-token", 200),
        ("bearer right-token", 200),
        ("Bearer wrong-token", 401),
        ("Bearer right-token2", 401),
        ("right-token", 401),
    ] {
        let answer = service.ask(
            "POST",
            "/predict_cluster/",
            &[("authorization", shown)],
            POINT,
        );
        assert_eq!(answer.status, status, "{shown}");
    }
    let shown = [("authorization", "Bearer right-token")];
    let document = service.ask("GET", "/openapi.json", &shown, "").json();
    assert_eq!(
        document["components"]["securitySchemes"]["token"]["scheme"],
        "bearer"
    );
    assert_eq!(document["security"], json!([{"token": []}]));
    let operations = &document["paths"];
    assert!(operations["/models"]["get"]["responses"]["401"].is_object());
    assert_eq!(operations["/health"]["get"]["security"], json!([]));
    let metrics = service.ask("GET", "/metrics", &shown, "").text();
    let refused = "gugus_serve_refused_total{error=\"unauthorized\"} 9\n";
    assert!(metrics.contains(refused), "{metrics}");
}

#[test]
fn a_request_has_one_id_in_header_and_error() {
    let folder = models();
    let service = guarded(folder.path(), |_| {});
    let answer = service.ask("GET", "/models", &[("x-request-id", "abc-1.2_3")], "");
    assert_eq!(answer.header("x-request-id"), Some("abc-1.2_3"));
    let answer = service.ask("GET", "/nope", &[("x-request-id", "not clean")], "");
    answer.refused("404 unknown_path");
    let id = answer.header("x-request-id").unwrap();
    assert_eq!(id.len(), 32);
    assert_eq!(answer.json()["request_id"], id);
    let one = service.get("/nope").json();
    assert_ne!(one["request_id"], service.get("/nope").json()["request_id"]);

    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = service.ask("GET", "/models", &[("traceparent", parent)], "");
    let place = answer.header("traceparent").unwrap();
    assert!(
        place.starts_with(&parent[..36]) && place != parent,
        "{place}"
    );
    assert_eq!(service.get("/models").header("traceparent"), None);
}

#[test]
fn every_answer_has_the_headers_that_keep_browsers_safe() {
    let folder = models();
    let service = guarded(folder.path(), |_| {});
    for answer in [
        service.get("/models"),
        service.get("/nope"),
        service.get("/docs"),
        service.method("DELETE", "/models"),
        service.post("/predict_cluster/", POINT),
    ] {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
    }
}

#[test]
fn pages_of_named_sites_may_ask_and_others_may_not() {
    let folder = models();
    let service = guarded(folder.path(), |guards| {
        guards.origins = vec!["https://app.example".parse().unwrap()];
        guards.token = Some(Token::new("right-token").unwrap());
    });
    let preflight = |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "authorization,content-type",
            ),
        ];
        service.ask(
            "OPTIONS",
            "/models/location/batches/1/predict",
            &headers,
            "",
        )
    };
    let allowed = "access-control-allow-origin";
    let answer = preflight("https://app.example");
    assert_eq!(
        (answer.status, answer.header(allowed)),
        (200, Some("https://app.example"))
    );
    let headers = answer.header("access-control-allow-headers").unwrap();
    assert!(
        headers.contains("authorization") && headers.contains("content-type"),
        "{headers}"
    );
    assert_eq!(preflight("https://evil.example").header(allowed), None);

    let ask = |origin: &str| {
        let headers = [("origin", origin), ("authorization", "Bearer right-token")];
        service.ask("POST", "/predict_cluster/", &headers, POINT)
    };
    let answer = ask("https://app.example");
    assert_eq!(
        (answer.cluster(), answer.header(allowed)),
        (2, Some("https://app.example"))
    );
    let shown = answer.header("access-control-expose-headers").unwrap();
    assert!(
        shown.contains("x-request-id") && shown.contains("gugus-model"),
        "{shown}"
    );
    assert_eq!(ask("https://evil.example").header(allowed), None);

    // Without named sites nothing is allowed, and OPTIONS is a method like others.
    let service = guarded(folder.path(), |_| {});
    let headers = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "POST"),
    ];
    let answer = service.ask("OPTIONS", "/predict_cluster/", &headers, "");
    answer.refused("405 method_not_allowed");
    assert_eq!(answer.header(allowed), None);
}

#[test]
fn behind_a_proxy_the_document_and_the_page_name_its_path() {
    let folder = models();
    let service = guarded(folder.path(), |guards| {
        guards.root_path = Some("/ml/gugus".parse().unwrap());
    });
    // A proxy may take its path off, or leave it on.
    for root in ["", "/ml/gugus"] {
        let document = service.get(&format!("{root}/openapi.json")).json();
        assert_eq!(document["servers"], json!([{"url": "/ml/gugus"}]));
        assert_eq!(
            service
                .post(&format!("{root}/predict_cluster/"), POINT)
                .cluster(),
            2
        );
        assert_eq!(service.get(&format!("{root}/docs/")).status, 200);
        assert_eq!(service.get(&format!("{root}/docs/start.js")).status, 200);
        let page = service.get(&format!("{root}/pages/location/batches/1"));
        let asked = format!(
            "http://{}/ml/gugus/models/location/batches/1/predict",
            service.address
        );
        assert!(page.text().contains(&asked), "{}", page.text());
    }
    service.get("/ml/gugus2/models").refused("404 unknown_path");
    let plain = guarded(folder.path(), |_| {});
    assert!(plain.get("/openapi.json").json()["servers"].is_null());
}

/// A request that is in flight until its body is sent.
fn begun(service: &Service) -> TcpStream {
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let head = format!(
        "POST /predict_cluster/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        POINT.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn more_than_the_most_requests_are_refused_and_those_that_wait_are_answered() {
    let folder = models();
    let service = guarded(folder.path(), |guards| {
        guards.in_flight = NonZeroUsize::MIN;
        guards.queued = 1;
    });
    let mut first = begun(&service);
    // Its body is asked for when it has its turn.
    let mut asked = [0; 25];
    first.read_exact(&mut asked).unwrap();
    let mut second = begun(&service);
    service.wait_for("the second request in the queue", |service| {
        // This request is in flight, too.
        service
            .get("/metrics")
            .text()
            .contains("gugus_serve_requests_in_flight 3\n")
    });
    let third = service.post("/predict_cluster/", POINT);
    third.refused("503 busy: try again");
    assert_eq!(third.header("retry-after"), Some("1"));
    assert_eq!(service.get("/health").status, 200);
    for stream in [&mut first, &mut second] {
        stream.write_all(POINT.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with(r#"{"cluster":2}"#), "{answer}");
    }
    assert_eq!(service.post("/predict_cluster/", POINT).cluster(), 2);
}

#[test]
fn a_request_has_its_time() {
    let folder = models();
    let service = guarded(folder.path(), |guards| {
        guards.request_time = Duration::from_millis(100);
    });
    let mut slow = begun(&service);
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains("HTTP/1.1 503") && answer.contains("too_slow"),
        "{answer}"
    );
    assert!(answer.contains("retry-after: 1"), "{answer}");
    assert_eq!(service.post("/predict_cluster/", POINT).cluster(), 2);
}

#[test]
fn with_a_certificate_it_speaks_tls_alone() {
    let folder = models();
    let keys = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (keys.path().join("own.pem"), keys.path().join("own.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let swapped = ServerCertificate::load(&key, &certificate).unwrap_err();
    assert!(swapped.to_string().contains("own.key"), "{swapped}");
    let service = guarded(folder.path(), |guards| {
        guards.certificate = Some(ServerCertificate::load(&certificate, &key).unwrap());
    });
    let mut plain = TcpStream::connect(service.address).unwrap();
    plain.set_read_timeout(Some(DEADLINE)).unwrap();
    plain
        .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    // A reset is as good as an end.
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let session = rustls::ClientConnection::new(client.into(), name).unwrap();
    let socket = TcpStream::connect(service.address).unwrap();
    let mut stream = rustls::StreamOwned::new(session, socket);
    stream
        .write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"status":"ok"}"#),
        "{answer}"
    );
}

#[test]
fn metrics_count_requests_by_the_patterns_of_routes() {
    let folder = models();
    let service = guarded(folder.path(), |_| {});
    service.post("/predict_cluster/", POINT);
    service.post("/models/location/batches/1/predict", "{}");
    service.get("/models/nope");
    service.get("/some/path/of/a/scanner");
    service.method("DELETE", "/models");
    let answer = service.get("/metrics");
    assert_eq!(answer.status, 200);
    let metrics = answer.text();
    for line in [
        r#"gugus_serve_requests_total{route="/predict_cluster/",status="200"} 1"#,
        r#"gugus_serve_requests_total{route="/models/{model}/batches/{batch}/predict",status="422"} 1"#,
        r#"gugus_serve_requests_total{route="/models/{model}",status="404"} 1"#,
        r#"gugus_serve_requests_total{route="none",status="404"} 1"#,
        r#"gugus_serve_requests_total{route="none",status="405"} 1"#,
        r#"gugus_serve_request_seconds_count{route="/predict_cluster/"} 1"#,
        r#"gugus_serve_refused_total{error="unknown_model"} 1"#,
        r#"gugus_serve_requests_in_flight 1"#,
    ] {
        assert!(metrics.contains(&format!("{line}\n")), "{line}\n{metrics}");
    }
    assert!(!metrics.contains("scanner"), "{metrics}");
}

#[test]
fn drift_is_how_far_predictions_are_from_training() {
    let folder = models();
    let service = guarded(folder.path(), |_| {});
    let drift = |service: &Service| {
        let metrics = service.get("/metrics").text();
        let mut lines = metrics.lines();
        let found =
            lines.find_map(|line| line.strip_prefix("gugus_serve_drift{model=\"location\"} "));
        found.map(|number| number.parse::<f64>().unwrap())
    };
    assert_eq!(drift(&service), None);
    let sizes = service.get("/models/location/batches/1").json()["sizes"].clone();
    let sizes: Vec<f64> = sizes
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_f64().unwrap())
        .collect();
    let rows: f64 = sizes.iter().sum();
    // All predictions are of one cluster: what is missing from the others is too much there.
    let cluster = service.post("/predict_cluster/", POINT).cluster();
    let expected = 1.0 - sizes[cluster as usize] / rows;
    // One prediction tells nothing yet.
    assert_eq!(drift(&service), None);
    let records = json!(vec![json!({"LAT": 33.7, "LON": -118.3}); 99]);
    let clusters = service.clusters("/models/location/batches/1/predict", &records);
    assert_eq!(clusters, [cluster; 99]);
    assert!((drift(&service).unwrap() - expected).abs() < 1e-12);
    let metrics = service.get("/metrics").text();
    assert!(
        metrics.contains("gugus_serve_models_loaded 1\n"),
        "{metrics}"
    );
}

#[test]
fn more_records_than_the_most_are_refused() {
    let folder = models();
    let mut config = Config::new(Store::open(folder.path().to_str().unwrap()).unwrap());
    config.max_rows = 2;
    let service = Service::start(config);
    let record = json!({"LAT": 33.7, "LON": -118.3});
    let path = "/models/location/batches/1/predict";
    assert_eq!(service.clusters(path, &json!([record, record])).len(), 2);
    let answer = service.post_json(path, &json!([record, record, record]));
    answer.refused("413 too_many_records: 2 records");
    let csv = "LAT,LON\n1,2\n1,2\n1,2\n";
    let answer = service.ask("POST", path, &[("content-type", "text/csv")], csv);
    answer.refused("413 too_many_records");
    // What comes behind the most records is not read.
    let broken = json!([record, record])
        .to_string()
        .replace(']', ",{\"LAT\": 1");
    service.post(path, broken).refused("413 too_many_records");
    let column = |name| (name, Arc::new(Float64Array::from(vec![1.0; 2])) as ArrayRef);
    let two = columns([column("LAT"), column("LON")]);
    let arrow = [("content-type", "application/vnd.apache.arrow.stream")];
    let send = |batches: &[RecordBatch]| service.send(path, &arrow, stream(batches));
    assert_eq!(send(std::slice::from_ref(&two)).status, 200);
    send(&[two.clone(), two]).refused("413 too_many_records");
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}
