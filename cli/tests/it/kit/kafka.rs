//! A real Apache Kafka for the tests: one node on free ports with a folder of its own, gone with the test.
//!
//! `KAFKA_BROKERS` names one that runs already, and is used instead. Otherwise `GUGUS_TEST_KAFKA_LIBS` names the folder
//! with Kafka's jars (`cargo xtask test` sees to them), and Java comes from `JAVA_HOME` or `PATH`. With neither, tests
//! that ask for a broker are skipped, loudly, and in CI they fail.
//!
//! The settings are those of the development Kafka, `dev/kafka/server.properties`: one place to change. [`More`] adds to
//! them.

#![allow(dead_code, reason = "a kit: each test takes what it needs")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::BuildHasher;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tempfile::TempDir;

use crate::kit::process;

/// How long a broker may take until it answers. 5 s are usual, several times that where a compiler runs beside it.
const DEADLINE: Duration = Duration::from_secs(120);

/// How long one question to a broker may take.
const QUESTION: Duration = Duration::from_secs(10);

/// A file in a broker's folder: the folder outlives the broker, for the next start.
const KEEP: &str = "keep";

const PROPERTIES: &str = include_str!("../../../../dev/kafka/server.properties");

/// A Kafka that answers.
#[derive(Debug)]
pub(crate) struct Kafka {
    brokers: String,
    /// `None` for one that runs without us.
    own: Option<Own>,
}

/// A broker that we started.
#[derive(Debug)]
struct Own {
    libs: PathBuf,
    folder: TempDir,
    /// The ports of [`More::ports`], in that order.
    ports: Vec<u16>,
    child: Child,
}

/// What a broker of our own has beyond the development Kafka's settings.
#[derive(Debug, Default)]
pub(crate) struct More<'a> {
    /// Added to `server.properties`, where the last of two settings of a name counts. `@BROKER@`, `@CONTROLLER@`, `@FOLDER@`
    /// and the names of `ports` between two `@` are filled in.
    pub(crate) properties: &'a str,
    /// What further ports are called in `properties`.
    pub(crate) ports: &'a [&'a str],
    /// Files that lie in the broker's folder before it starts: name and text.
    pub(crate) files: &'a [(&'a str, &'a str)],
    /// Further arguments for the tool that formats its storage, such as users.
    pub(crate) format: &'a [String],
}

impl Kafka {
    /// The one of `KAFKA_BROKERS`, or a new one; `None`, and a line that says so, where neither is to be had.
    ///
    /// For a test that only needs topics, [`Kafka::shared`] saves the start.
    #[track_caller]
    pub(crate) fn start() -> Option<Kafka> {
        if let Some(brokers) = std::env::var("KAFKA_BROKERS")
            .ok()
            .filter(|brokers| !brokers.is_empty())
        {
            if let Err(why) = answers(&brokers, DEADLINE, || Ok(())) {
                panic!("KAFKA_BROKERS names {brokers}, where no Kafka answers: {why}");
            }
            return Some(Kafka { brokers, own: None });
        }
        Kafka::start_own()
    }

    /// A new one even where `KAFKA_BROKERS` names another: for tests that stop, kill or restart it.
    #[track_caller]
    pub(crate) fn start_own() -> Option<Kafka> {
        Kafka::start_own_with(&More::default())
    }

    /// As [`Kafka::start_own`], with settings that the development Kafka has not.
    #[track_caller]
    pub(crate) fn start_own_with(more: &More<'_>) -> Option<Kafka> {
        let Some(libs) = std::env::var_os("GUGUS_TEST_KAFKA_LIBS")
            .filter(|libs| !libs.is_empty())
            .map(PathBuf::from)
        else {
            process::skipped(
                "a test with a real Apache Kafka",
                "GUGUS_TEST_KAFKA_LIBS names no jars; `cargo xtask test` sees to them",
            );
            return None;
        };
        // Another process may take a port between our look and the broker's start: then it ends, and we draw again.
        let mut why = String::new();
        for _ in 0..3 {
            match begin(&libs, more) {
                Ok(kafka) => return Some(kafka),
                Err(error) => why = error,
            }
        }
        panic!(
            "Kafka of {} did not start, three times: {why}",
            libs.display()
        );
    }

