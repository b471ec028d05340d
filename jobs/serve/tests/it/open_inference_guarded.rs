//! What the guards do for gRPC.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures::{StreamExt, stream};
use gugus_files::Store;
use gugus_serve::Config;
use prost::Message;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status};

use crate::open_inference::folder;
use crate::open_inference_grpc::{Grpc, Raw, grpc, named, raw};
use crate::service::DEADLINE;

#[test]
fn refusals_are_counted_by_what_was_wrong() {
    let dir = folder();
    let mut config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    config.body_limit = 1000;
    let grpc = Grpc::start(config);
    let mut request = raw("7");
    assert!(grpc.infer(&request).is_ok());
    request.id = "x".repeat(1000);
    grpc.infer(&request).unwrap_err();
    let mut request = raw("7");
    request.model = "nobody".to_owned();
    grpc.infer(&request).unwrap_err();
    request = raw("7");
    request.raw = vec![vec![0; 3]];
    grpc.infer(&request).unwrap_err();
    let missing = grpc.call("NoSuchMethod", Vec::new()).unwrap_err();
    assert_eq!(missing.code(), Code::Unimplemented);
    let metrics = String::from_utf8(grpc.service.get("/metrics").body).unwrap();
    let requests = |route: &str, status: u16| {
        format!("gugus_serve_requests_total{{route=\"{route}\",status=\"{status}\"}} 1")
    };
    let infer = "/inference.GRPCInferenceService/ModelInfer";
    for line in [
        requests(infer, 200),
        requests(infer, 413),
        requests(infer, 404),
        requests(infer, 400),
        requests("none", 404),
        "gugus_serve_refused_total{error=\"body_too_large\"} 1".to_owned(),
        "gugus_serve_refused_total{error=\"unknown_model\"} 1".to_owned(),
        "gugus_serve_refused_total{error=\"wrong_value\"} 1".to_owned(),
        "gugus_serve_refused_total{error=\"unknown_path\"} 1".to_owned(),
    ] {
        assert!(metrics.contains(&format!("{line}\n")), "{line}\n{metrics}");
    }
}

#[test]
fn pages_of_other_sites_may_send_nothing_here_either() {
    let (_dir, grpc) = grpc();
    let path = "/inference.GRPCInferenceService/RepositoryModelUnload";
    let message = named("", "kmeans_model");
    // A browser sends such a request without asking first.
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: {}\r\n\r\n\0\0\0\0{}",
        message.len() + 5,
        char::from(u8::try_from(message.len()).unwrap())
    );
    let mut page = TcpStream::connect(grpc.address).unwrap();
    page.set_read_timeout(Some(DEADLINE)).unwrap();
    page.write_all(&[head.as_bytes(), &message].concat())
        .unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).unwrap();
    let refused = format!("grpc-status: {}", Code::PermissionDenied as i32);
    assert!(answer.contains(&refused), "{answer}");
    assert!(grpc.infer(&raw("7")).is_ok());
}

impl Grpc {
    /// A stream of one request that stays open, and its answers.
    async fn open(&self) -> Result<tonic::Streaming<Vec<u8>>, Status> {
        let requests = stream::iter([raw("7").encode_to_vec()]).chain(stream::pending());
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.unwrap();
        let path = "/inference.GRPCInferenceService/ModelStreamInfer";
        let path = PathAndQuery::from_static(path);
        let answers = client.streaming(Request::new(requests), path, Raw).await;
        Ok(answers?.into_inner())
    }
}

#[test]
fn streams_are_open_as_many_as_requests_are_answered() {
    let dir = folder();
    let mut config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    config.guards.in_flight = NonZeroUsize::MIN;
    let grpc = Grpc::start(config);
    grpc.runtime.block_on(async {
        let mut first = grpc.open().await.unwrap();
        assert!(first.message().await.unwrap().is_some());
        let second = grpc.open().await.unwrap_err();
        assert_eq!(second.code(), Code::Unavailable, "{second}");
    });
    // An open stream takes nobody's turn.
    assert!(grpc.infer(&raw("7")).is_ok());
}

#[test]
fn a_silent_stream_ends_and_leaves_its_place() {
    let dir = folder();
    let mut config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    config.guards.in_flight = NonZeroUsize::MIN;
    config.guards.request_time = Duration::from_millis(300);
    let grpc = Grpc::start(config);
    grpc.runtime.block_on(async {
        let mut first = grpc.open().await.unwrap();
        assert!(first.message().await.unwrap().is_some());
        let ended = first.message().await.unwrap_err();
        assert_eq!(ended.code(), Code::Unavailable);
        assert!(ended.message().contains("stream"), "{ended}");
        assert!(grpc.open().await.is_ok());
    });
}
