//! The Open Inference Protocol over gRPC.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use gugus_files::Store;
use gugus_http::Token;
use gugus_serve::Config;
use prost::Message;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::open_inference::{POINTS, folder};
use crate::service::Service;

/// The bytes of messages as they are.
pub(crate) struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, bytes: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(bytes, &item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = bytes::Buf::remaining(bytes);
        Ok(Some(bytes::Buf::copy_to_bytes(bytes, length).to_vec()))
    }
}

/// A service with gRPC, and a client of it.
pub(crate) struct Grpc {
    pub(crate) service: Service,
    pub(crate) address: SocketAddr,
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) channel: Channel,
    token: Option<String>,
}

impl Grpc {
    pub(crate) fn start(mut config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        config.grpc = Some(Arc::new(listener));
        let service = Service::start(config);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let channel = runtime.block_on(async {
            let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
            endpoint.connect().await.unwrap()
        });
        Self {
            service,
            address,
            runtime,
            channel,
            token: None,
        }
    }

    pub(crate) fn call(&self, method: &str, message: Vec<u8>) -> Result<Vec<u8>, Status> {
        let path = format!("/inference.GRPCInferenceService/{method}");
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        self.runtime.block_on(async {
            let mut client = tonic::client::Grpc::new(self.channel.clone());
            client
                .ready()
                .await
                .map_err(|error| Status::unknown(error.to_string()))?;
            let path: PathAndQuery = path.parse().unwrap();
            Ok(client.unary(request, path, Raw).await?.into_inner())
        })
    }

    pub(crate) fn infer(&self, request: &Infer) -> Result<Inferred, Status> {
        let answer = self.call("ModelInfer", request.encode_to_vec())?;
        Ok(Inferred::decode(&*answer).unwrap())
    }
}

pub(crate) fn grpc() -> (tempfile::TempDir, Grpc) {
    let dir = folder();
    let config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    (dir, Grpc::start(config))
}

/// What these tests write of a request.
#[derive(Clone, Message)]
pub(crate) struct Infer {
    #[prost(string, tag = "1")]
    pub(crate) model: String,
    #[prost(string, tag = "2")]
    pub(crate) version: String,
    #[prost(string, tag = "3")]
    pub(crate) id: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) inputs: Vec<Input>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) outputs: Vec<Wanted>,
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub(crate) raw: Vec<Vec<u8>>,
}

#[derive(Clone, Message)]
pub(crate) struct Input {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) datatype: String,
    #[prost(int64, repeated, tag = "3")]
    pub(crate) shape: Vec<i64>,
    #[prost(message, optional, tag = "5")]
    pub(crate) contents: Option<Contents>,
}

#[derive(Clone, Message)]
pub(crate) struct Contents {
    #[prost(int32, repeated, tag = "2")]
    pub(crate) ints: Vec<i32>,
    #[prost(double, repeated, tag = "7")]
    pub(crate) doubles: Vec<f64>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(crate) texts: Vec<Vec<u8>>,
}