    /// One for all tests of this binary, for those that need no more than topics of their own.
    pub(crate) fn shared() -> Option<&'static Kafka> {
        static SHARED: OnceLock<Option<Kafka>> = OnceLock::new();
        SHARED.get_or_init(Kafka::start).as_ref()
    }

    /// What `--brokers` takes: `HOST:PORT`, or several with commas.
    pub(crate) fn brokers(&self) -> &str {
        &self.brokers
    }

    /// The port that a broker of our own has for a name of [`More::ports`], by its place there.
    #[track_caller]
    pub(crate) fn port(&self, place: usize) -> u16 {
        let own = self
            .own
            .as_ref()
            .expect("a broker of our own: start_own_with");
        own.ports[place]
    }

    /// The folder of a broker of our own, where the files of [`More::files`] lie.
    #[track_caller]
    pub(crate) fn folder(&self) -> &Path {
        let own = self.own.as_ref().expect("a broker of our own: start_own");
        own.folder.path()
    }

    /// Creates a topic and waits until its partitions have leaders. Fails when the name is taken.
    #[track_caller]
    pub(crate) fn create_topic(&self, name: &str, partitions: i32) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("an admin client");
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let options = AdminOptions::new()
            .request_timeout(Some(QUESTION))
            .operation_timeout(Some(QUESTION));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let answer = runtime
            .block_on(admin.create_topics([&topic], &options))
            .expect("the broker answers");
        for result in answer {
            result.unwrap_or_else(|(topic, code)| panic!("topic {topic} was not created: {code}"));
        }
        self.await_leaders(name, partitions);
    }

    /// Adds partitions to a topic, up to this many, and waits until they have leaders.
    #[track_caller]
    pub(crate) fn add_partitions(&self, name: &str, partitions: i32) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("an admin client");
        let count = usize::try_from(partitions).expect("a count");
        let more = NewPartitions::new(name, count);
        let options = AdminOptions::new().operation_timeout(Some(QUESTION));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let answer = runtime
            .block_on(admin.create_partitions([&more], &options))
            .expect("the broker answers");
        for result in answer {
            result
                .unwrap_or_else(|(topic, code)| panic!("topic {topic} got no partitions: {code}"));
        }
        self.await_leaders(name, partitions);
    }

    /// The broker says yes before every partition has a leader to read from and to write to.
    #[track_caller]
    fn await_leaders(&self, name: &str, partitions: i32) {
        let consumer: BaseConsumer = self.client().create().expect("a client");
        let end = Instant::now() + DEADLINE;
        while !has_leaders(&consumer, name, partitions) {
            assert!(
                Instant::now() < end,
                "the partitions of topic {name} had no leaders within {DEADLINE:?}"
            );
            consumer.poll(Duration::from_millis(50));
        }
    }

    /// Creates a topic whose name no other test has, for brokers that are shared. Returns the name.
    #[track_caller]
    pub(crate) fn fresh_topic(&self, prefix: &str, partitions: i32) -> String {
        let name = format!(
            "{prefix}-{:08x}",
            RandomState::new().hash_one(std::process::id()) as u32
        );
        self.create_topic(&name, partitions);
        name
    }

    /// For each partition of a topic, the offset after its last record.
    #[track_caller]
    pub(crate) fn ends(&self, topic: &str, partitions: i32) -> Vec<i64> {
        let consumer: BaseConsumer = self.client().create().expect("a client");
        let end = |partition| {
            consumer
                .fetch_watermarks(topic, partition, QUESTION)
                .map(|(_, end)| end)
        };
        (0..partitions)
            .map(|partition| end(partition).expect("the partition's offsets"))
            .collect()
    }

    /// Kills a broker of our own: no farewell, as a power failure.
    #[track_caller]
    pub(crate) fn kill(&mut self) {
        let own = self.own.as_mut().expect("a broker of our own: start_own");
        fs::write(own.folder.path().join(KEEP), "").expect("the broker's folder");
        own.end();
    }

    /// Kills a broker of our own, unless that was done before, and starts it again: same port, same data.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.kill();
        let own = self.own.as_mut().expect("a broker of our own: start_own");
        own.child = launch(&own.libs, own.folder.path()).expect("Java starts");
        if let Err(why) = await_broker(&self.brokers, &mut own.child, own.folder.path()) {
            panic!("Kafka did not come up again: {why}");
        }
    }

    fn client(&self) -> ClientConfig {
        client(&self.brokers)
    }
}

