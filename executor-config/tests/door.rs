//! The port of an executor without a token: what a page in a browser, or a caller with odd ids, can make it do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::Schema;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{Action, Ticket};
use ballista_core::execution_plans::ShuffleWriterExec;
use ballista_core::serde::protobuf::executor_grpc_client::ExecutorGrpcClient;
use ballista_core::serde::protobuf::{
    self, CancelTasksParams, FetchPartition, LaunchMultiTaskParams, MultiTaskDefinition,
    RemoveJobDataParams, RunningTaskInfo, TaskId, action,
};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use gugus_engine::{ClusterUrl, ExecutorConfig, PlanCodec, TaskSlots, run_executor};
use prost::Message;
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Channel;
use tonic::{Code, Status};

const PATIENCE: Duration = Duration::from_secs(60);

/// The path of the call that launches tasks.
const LAUNCH: &str = "/ballista.protobuf.ExecutorGrpc/LaunchMultiTask";

/// Ids that would lead out of the folder of results, or to places in it that are no results.
const ODD: [&str; 7] = [
    "",
    ".",
    "..",
    "../../elsewhere",
    "a/../../b",
    "/elsewhere",
    "a b",
];

/// An executor that waits for its scheduler. Its port is open meanwhile.
struct Waiting {
    address: SocketAddr,
    /// The folder of results lies two folders deep in it.
    place: TempDir,
    _stop: DropGuard,
}

impl Waiting {
    async fn start() -> Self {
        // The executor names its port only when it is registered, so the test chooses the port.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let place = tempfile::tempdir().unwrap();
        let config = ExecutorConfig {
            listen: address,
            task_slots: TaskSlots::Exactly(NonZeroUsize::MIN),
            work_dir: Some(place.path().join("deep")),
            ..ExecutorConfig::new(ClusterUrl::new("127.0.0.1", 1))
        };
        let stop = CancellationToken::new();
        tokio::spawn(run_executor(config, |_| {}, stop.clone()));
        until("the port is open", || TcpStream::connect(address).is_ok()).await;
        Self {
            address,
            place,
            _stop: stop.drop_guard(),
        }
    }

    async fn channel(&self) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }

    /// The files in its place, whose names are not those of locks.
    fn files(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        walk(self.place.path(), &mut found);
        found.retain(|path| !path.ends_with("/lock"));
        found
    }

    /// The head of the answer to a request over HTTP/1.1 with these headers, as a browser sends it.
    fn asked(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nConnection: close\r\nTE: trailers\r\nContent-Length: {length}\r\n"
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        let request = [head.as_bytes(), b"\r\n", body].concat();
        stream.write_all(&request).unwrap();
        let mut answer = Vec::new();
        // A refusal may close the connection before the body is read.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn walk(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.insert(path.to_str().unwrap().to_owned());
        }
    }
}

async fn until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// One task that writes a file without rows.
fn task(job: &str, session: &str) -> LaunchMultiTaskParams {
    let empty = Arc::new(EmptyExec::new(Arc::new(Schema::empty())));
    let writer = ShuffleWriterExec::try_new("any".into(), 1, empty, String::new()).unwrap();
    let codec = PlanCodec::default();
    let message = PhysicalPlanNode::try_from_physical_plan(Arc::new(writer), &codec).unwrap();
    let mut plan = Vec::new();
    message.try_encode(&mut plan).unwrap();
    let task = TaskId {
        vcores_consumed: 1,
        global_output_partition_ids: vec![0],
        ..TaskId::default()
    };
    let tasks = MultiTaskDefinition {
        task_ids: vec![task],
        job_id: job.to_owned(),
        stage_id: 1,
        plan,
        session_id: session.to_owned(),
        ..MultiTaskDefinition::default()
    };
    LaunchMultiTaskParams {
        multi_tasks: vec![tasks],
        scheduler_endpoint: String::new(),
    }
}

/// A message as it goes over gRPC.
fn framed(message: &impl Message) -> Vec<u8> {
    let length = u32::try_from(message.encoded_len()).unwrap();
    let mut bytes = vec![0];
    bytes.extend(length.to_be_bytes());
    message.encode(&mut bytes).unwrap();
    bytes
}

