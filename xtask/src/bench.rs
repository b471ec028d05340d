//! Benchmarks that need more than cargo: a release build, a broker, a Python.

use std::ffi::OsString;

use crate::host::{self, Host};
use crate::problem::Problem;
use crate::setup;

/// Runs the benchmark that the first argument names; the others are its own.
pub(crate) fn run(host: &Host, arguments: &[OsString]) -> Result<(), Problem> {
    let [name, rest @ ..] = arguments else {
        return Err(Problem::Usage("bench wants a name: ingest".to_owned()));
    };
    if name != "ingest" {
        return Err(Problem::Usage(format!(
            "there is no benchmark {name:?}; there is ingest"
        )));
    }
    let setup = setup::run(host)?;
    let python = setup
        .environment
        .iter()
        .find(|(name, _)| *name == "GUGUS_TEST_PYTHON");
    let Some((_, python)) = python else {
        setup.print();
        return Err(Problem::Missing(
            "the benchmark wants Python, Java and Kafka's jars; what is missing is above"
                .to_owned(),
        ));
    };
    if std::env::var_os("GUGUS").is_none() {
        let mut build = host.cargo();
        build.args(["build", "--release", "--locked"]);
        // In one call, so that both are built with the same features of what they share.
        build.args(["-p", "gugus", "-p", "gugus-ingest"]);
        build.args(["--bin", "gugus", "--example", "bare_loop"]);
        host::run(build)?;
    }
    let mut bench = host.command(python);
    bench
        .arg(host.root.join("bench/ingest/bench.py"))
        .args(rest)
        .envs(setup.environment.iter().map(|(name, value)| (name, value)));
    Err(host::replace_by(bench))
}
