//! Benchmarks that need more than cargo: a release build, a broker, a Python.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::host::{self, Host};
use crate::java;
use crate::problem::Problem;
use crate::{python, setup};

/// Runs the benchmark that the first argument names; the others are its own.
pub(crate) fn run(host: &Host, arguments: &[OsString]) -> Result<(), Problem> {
    let [name, rest @ ..] = arguments else {
        return Err(Problem::Usage(
            "bench wants a name: ingest, live, serve, train or ui".to_owned(),
        ));
    };
    match name.to_str() {
        Some("ingest") => ingest(host, rest),
        Some("live") => live(host, rest),
        Some("serve") => serve(host, rest),
        Some("train") => train(host, rest),
        Some("ui") => ui(host, rest),
        _ => Err(Problem::Usage(format!(
            "there is no benchmark {name:?}; there are ingest, live, serve, train and ui"
        ))),
    }
}

fn ingest(host: &Host, arguments: &[OsString]) -> Result<(), Problem> {
    // In one call, so that both are built with the same features of what they share.
    let targets = "-p gugus -p gugus-ingest --bin gugus --example bare_loop --example hash_cost";
    with_kafka(host, targets, "bench/ingest/bench.py", arguments)
}

fn live(host: &Host, arguments: &[OsString]) -> Result<(), Problem> {
    let targets = "-p gugus --bin gugus";
    with_kafka(host, targets, "bench/live/bench.py", arguments)
}

/// Builds, and runs a script that wants what the tests want.
fn with_kafka(
    host: &Host,
    targets: &str,
    script: &str,
    arguments: &[OsString],
) -> Result<(), Problem> {
    let setup = setup::run(host)?;
    let mut variables = setup.environment.iter();
    let Some((_, python)) = variables.find(|(name, _)| *name == "GUGUS_TEST_PYTHON") else {
        setup.print();
        return Err(Problem::Missing(
            "the benchmark wants Python, Java and Kafka's jars; what is missing is above"
                .to_owned(),
        ));
    };
    build(host, targets)?;
    let variables = setup.environment.iter();
    let variables = variables.map(|(name, path)| (*name, path.as_path()));
    become_bench(host, python, script, arguments, variables)
}

fn serve(host: &Host, arguments: &[OsString]) -> Result<(), Problem> {
    let (java, python) = spark(host, &python::BENCH_SERVE)?;
    // In one call, so that both are built with the same features of what they share.
    build(
        host,
        "-p gugus -p gugus-serve --bin gugus --example constant",
    )?;
    let variables = [("JAVA_HOME", java.as_path())];
    become_bench(host, &python, "bench/serve/bench.py", arguments, variables)
}

fn train(host: &Host, arguments: &[OsString]) -> Result<(), Problem> {
    let (java, python) = spark(host, &python::BENCH_TRAIN)?;
    build(host, "-p gugus --bin gugus")?;
    let variables = [("JAVA_HOME", java.as_path())];
    become_bench(host, &python, "bench/train/bench.py", arguments, variables)
}

/// A Java that Spark runs on, and a Python with these packages.
fn spark(host: &Host, wanted: &python::Environment) -> Result<(PathBuf, PathBuf), Problem> {
    let lock = setup::lock(host)?;
    let mut java = java::find(&java::for_spark);
    if java.is_none() {
        host.install(&setup::JAVA)?;
        java = java::find(&java::for_spark);
    }
    let Some(java) = java else {
        return Err(Problem::Missing(format!(
            "a Java that Spark 3.5 runs on, 17 or 21, is missing (there is {})",
            java::described()
        )));
    };
    let python = python::environment(host, wanted)?;
    drop(lock);
    Ok((java.home, python))
}

fn ui(host: &Host, arguments: &[OsString]) -> Result<(), Problem> {
    // It needs nothing beyond Python itself.
    let python = host::which("python3")
        .ok_or_else(|| Problem::Missing("Python 3 is missing (python3)".to_owned()))?;
    build(host, "-p gugus --bin gugus")?;
    become_bench(host, &python, "bench/ui/bench.py", arguments, [])
}

/// The release build, unless `GUGUS` names a binary.
fn build(host: &Host, targets: &str) -> Result<(), Problem> {
    if std::env::var_os("GUGUS").is_some() {
        return Ok(());
    }
    let mut build = host.cargo();
    build.args(["build", "--release", "--locked"]);
    build.args(targets.split(' '));
    host::run(build)
}

fn become_bench<'a>(
    host: &Host,
    python: &Path,
    script: &str,
    arguments: &[OsString],
    variables: impl IntoIterator<Item = (&'static str, &'a Path)>,
) -> Result<(), Problem> {
    let mut bench = host.command(python);
    bench.arg(host.root.join(script)).args(arguments);
    bench.envs(variables);
    Err(host::replace_by(bench))
}
