//! Names, values and arguments that hold what a terminal obeys. No command passes it on: it is written out.

use std::fs;

use crate::kit::machines::{Scheduler, executor};
use crate::kit::process::{Gugus, Signal, run};
use crate::kit::raw::{ESCAPED, RAW, plain, written_out};
use crate::kit::work::{self, Work, model};

/// A job whose first column has such a name, with a model over this column, and its records. The last record is rejected.
fn prepared() -> (Work, String, String) {
    let work = Work::new();
    let named = |text: &str| text.replace("\"x\"", &format!("\"x{ESCAPED}\""));
    let job = named(&work::job("test", 4, &model("m", "k = 2\n")));
    let job = work.write("test.toml", job);
    let rows: String = (0..8).map(|n| format!("{n},{}\n", n * n % 7)).collect();
    // Quoted, because one of the characters would end the line.
    let text = format!("\"x{RAW}\",y\n{rows}\"{RAW}\",1\n");
    let csv = work.write("raw.csv", text);
    (work, job, csv)
}

#[test]
fn names_of_columns_and_values() {
    let (work, job, csv) = prepared();
    written_out(&run(["job", "check", &job]).expect(0));
    plain(&work.import(&job, &csv, &[]).expect(0));
    let train = ["train", "--job", &job, "--batches", &work.path("batch")];
    let models = ["--models", &work.path("models")];
    plain(&run([&train[..], &models].concat()).expect(0));
    for words in [
        ["batches", "list"],
        ["batches", "verify"],
        ["rejected", "list"],
    ] {
        plain(&work.on(&words).expect(0));
    }
    written_out(&work.on(&["batches", "show", "1"]).expect(0));
    written_out(&work.on(&["rejected", "show"]).expect(0));
    let inferred = run(["job", "infer", &csv]).expect(0);
    plain(&inferred);
    let inferred = work.write("inferred.toml", &inferred.stdout);
    written_out(&run(["job", "check", &inferred]).expect(0));
    let of_model = |words: &[&str]| run([words, &["--batch", "1"], &models].concat());
    written_out(&of_model(&["models", "show", "m"]).expect(0));
    let batches = work.path("batch");
    let evaluate = ["models", "evaluate", "m", "--batches", &batches];
    plain(&of_model(&evaluate).expect(0));

    // An axis of a map has the column's name.
    let svg = work.path("map.svg");
    let plot = [
        "models",
        "plot",
        "m",
        "--batches",
        &batches,
        "--output-file",
        &svg,
    ];
    plain(&of_model(&plot).expect(0));
    let drawn = fs::read_to_string(&svg).unwrap();
    let control = |character: char| character.is_control() && character != '\n';
    assert!(!drawn.contains(control), "{drawn}");
}

#[test]
fn names_of_files_and_folders() {
    let (work, job, csv) = prepared();
    let named = work.path(&format!("odd{RAW}.csv"));
    fs::copy(&csv, &named).unwrap();
    plain(&work.import(&job, &named, &[]).expect(0));
    // It was imported before, so the message names it.
    written_out(&work.import(&job, &named, &[]).expect(2));
    written_out(
        &work
            .import(&job, &format!("{named}.gone.csv"), &[])
            .expect(2),
    );
    let odd = work.path(&format!("odd{RAW}"));
    for words in [
        &["job", "check", &odd][..],
        &["batches", "verify", "--batches", &odd],
        &["models", "list", "--models", &odd],
        &["serve", "--models", &work.path("."), "--config", &odd],
        &["scheduler", "--token-file", &odd],
    ] {
        written_out(&run(words).expect(2));
    }
    // Strangers in the folders of batches and models.
    work.train(&job, &[]).expect(0);
    fs::write(format!("{}/b{RAW}.parquet", work.path("batch")), "x").unwrap();
    let (models, stranger) = (work.path("models"), format!("m{RAW}"));
    fs::create_dir_all(format!("{models}/{stranger}/batch_00000001")).unwrap();
    plain(&work.on(&["batches", "verify"]));
    plain(&run(["models", "list", "--models", &models]));
    let show = ["models", "show", &stranger, "--models", &models];
    written_out(&run(show).expect(2));
}

#[test]
fn arguments_variables_and_keys() {
    let (work, job, _) = prepared();
    let odd = format!("m{RAW}");
    let batches = work.path("batch");
    let train = [
        "train",
        "--job",
        &job,
        "--batches",
        &batches,
        "--model",
        &odd,
    ];
    for command in [
        Gugus::new(train),
        Gugus::new(["executor", "--scheduler", &odd]),
        Gugus::new([&format!("--{odd}")]),
        Gugus::new([&odd]),
        work.serving().env("GUGUS_POLL", &odd),
        work.serving().folder(work.path(".")).with(["--poll", &odd]),
    ] {
        plain(&command.run().expect(2));
    }
    for text in [
        format!("\"poll{ESCAPED}\" = 3\n"),
        format!("[serve]\npoll = \"{ESCAPED}\"\n"),
    ] {
        let config = work.write("mine.toml", text);
        plain(&work.serving().with(["--config", &config]).run().expect(2));
    }
    let text = fs::read_to_string(&job).unwrap();
    for (from, to) in [
        ("\"m\"", format!("\"m{ESCAPED}\"")),
        ("\"test\"", format!("\"test{ESCAPED}\"")),
        ("k = 2", format!("\"k{ESCAPED}\" = 2")),
        ("\"y\"]", format!("\"z{ESCAPED}\"]")),
        (
            "\"y\"]",
            format!("{{ name = \"f\", sql = \"y + '{ESCAPED}' + no(3)\" }}]"),
        ),
    ] {
        let changed = work.write("changed.toml", text.replacen(from, &to, 1));
        written_out(&run(["job", "check", &changed]).expect(2));
    }
}

#[test]
fn what_a_cluster_tells_of_a_run() {
    let (work, job, csv) = prepared();
    plain(&work.import(&job, &csv, &[]).expect(0));
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &["--log", "debug"]);
    let executor = executor(&scheduler.url, "1");
    let run = scheduler.submitted(&work, &job, "models", &["--wait"]);
    let id = run["id"].as_str().unwrap();
    let odd = format!("r{RAW}");
    for words in [&["list"][..], &["show", id], &["logs", id], &["show", &odd]] {
        plain(&scheduler.runs(words));
    }
    for process in [executor, scheduler.up] {
        plain(&process.stop(Signal::Term).expect(0));
    }
}
