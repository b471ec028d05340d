//! Scripts of `dev/python`, asked by one JSON document and answering by another: independent judges of what we write.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::kit::process;

/// What the script of this name in `dev/python` answers. It fails the test when the script does.
///
/// `None`, and a line that says so, where there is no Python with the packages of `dev/python/requirements.txt`:
/// `GUGUS_TEST_PYTHON` names it, and `cargo xtask test` sets it. In CI that is a failure.
#[track_caller]
pub(crate) fn ask<A: DeserializeOwned>(
    what: &str,
    script: &str,
    question: &impl Serialize,
) -> Option<A> {
    let Some(python) = std::env::var_os("GUGUS_TEST_PYTHON").filter(|python| !python.is_empty())
    else {
        process::skipped(
            what,
            "GUGUS_TEST_PYTHON names no Python; `cargo xtask test` sees to one",
        );
        return None;
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../dev/python")
        .join(script);
    let question = serde_json::to_vec(question).expect("paths are text, numbers are finite");
    let mut child = Command::new(&python)
        .arg(&path)
        .env("PYSPARK_PYTHON", &python)
        // A Spark of the developer's own must not be the one that answers.
        .env_remove("SPARK_HOME")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "GUGUS_TEST_PYTHON names {}, which does not start: {error}",
                python.display()
            )
        });
    // The script reads all of it before it says anything, so this cannot block on a full pipe. When it ended before,
    // its own words below say why.
    let _ = child
        .stdin
        .take()
        .expect("a piped standard input")
        .write_all(&question);
    let output = child.wait_with_output().expect("the script ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{script}: {}\n{said}",
        output.status
    );
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{script} answered something else: {error}\n{}\n{said}",
            String::from_utf8_lossy(&output.stdout)
        )
    });
    Some(answer)
}