#[derive(Clone, Message)]
pub(crate) struct Wanted {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

#[derive(Clone, Message)]
pub(crate) struct Inferred {
    #[prost(string, tag = "1")]
    model: String,
    #[prost(string, tag = "2")]
    version: String,
    #[prost(string, tag = "3")]
    id: String,
    #[prost(bytes = "vec", repeated, tag = "6")]
    raw: Vec<Vec<u8>>,
}

/// Asks about a model, and says one flag or text in the fields 1 and 2.
#[derive(Clone, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

pub(crate) fn named(name: &str, version: &str) -> Vec<u8> {
    let (name, version) = (name.to_owned(), version.to_owned());
    Named { name, version }.encode_to_vec()
}

/// The message of a field 1 that is `true`, and of one that is `false`.
const YES: [u8; 2] = [8, 1];
const NO: [u8; 0] = [];

/// Three points as bytes.
pub(crate) fn raw(version: &str) -> Infer {
    Infer {
        model: "kmeans_model".to_owned(),
        version: version.to_owned(),
        id: "r1".to_owned(),
        inputs: vec![Input {
            name: "features".to_owned(),
            datatype: "FP64".to_owned(),
            shape: vec![3, 2],
            contents: None,
        }],
        outputs: Vec::new(),
        raw: vec![
            POINTS
                .into_iter()
                .flatten()
                .flat_map(f64::to_le_bytes)
                .collect(),
        ],
    }
}

fn clusters(raw: &[u8]) -> Vec<i32> {
    let (chunks, rest) = raw.as_chunks();
    assert!(rest.is_empty());
    chunks
        .iter()
        .map(|chunk| i32::from_le_bytes(*chunk))
        .collect()
}

#[test]
fn the_server_and_its_models_are_described() {
    let (_dir, grpc) = grpc();
    assert_eq!(grpc.call("ServerLive", Vec::new()).unwrap(), YES);
    assert_eq!(grpc.call("ServerReady", Vec::new()).unwrap(), YES);
    assert!(
        grpc.call("ServerMetadata", Vec::new())
            .unwrap()
            .starts_with(b"\x0a\x05gugus")
    );
    for (version, ready) in [("", &YES[..]), ("7", &YES), ("8", &NO)] {
        assert_eq!(
            grpc.call("ModelReady", named("kmeans_model", version))
                .unwrap(),
            ready
        );
    }
    let metadata = grpc
        .call("ModelMetadata", named("kmeans_model", "7"))
        .unwrap();
    assert!(metadata.starts_with(b"\x0a\x0ckmeans_model\x12\x017\x1a\x0cgugus_kmeans"));
    let missing = grpc
        .call("ModelMetadata", named("no such", ""))
        .unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    assert_eq!(
        grpc.call("TraceSetting", Vec::new()).unwrap_err().code(),
        Code::Unimplemented
    );
}

#[test]
fn tensors_come_as_bytes_and_in_fields() {
    let (_dir, grpc) = grpc();
    let answer = grpc.infer(&raw("7")).unwrap();
    assert_eq!(
        (&*answer.model, &*answer.version, &*answer.id),
        ("kmeans_model", "7", "r1")
    );
    assert_eq!(clusters(&answer.raw[0]), [0, 1, 2]);

    let mut typed = raw("");
    typed.raw.clear();
    typed.inputs[0].contents = Some(Contents {
        doubles: POINTS.into_iter().flatten().collect(),
        ..Contents::default()
    });
    typed.outputs = vec![
        Wanted {
            name: "distance".to_owned(),
        },
        Wanted {
            name: "cluster".to_owned(),
        },
    ];
    let answer = grpc.infer(&typed).unwrap();
    assert_eq!(answer.raw[0], [0; 24]);
    assert_eq!(clusters(&answer.raw[1]), [0, 1, 2]);

    let column = |name: &str, datatype: &str, contents: Contents| Input {
        name: name.to_owned(),
        datatype: datatype.to_owned(),
        shape: vec![2],
        contents: Some(contents),
    };
    let kind = Infer {
        model: "kind".to_owned(),
        inputs: vec![
            column(
                "TIME OCC",
                "INT32",
                Contents {
                    ints: vec![330, 330],
                    ..Contents::default()
                },
            ),
            column(
                "PART",
                "BYTES",
                Contents {
                    texts: vec![b"1.50".to_vec(), b"2".to_vec()],
                    ..Contents::default()
                },
            ),
        ],
        ..Infer::default()
    };
    assert_eq!(clusters(&grpc.infer(&kind).unwrap().raw[0]), [2, 0]);
}

#[test]
fn mistakes_of_callers_are_told_as_such() {
    let (_dir, grpc) = grpc();
    let change = |change: fn(&mut Infer)| {
        let mut request = raw("7");
        change(&mut request);
        grpc.infer(&request).unwrap_err()
    };
    for (status, code, part) in [
        (
            change(|it| it.model = "nobody".to_owned()),
            Code::NotFound,
            "nobody",
        ),
        (
            change(|it| it.version = "8".to_owned()),
            Code::NotFound,
            "8",
        ),
        (
            change(|it| it.raw.clear()),
            Code::InvalidArgument,
            "0 elements",
        ),
        (
            change(|it| it.raw.push(Vec::new())),
            Code::InvalidArgument,
            "2 raw contents",
        ),
        (
            change(|it| it.raw[0].truncate(47)),
            Code::InvalidArgument,
            "47 bytes",
        ),
        (
            change(|it| it.inputs[0].shape = vec![i64::MAX, i64::MAX]),
            Code::InvalidArgument,
            "shape",
        ),
        (
            change(|it| it.inputs[0].shape = vec![-3, 2]),
            Code::InvalidArgument,
            "negative",
        ),
        (
            change(|it| it.inputs[0].shape.clear()),
            Code::InvalidArgument,
            "0 dimensions",
        ),
        (
            change(|it| it.inputs[0].datatype.clear()),
            Code::InvalidArgument,
            "datatype",
        ),
        (
            change(|it| it.inputs[0].contents = Some(Contents::default())),
            Code::InvalidArgument,
            "one of the two",
        ),
        (
            change(|it| {
                it.outputs = vec![Wanted {
                    name: "x".to_owned(),
                }]
            }),
            Code::InvalidArgument,
            "\"x\"",
        ),
        (
            grpc.call("ModelInfer", b"\xff\xff".to_vec()).unwrap_err(),
            Code::InvalidArgument,
            "message",
        ),
    ] {
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains(part), "{status}");
    }
    assert_eq!(clusters(&grpc.infer(&raw("7")).unwrap().raw[0]), [0, 1, 2]);
}

