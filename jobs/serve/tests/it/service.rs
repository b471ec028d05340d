//! A running service, and requests to it.
//!
//! Many tests are tables, one case per line.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gugus_files::Store;
use gugus_models::ModelDraft;
use gugus_serve::{Config, run};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::folders::write;

/// How long a condition may take to come true. It is long, since machines that run tests are slow at times.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A service on a free port, which ends when it is dropped.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    runtime: Runtime,
    running: Option<JoinHandle<Result<(), gugus_serve::Error>>>,
    agent: ureq::Agent,
    folder: Option<TempDir>,
}

/// An answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body, which has to be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| {
            panic!(
                "{e}: {} {}",
                self.status,
                String::from_utf8_lossy(&self.body)
            )
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// Asserts that this is an error, given as `STATUS CODE: PART, PART`. The detail has to name each part.
    #[track_caller]
    pub(crate) fn refused(&self, expected: &str) {
        let (head, parts) = expected.split_once(": ").unwrap_or((expected, ""));
        let body = self.json();
        let code = body["error"].as_str().unwrap_or_default();
        assert_eq!(format!("{} {code}", self.status), head, "{body}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        let detail = body["detail"].as_str().unwrap();
        for part in parts.split(", ") {
            assert!(detail.contains(part), "{part:?} is not in {detail:?}");
        }
    }

    /// The cluster of a 200.
    #[track_caller]
    pub(crate) fn cluster(&self) -> u64 {
        let body = self.json();
        assert_eq!(
            (self.status, body.as_object().map(|o| o.len())),
            (200, Some(1)),
            "{body}"
        );
        body["cluster"].as_u64().unwrap()
    }

    /// The clusters of a 200.
    #[track_caller]
    pub(crate) fn clusters(&self) -> Vec<u64> {
        let body = self.json();
        assert_eq!(self.status, 200, "{body}");
        body.as_array()
            .unwrap()
            .iter()
            .map(|one| one["cluster"].as_u64().unwrap())
            .collect()
    }
}

/// The lines of a table, cut at ` => `: a request and what is expected.
pub(crate) fn cases(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| line.rsplit_once("=>").unwrap())
        .map(|(given, expected)| (given.trim(), expected.trim()))
}

impl Service {
    /// Serves these models from a folder that goes with the service.
    pub(crate) fn of<const N: usize>(models: [ModelDraft; N]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        models.iter().for_each(|model| write(folder.path(), model));
        let mut service = Self::of_folder(folder.path());
        service.folder = Some(folder);
        service
    }

    /// The folder of [`Service::of`].
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    pub(crate) fn of_folder(folder: &Path) -> Self {
        Self::start(Config::new(Store::open(folder.to_str().unwrap()).unwrap()))
    }

    pub(crate) fn start(config: Config) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shutdown = CancellationToken::new();
        let (send, ready) = mpsc::channel();
        let ended = shutdown.clone();
        let running = runtime.spawn(async move {
            run(
                listener,
                config,
                move |address| send.send(address).unwrap(),
                ended,
            )
            .await
        });
        let address = ready
            .recv_timeout(DEADLINE)
            .expect("the service did not start");
        // Each request has its own connection: after a refusal whose body it did not read, the service closes the old one.
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(DEADLINE))
            .max_idle_connections(0)
            .build()
            .new_agent();
        Self {
            address,
            shutdown,
            runtime,
            running: Some(running),
            agent,
            folder: None,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Answer::of(self.agent.get(self.url(path)).call())
    }

    pub(crate) fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.send(path, &[("content-type", "application/json")], body)
    }

    /// A POST with these headers.
    pub(crate) fn send(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let request = self.agent.post(self.url(path));
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        Answer::of(request.send(body.as_ref()))
    }

    pub(crate) fn post_json(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.agent.post(self.url(path)).send_json(body))
    }

    /// The cluster of a record.
    #[track_caller]
    pub(crate) fn cluster(&self, path: &str, record: &Value) -> u64 {
        self.post_json(path, record).cluster()
    }

    /// The clusters of records.
    #[track_caller]
    pub(crate) fn clusters(&self, path: &str, records: &Value) -> Vec<u64> {
        self.post_json(path, records).clusters()
    }

    /// A method without body, to a path that may not take it.
    pub(crate) fn method(&self, method: &str, path: &str) -> Answer {
        let url = self.url(path);
        Answer::of(match method {
            "DELETE" => self.agent.delete(url).call(),
            "PUT" => self.agent.put(url).send(&[]),
            "GET" => self.agent.get(url).call(),
            "HEAD" => self.agent.head(url).call(),
            "POST" => self.agent.post(url).send(&[]),
            other => panic!("{other}"),
        })
    }

    /// A request with headers.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let agent = self.agent.clone();
        Answer::of(match body {
            "" => agent.run(request.body(()).unwrap()),
            body => agent.run(request.body(body).unwrap()),
        })
    }

    /// Asks until `answer` is what is waited for.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, mut there: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !there(self) {
            assert!(
                Instant::now() < end,
                "{what} did not come true in {DEADLINE:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Tells it to end and waits until it did.
    pub(crate) fn end(mut self) -> Result<(), gugus_serve::Error> {
        self.shutdown.cancel();
        let running = self.running.take().unwrap();
        self.runtime.block_on(async {
            tokio::time::timeout(DEADLINE, running)
                .await
                .unwrap()
                .unwrap()
        })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Answer {
    #[track_caller]
    fn of(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let mut response = response.unwrap();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let body = response
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_vec()
            .unwrap();
        Self {
            status: response.status().as_u16(),
            headers,
            body,
        }
    }
}
