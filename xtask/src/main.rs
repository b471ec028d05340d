//! Everyday work on Gugus in one place: `cargo xtask --help`.
//!
//! What CI runs is built from the same commands, so a green `cargo xtask check` and `cargo xtask test` at home mean a
//! green CI. It uses next to nothing but the standard library: it is the first thing that a fresh clone compiles, and a developer's
//! first impression should take a second, not a minute.

mod bench;
mod browser;
mod chaos;
mod check;
mod host;
mod java;
mod kafka;
mod problem;
mod python;
mod setup;
mod test;
mod times;

use std::ffi::OsString;
use std::process::ExitCode;

use host::Host;
use problem::Problem;

const HELP: &str = "\
Everyday work on Gugus.

Usage: cargo xtask COMMAND [ARGUMENT]...

Commands:
  check [PART]...            all parts unless some are named: fmt (rustfmt), layers (which crate may depend on which, and
                             no circle of files), deny (licences, duplicate versions and sources of dependencies),
                             clippy and doc (warnings denied)
  test [ARGUMENT]...         every test; sets up first what they need (see setup). Arguments go to cargo test
                             instead of --workspace: cargo xtask test -p gugus-kmeans -- golden
  chaos [--seeds N] [--steps N] [--cases N] [--seed N] [--case N]
                             ingest among crashes, freezes, rebalances and faults of broker, disk and store,
                             training among executors and schedulers that are killed and frozen, and damaged files,
                             batches and job files: N seeds (1) from --seed on (1), each with N mishaps of ingest (11)
                             and N cases of damage. --case repeats one case of damage
  sbom                       the bill of materials of the program, as CycloneDX JSON on standard output
  setup                      only the setting up: Python with pyspark and kafka-python for the tests that ask them,
                             Apache Kafka's jars for those that use a real broker, axe-core for the one that uses a
                             real browser, all under .cache. Installs a missing system package where it may (root,
                             apt-get), else names it
  bench ingest [ARGUMENT]... how fast ingest is beside a bare librdkafka loop and a Python consumer (bench/ingest); makes
                             a release build first, unless GUGUS names a binary
  bench live [ARGUMENT]...   how long a batch takes from Kafka to its first prediction, beside Spark's Structured Streaming
                             (bench/live); a release build first, as above
  bench serve [ARGUMENT]...  how fast predictions are beside a constant and beside Spark behind FastAPI (bench/serve); it
                             installs Spark and FastAPI under .cache; a release build first, as above
  bench train [ARGUMENT]...  how fast training is beside Spark, scikit-learn and faiss (bench/train), which it installs
                             under .cache; a release build first, as above
  bench ui [ARGUMENT]...     how fast the scheduler's pages are with 10,000 Ballista jobs, 1,000 runs and 100,000 models
                             (bench/ui); a release build first, as above
  demo [ARGUMENT]...         the demo: broker, ingest, training, REST and web UI in one process (gugus demo)
  kafka [ARGUMENT]...        a real Apache Kafka in the foreground until Ctrl-C; its last line says where it listens.
                             Arguments go to dev/kafka/kafka run: [--port PORT] [FOLDER]
  help                       this page

Environment:
  CI=true          a piece that the tests need and cannot have is a failure; otherwise the tests that need it are
                   skipped, and the last lines say which
  PYTHON           the Python to make the environment with (3.9 to 3.13; default: the first that fits in PATH)
  JAVA_HOME        the Java to use (17 to 23 does for everything; default: the first that fits in PATH and /usr/lib/jvm)
  KAFKA_BROKERS    a Kafka that runs already, HOST:PORT,...: the tests use it and start none
  GUGUS_NO_INSTALL set to anything: never install a system package
";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next();
    let rest: Vec<OsString> = arguments.collect();
    let command = command.as_deref().and_then(|c| c.to_str());
    match run(command.unwrap_or("help"), &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("\nxtask: {problem}");
            ExitCode::from(problem.kind().exit_code())
        }
    }
}

fn run(command: &str, rest: &[OsString]) -> Result<(), Problem> {
    if rest.iter().any(|argument| argument == "--help")
        && !matches!(command, "test" | "demo" | "bench")
    {
        print!("{HELP}");
        return Ok(());
    }
    match command {
        "bench" => bench::run(&Host::here(), rest),
        "check" => check::run(&Host::here(), rest),
        "test" => test::run(&Host::here(), rest),
        "chaos" => chaos::run(&Host::here(), rest),
        "setup" => {
            let setup = setup::run(&Host::here())?;
            setup.print();
            Ok(())
        }
        "demo" => {
            let mut cargo = Host::here().cargo();
            cargo
                .args(["run", "--locked", "--package", "gugus", "--", "demo"])
                .args(rest);
            Err(host::replace_by(cargo))
        }
        "kafka" => {
            let host = Host::here();
            let mut script = host.command(kafka::script(&host));
            // The script says what it misses; the Java that fits is for us to find, as the tests do.
            if let Some(java) = java::find(&java::for_kafka) {
                script.env("JAVA_HOME", java.home);
            }
            script.arg("run").args(rest);
            Err(host::replace_by(script))
        }
        "sbom" => {
            let mut cargo = Host::here().cargo();
            cargo.args("run --quiet --locked --package xtask-rules -- sbom".split(' '));
            Err(host::replace_by(cargo))
        }
        "help" | "-h" | "--help" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(Problem::Usage(format!(
            "there is no command {other:?}; cargo xtask --help lists them"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_built_from_every_crate() {
        let root = Host::here().root;
        let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
        let (manifest, reaches_the_builder) = (read("Cargo.toml"), read(".dockerignore"));
        let members = manifest.split("members = [").nth(1).unwrap();
        let members = members.split(']').next().unwrap().split('"');
        for member in members.skip(1).step_by(2) {
            let folder = member.split('/').next().unwrap();
            let line = format!("!{folder}");
            assert!(
                reaches_the_builder.lines().any(|there| there == line),
                ".dockerignore keeps {member} from the builder: add the line {line}"
            );
        }
    }
}
