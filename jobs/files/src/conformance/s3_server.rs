//! A server that speaks S3, to run the suite on a bucket: moto's, by `dev/python/s3_server.py`, which says what moto
//! lacks.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use crate::{S3Settings, Store};

/// The bucket that the server has.
pub const BUCKET: &str = "gugus";

/// A server of our own on a free port. It ends when this is dropped, and with this process.
#[derive(Debug)]
pub struct S3Server {
    child: Child,
    url: String,
}

impl S3Server {
    /// Starts one, and waits until it answers.
    ///
    /// `None`, and a line that says so, where there is no Python with the packages of `dev/python/s3_server.txt`:
    /// `GUGUS_TEST_S3_PYTHON` names it, and `cargo xtask test` sets it. In CI (`CI=true`) that is a failure.
    pub fn start(what: &str) -> Option<Self> {
        let Some(python) =
            std::env::var_os("GUGUS_TEST_S3_PYTHON").filter(|python| !python.is_empty())
        else {
            let why = "GUGUS_TEST_S3_PYTHON names no Python; `cargo xtask test` sees to one";
            assert!(
                !matches!(std::env::var("CI").as_deref(), Ok("true" | "1")),
                "CI=true, and {what} cannot run: {why}"
            );
            // Past libtest, which keeps what a test says that passes.
            let _ = writeln!(std::io::stderr().lock(), "SKIPPED: {what}: {why}");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev/python/s3_server.py");
        // Nobody writes to its standard input: it is closed when we end, however we end, and then the server ends.
        let mut child = Command::new(&python)
            .arg(script)
            .arg(BUCKET)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| {
                panic!(
                    "GUGUS_TEST_S3_PYTHON names {}, which does not start: {e}",
                    python.display()
                )
            });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.strip_prefix("ready ").unwrap_or_else(|| {
            let ended = child.wait();
            panic!("s3_server.py ended ({ended:?}), its words are above; has this Python moto, as `cargo xtask setup` installs it?")
        });
        let url = url.trim().to_owned();
        Some(Self { child, url })
    }

    /// The one server of this process, started when it is first asked for.
    pub fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<S3Server>> = OnceLock::new();
        let start = || Self::start("the suite of stores over S3");
        SERVER.get_or_init(start).as_ref()
    }

    /// The variables that a process needs to use the server.
    pub fn variables(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ACCESS_KEY_ID", "AKIACONFORMANCE"),
            ("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-suite"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_ALLOW_HTTP", "true"),
        ]
    }

    /// A folder that nobody else uses, with a client of its own: each test has a runtime of its own, and connections
    /// end with theirs.
    pub fn fresh(&self) -> Store {
        let location = format!("s3://{BUCKET}/{}", uuid::Uuid::new_v4().simple());
        self.open(&location)
    }

    /// A place in a bucket of the server.
    pub fn open(&self, location: &str) -> Store {
        S3Settings::from_vars(self.variables())
            .open(location)
            .unwrap()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