#[track_caller]
fn refused<T>(answer: Result<T, Status>, id: &str) {
    let code = answer.err().map(|status| status.code());
    assert_eq!(code, Some(Code::InvalidArgument), "{id:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_ids_are_refused_and_nothing_appears_outside_the_work_folder() {
    let executor = Waiting::start().await;
    let channel = executor.channel().await;
    let mut tasks = ExecutorGrpcClient::new(channel.clone());
    let mut results = FlightServiceClient::new(channel);
    for odd in ODD {
        let launched = tasks.launch_multi_task(task(odd, "session")).await;
        refused(launched, odd);
        let launched = tasks.launch_multi_task(task("job", odd)).await;
        refused(launched, odd);
        let removed = RemoveJobDataParams {
            job_id: odd.to_owned(),
            remove_stage_ids: Vec::new(),
        };
        let removed = tasks.remove_job_data(removed).await;
        refused(removed, odd);
        let task_infos = vec![RunningTaskInfo {
            job_id: odd.to_owned(),
            ..RunningTaskInfo::default()
        }];
        let cancelled = tasks.cancel_tasks(CancelTasksParams { task_infos }).await;
        refused(cancelled, odd);
        let fetch = FetchPartition {
            job_id: odd.to_owned(),
            ..FetchPartition::default()
        };
        let fetch = protobuf::Action {
            settings: Vec::new(),
            action_type: Some(action::ActionType::FetchPartition(fetch)),
        };
        let fetch = fetch.encode_to_vec();
        let ticket = Ticket {
            ticket: fetch.clone().into(),
        };
        let fetched = results.do_get(ticket).await;
        refused(fetched, odd);
        let action = Action {
            r#type: "IO_BLOCK_TRANSPORT".to_owned(),
            body: fetch.into(),
        };
        let fetched = results.do_action(action).await;
        refused(fetched, odd);
    }
    // The same task under an id of a job writes into the folder, and nowhere else.
    assert_eq!(executor.files(), BTreeSet::new());
    tasks
        .launch_multi_task(task("job7", "session"))
        .await
        .unwrap();
    until("the result is there", || !executor.files().is_empty()).await;
    let deep = executor.place.path().join("deep/gugus-executor-");
    for file in executor.files() {
        assert!(file.starts_with(deep.to_str().unwrap()), "{file}");
        assert!(file.contains("/job7/1/"), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_a_page_can_send_runs_no_task() {
    let executor = Waiting::start().await;
    let own = executor.address.to_string();
    let body = framed(&task("job7", "session"));
    let grpc = ("content-type", "application/grpc");
    let host = ("host", own.as_str());
    for (what, headers, status) in [
        ("a form", vec![host, ("content-type", "text/plain")], 415),
        ("no type", vec![host], 415),
        (
            "grpc-web",
            vec![host, ("content-type", "application/grpc-web")],
            415,
        ),
        (
            "a page of another site",
            vec![
                host,
                ("origin", "http://127.0.0.1:8080"),
                ("content-type", "text/plain"),
            ],
            403,
        ),
        (
            "a page that says nothing of its site",
            vec![
                host,
                ("sec-fetch-site", "same-site"),
                ("content-type", "text/plain"),
            ],
            403,
        ),
        (
            "a page whose name means this machine",
            vec![
                ("host", "evil.example"),
                ("origin", "http://evil.example"),
                ("content-type", "text/plain"),
            ],
            421,
        ),
    ] {
        let answer = executor.asked(LAUNCH, &headers, &body);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{what}: {answer}"
        );
    }
    // Even with the right content type, which a page cannot send unasked.
    for headers in [
        vec![host, grpc, ("origin", "null")],
        vec![host, grpc, ("sec-fetch-site", "cross-site")],
        vec![("host", "evil.example"), grpc],
    ] {
        let answer = executor.asked(LAUNCH, &headers, &body).to_lowercase();
        // PERMISSION_DENIED.
        assert!(answer.contains("grpc-status: 7"), "{headers:?}: {answer}");
    }
    assert_eq!(executor.files(), BTreeSet::new());
    // What is refused above is refused for its headers: the same bytes of a scheduler run the task.
    let answer = executor.asked(LAUNCH, &[host, grpc], &body);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    until("the result is there", || !executor.files().is_empty()).await;
}