#[test]
fn a_message_has_the_limit_of_a_body() {
    let dir = folder();
    let mut config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    config.body_limit = 1000;
    let grpc = Grpc::start(config);
    let mut request = raw("7");
    assert!(grpc.infer(&request).is_ok());
    request.id = "x".repeat(1000);
    assert_eq!(grpc.infer(&request).unwrap_err().code(), Code::OutOfRange);
}

#[test]
fn the_repository_is_that_of_rest() {
    let (_dir, grpc) = grpc();
    let index = grpc.call("RepositoryIndex", Vec::new()).unwrap();
    let entry = b"\x0a\x0ckmeans_model\x12\x017\x1a\x05READY";
    assert!(index.windows(entry.len()).any(|window| window == entry));
    let kmeans = named("", "kmeans_model");
    assert_eq!(
        grpc.call("RepositoryModelUnload", kmeans.clone()).unwrap(),
        NO
    );
    assert_eq!(
        grpc.call("ModelReady", named("kmeans_model", "")).unwrap(),
        NO
    );
    assert_eq!(
        grpc.service.get("/v2/models/kmeans_model/ready").status,
        404
    );
    assert_eq!(grpc.infer(&raw("7")).unwrap_err().code(), Code::NotFound);
    assert_eq!(grpc.call("RepositoryModelLoad", kmeans).unwrap(), NO);
    assert!(grpc.infer(&raw("7")).is_ok());
    let missing = grpc
        .call("RepositoryModelLoad", named("", "nobody"))
        .unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}

#[test]
fn the_token_is_wanted_here_too() {
    let dir = folder();
    let mut config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    config.guards.token = Some(Token::new("right-token").unwrap());
    let mut grpc = Grpc::start(config);
    assert_eq!(grpc.call("ServerReady", Vec::new()).unwrap(), YES);
    for token in [None, Some("wrong-token")] {
        grpc.token = token.map(str::to_owned);
        assert_eq!(
            grpc.infer(&raw("7")).unwrap_err().code(),
            Code::Unauthenticated
        );
        let missing = grpc.call("NoSuchMethod", Vec::new()).unwrap_err();
        assert_eq!(missing.code(), Code::Unauthenticated);
    }
    grpc.token = Some("right-token".to_owned());
    assert!(grpc.infer(&raw("7")).is_ok());
}

#[test]
fn both_end_together() {
    let (_dir, grpc) = grpc();
    assert!(grpc.infer(&raw("7")).is_ok());
    let Grpc {
        service, channel, ..
    } = grpc;
    service.end().unwrap();
    drop(channel);
}
