//! Flag, variable, file: in this order, for the binary as a whole.

use crate::kit::http::send;
use crate::kit::process::{Gugus, run};
use crate::kit::work::{Work, root, shipped};

#[test]
fn a_flag_goes_before_a_variable_and_a_variable_before_the_file() {
    let work = Work::new();
    std::fs::create_dir_all(work.path("from_file")).unwrap();
    let folder = work.path("");
    let [file, variable, flag] = ["from_file", "from_variable", "from_flag"].map(|p| work.path(p));
    let config = format!("batches = \"{file}\"\n[train]\nretrain = true\n");
    work.write("gugus.toml", config);
    let call = ["train", "--job", &shipped("crime.toml")];
    let train = || Gugus::new(call).folder(&folder);
    train().run().expect(2).says(&["from_file"]);
    let train = || train().env("GUGUS_BATCHES", &variable);
    train().run().expect(2).says(&["from_variable"]);
    let train = train().with(["--batches", &flag]);
    train.run().expect(2).says(&["from_flag"]);
}

#[test]
fn an_unknown_key_is_refused_and_an_unknown_variable_is_not() {
    let work = Work::new();
    let config = work.write("mine.toml", "[serve]\nlistem = \"127.0.0.1:0\"\n");
    let refused = run(["--config", &config, "job", "check", &shipped("crime.toml")]).expect(2);
    refused.says(&["listem", "listen"]);
    Gugus::new(["job", "check", &shipped("crime.toml")])
        .env("GUGUS_NO_SUCH_THING", "1")
        .run()
        .expect(0);
}

/// A server listens on the name of a host, and is strict if the flag, the variable or the file says so.
#[test]
fn serve_is_strict_by_flag_variable_or_file() {
    let work = Work::new();
    let strict = work.write("strict.toml", "[serve]\nstrict_columns = true\n");
    let models = root().join("jobs/models/tests/fixtures/v1/models");
    let models = models.to_str().unwrap();
    let serve = || Gugus::new(["serve", "--models", models, "--listen", "localhost:0"]);
    for (server, expected) in [
        (serve(), 200),
        (serve().with(["--strict-columns"]), 422),
        (serve().env("GUGUS_STRICT_COLUMNS", "true"), 422),
        (serve().with(["--config", &strict]), 422),
    ] {
        let server = server.up();
        let path = format!(
            "{}/models/location/batches/latest/predict",
            server.url("rest")
        );
        let answer = send(&path, &[], r#"{"LAT": 34.0, "TIME OCC": 100, "more": 1}"#);
        assert_eq!(answer.status().as_u16(), expected);
    }
}

#[test]
fn every_command_explains_itself() {
    let commands = "demo generate produce ingest batches train models serve job scheduler executor submit runs";
    for command in commands.split(' ') {
        let help = run([command, "--help"]).expect(0);
        help.prints(&["Usage: gugus", command]);
        assert!(help.stderr.is_empty(), "{command}: {}", help.stderr);
    }
    assert!(run("--version").expect(0).stdout.starts_with("gugus "));
    run("nosuchcommand").expect(2);
    run("train").expect(2);
}
