//! Flag, variable, file: in this order, for the binary as a whole.

use crate::kit::process::{Gugus, run};
use crate::kit::work::{Work, shipped};

#[test]
fn a_flag_goes_before_a_variable_and_a_variable_before_the_file() {
    let work = Work::new();
    std::fs::create_dir_all(work.path("from_file")).unwrap();
    let folder = work.path("");
    work.write(
        "gugus.toml",
        format!(
            "batches = \"{}\"\n[train]\nretrain = true\n",
            work.path("from_file")
        ),
    );
    let job = shipped("crime.toml");
    let place = |gugus: Gugus| gugus.folder(&folder).run().expect(2).stderr;
    let file = place(Gugus::new(["train", "--job", &job]));
    assert!(file.contains("from_file"), "{file}");
    let variable = place(
        Gugus::new(["train", "--job", &job]).env("GUGUS_BATCHES", work.path("from_variable")),
    );
    assert!(variable.contains("from_variable"), "{variable}");
    let flag = ["train", "--job", &job, "--batches", &work.path("from_flag")];
    let flag = place(Gugus::new(flag).env("GUGUS_BATCHES", work.path("from_variable")));
    assert!(flag.contains("from_flag"), "{flag}");
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

#[test]
fn every_command_explains_itself() {
    for command in [
        "demo",
        "generate",
        "produce",
        "ingest",
        "batches",
        "train",
        "models",
        "serve",
        "job",
        "scheduler",
        "executor",
        "submit",
        "runs",
    ] {
        let help = run([command, "--help"]).expect(0);
        assert!(
            help.stdout.contains("Usage: gugus"),
            "{command}: {}",
            help.stdout
        );
        assert!(help.stderr.is_empty(), "{command}: {}", help.stderr);
    }
    assert!(run(["--version"]).expect(0).stdout.starts_with("gugus "));
    run(["nosuchcommand"]).expect(2);
    run(["train"]).expect(2);
}