impl Own {
    fn end(&mut self) {
        // Our end of the pipe closes, and the shell around the broker kills it.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.end();
    }
}

/// A client that does not complain of a broker that is away.
pub(crate) fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    // A broker that is not there yet is what we are waiting for, not worth a line each time.
    config
        .set("log_level", "0")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "200");
    config.set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg);
    config
}

/// Formats a folder and starts a broker on it.
fn begin(libs: &Path, more: &More<'_>) -> Result<Kafka, String> {
    let text = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    let folder = tempfile::Builder::new()
        .prefix("gugus-kafka-")
        .tempdir()
        .map_err(text("a temporary folder"))?;
    let names = [&["BROKER", "CONTROLLER"], more.ports].concat();
    let ports = free_ports(names.len())?;
    let mut properties = format!("{PROPERTIES}\n{}", more.properties)
        .replace("@FOLDER@", &folder.path().display().to_string());
    for (name, port) in names.iter().zip(&ports) {
        properties = properties.replace(&format!("@{name}@"), &port.to_string());
    }
    let settings = folder.path().join("server.properties");
    fs::write(&settings, properties).map_err(text("server.properties"))?;
    for (name, content) in more.files {
        fs::write(folder.path().join(name), content).map_err(text("a file of the broker"))?;
    }

    let formatted = java(libs)
        .arg("kafka.tools.StorageTool")
        .args(["format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c"])
        .arg(&settings)
        .args(more.format)
        .stdin(Stdio::null())
        .output()
        .map_err(text("java (JAVA_HOME or PATH)"))?;
    if !formatted.status.success() {
        return Err(format!(
            "its storage was not formatted: {}",
            String::from_utf8_lossy(&[formatted.stdout, formatted.stderr].concat())
        ));
    }
    let mut child = launch(libs, folder.path())?;
    let brokers = format!("127.0.0.1:{}", ports[0]);
    let up = await_broker(&brokers, &mut child, folder.path());
    let kafka = Kafka {
        brokers,
        own: Some(Own {
            libs: libs.to_owned(),
            folder,
            ports: ports[2..].to_vec(),
            child,
        }),
    };
    up.map(|()| kafka)
}

fn java(libs: &Path) -> Command {
    let program = std::env::var_os("JAVA_HOME").map_or_else(
        || PathBuf::from("java"),
        |home| Path::new(&home).join("bin/java"),
    );
    let mut java = Command::new(program);
    java.arg("-Xmx512m").arg("-cp").arg(libs.join("*"));
    java
}

/// Starts the broker under a shell that kills it as soon as our end of a pipe closes. That happens on drop, but also
/// when this process is killed, or ends with the broker in a static, which Rust never drops. The folder goes then too,
/// unless the file [`KEEP`] lies in it; that of a broker which ended by itself stays, for its log.
fn launch(libs: &Path, folder: &Path) -> Result<Child, String> {
    const GUARD: &str = r#"folder=$1 keep=$2; shift 2
exec 3<&0
"$@" </dev/null 3<&- & broker=$!
{ read -r _ <&3; kill -9 "$broker"; } 2>/dev/null & guard=$!
wait "$broker"; status=$?
kill "$guard" 2>/dev/null
[ "$status" -ne 137 ] || [ -e "$folder/$keep" ] || rm -rf "$folder"
exit "$status""#;
    let log =
        File::create(folder.join("output.log")).map_err(|error| format!("output.log: {error}"))?;
    let errors = log
        .try_clone()
        .map_err(|error| format!("output.log: {error}"))?;
    let java = java(libs);
    Command::new("sh")
        .args(["-c", GUARD, "kafka"])
        .args([folder.as_os_str(), KEEP.as_ref()])
        .arg(java.get_program())
        .arg(format!(
            "-Dlog4j2.configurationFile={}/../dev/kafka/log4j2.properties",
            env!("CARGO_MANIFEST_DIR")
        ))
        .arg(format!("-Dgugus.kafka.log={}/kafka.log", folder.display()))
        .args(java.get_args())
        .arg("kafka.Kafka")
        .arg(folder.join("server.properties"))
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(|error| format!("sh: {error}"))
}

/// Waits until the broker answers, or has ended.
fn await_broker(brokers: &str, child: &mut Child, folder: &Path) -> Result<(), String> {
    let last_words = || {
        let all = ["output.log", "kafka.log"]
            .map(|file| fs::read_to_string(folder.join(file)).unwrap_or_default())
            .concat();
        all.lines()
            .rev()
            .take(15)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
            .join("\n")
    };
    answers(brokers, DEADLINE, || match child.try_wait() {
        Ok(Some(status)) => Err(format!("it ended ({status})")),
        _ => Ok(()),
    })
    .map_err(|why| format!("{why}; its last words:\n{}", last_words()))
}

/// Waits until a client gets metadata that names a broker: the port is open some time before.
fn answers(
    brokers: &str,
    deadline: Duration,
    mut lives: impl FnMut() -> Result<(), String>,
) -> Result<(), String> {
    let end = Instant::now() + deadline;
    let consumer: BaseConsumer = client(brokers)
        .create()
        .map_err(|error| error.to_string())?;
    loop {
        lives()?;
        // librdkafka connects, reconnects and asks within this second; that is the pause between two looks at the process.
        match consumer.fetch_metadata(None, Duration::from_secs(1)) {
            Ok(metadata) if !metadata.brokers().is_empty() => return Ok(()),
            _ if Instant::now() < end => {}
            Ok(_) => return Err(format!("{brokers} named no broker within {deadline:?}")),
            Err(error) => {
                return Err(format!(
                    "{brokers} did not answer within {deadline:?}: {error}"
                ));
            }
        }
    }
}

fn has_leaders(consumer: &BaseConsumer, topic: &str, partitions: i32) -> bool {
    let Ok(metadata) = consumer.fetch_metadata(Some(topic), QUESTION) else {
        return false;
    };
    metadata.topics().iter().any(|found| {
        found.name() == topic
            && found.partitions().len() == usize::try_from(partitions).unwrap_or(usize::MAX)
            && found
                .partitions()
                .iter()
                .all(|partition| partition.leader() >= 0 && partition.error().is_none())
    })
}

/// Free ports below the range from which Linux draws ports for outgoing connections (32768 and up): a client that
/// calls a broker which is down could else be given the broker's own port, and would talk to itself.
fn free_ports(count: usize) -> Result<Vec<u16>, String> {
    static DRAWN: AtomicU32 = AtomicU32::new(0);
    let seed = RandomState::new();
    // Held until all are found, so that they differ.
    let mut held = Vec::new();
    for _ in 0..100 {
        let draw = seed.hash_one(DRAWN.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + (draw % 12_000) as u16;
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            held.push((port, listener));
        }
        if held.len() == count {
            return Ok(held.iter().map(|(port, _)| *port).collect());
        }
    }
    Err(format!(
        "no {count} free ports among 100 tried between 20000 and 32000"
    ))
}
