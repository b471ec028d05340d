//! Models of windows: `scope = "window"`.

use crate::kit::http;
use crate::kit::machines::{executors, scheduler};
use crate::kit::same::holds;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::kit::process::{Signal, run};
use crate::kit::work::{Work, lines, shipped};

/// A job of x, y, area and a timestamp, with this model.
fn job(work: &Work, rows: u64, model: &str) -> String {
    let text = format!(
        "name = \"test\"\n[source]\ntopic = \"test\"\n[source.columns]\n\"x\" = {{ type = \"float64\" }}\n\
         \"y\" = {{ type = \"float64\" }}\n\"area\" = {{ type = \"utf8\" }}\n[batches]\nrows = {rows}\n{model}"
    );
    work.write("windows.toml", text)
}

/// A model with `keys` of the table `window`.
fn model(window: &str) -> String {
    format!(
        "[[models]]\nname = \"w\"\nfeatures = [\"x\", \"y\"]\nk = 2\nseed = 7\nscope = \"window\"\nwindow = {{ {window} }}\n"
    )
}

/// Rows `first` to `next`, each in one of `areas` in turn.
fn rows(work: &Work, name: &str, rows: std::ops::Range<u64>, areas: &[&str]) -> String {
    let mut text = "x,y,area\n".to_owned();
    for i in rows {
        let noise = |salt: u64| ((i * 7_919 + salt) % 1_009) as f64 / 1_009.0;
        let x = noise(1) + 10.0 * (i / areas.len() as u64 % 2) as f64;
        let area = areas[i as usize % areas.len()];
        writeln!(text, "{x},{},{area}", noise(2)).unwrap();
    }
    work.write(name, text)
}

/// The centers of a window's model, by `models show`.
fn centers(work: &Work, models: &str, model: &str, key: &str) -> Vec<Vec<f64>> {
    let models = work.path(models);
    let shown = run([
        "models", "show", model, "--window", key, "--models", &models, "--output", "json",
    ])
    .expect(0)
    .json();
    serde_json::from_value(shown["centers"].clone()).unwrap()
}

/// The status of each window.
fn statuses(report: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let lines = lines(report, "w").into_iter();
    lines
        .map(|line| (text(&line["window"]), text(&line["status"])))
        .collect()
}

fn expected<const N: usize>(statuses: [(&str, &str); N]) -> BTreeMap<String, String> {
    statuses
        .map(|(key, status)| (key.to_owned(), status.to_owned()))
        .into()
}

#[test]
fn a_months_model_is_the_one_of_its_rows_alone_bit_for_bit() {
    let work = Work::new();
    let csv = work.path("crimes.csv");
    run([
        "generate",
        "--records",
        "4000",
        "--seed",
        "3",
        "--output",
        &csv,
    ])
    .expect(0);
    let shipped = std::fs::read_to_string(shipped("crime.toml")).unwrap();
    let (stream, _) = shipped.split_once("[[models]]").unwrap();
    let place = "features = [\"LAT\", \"LON\"]\nk = 5\nseed = 1\n";
    let month = "scope = \"window\"\nwindow = { by = \"month\", column = \"DATE OCC\" }\n";
    let both = format!(
        "{stream}[[models]]\nname = \"monthly\"\n{place}{month}[[models]]\nname = \"alone\"\n{place}"
    );
    let job = work.write("crimes.toml", both);
    work.import(&job, &csv, &[]).expect(0);
    let report = work.train(&job, &["--model", "monthly"]).expect(0).json();

    // The same rows, month by month, as a batch each.
    let text = std::fs::read_to_string(&csv).unwrap();
    let (header, records) = text.split_once('\n').unwrap();
    let mut months: BTreeMap<String, String> = BTreeMap::new();
    for record in records.lines() {
        let date = record.split(',').nth(2).unwrap();
        let month = format!("{}-{}", &date[6..10], &date[..2]);
        let file = months.entry(month).or_insert_with(|| format!("{header}\n"));
        writeln!(file, "{record}").unwrap();
    }
    let alone = Work::new();
    for (month, text) in &months {
        let file = alone.write(&format!("{month}.csv"), text);
        let import = alone.import(&job, &file, &["--one-batch-per-file"]);
        import.expect(0);
    }
    let each = alone.train(&job, &["--model", "alone"]).expect(0).json();

    assert!(months.len() > 6, "{:?}", months.keys());
    let (monthly, each) = (lines(&report, "monthly"), lines(&each, "alone"));
    assert_eq!(monthly.len(), months.len());
    for (((month, _), window), (number, batch)) in months.iter().zip(monthly).zip((1..).zip(each)) {
        assert_eq!(
            (&window["window"], &window["batch"], &window["path"]),
            (
                &json!(month),
                &Value::Null,
                &json!(format!("monthly/window_{month}"))
            )
        );
        for key in ["status", "rows", "iterations", "training_cost", "sizes"] {
            assert_eq!(window[key], batch[key], "{key} of {month}");
        }
        assert_eq!(
            centers(&work, "models", "monthly", month),
            alone.centers("models", "alone", number),
            "{month}"
        );
    }
}

#[test]
fn windows_are_the_same_on_any_cluster() {
    let work = Work::new();
    let by_area = job(&work, 70, &model("sql = \"area\""));
    let areas = ["north", "south", "east", "west", "south"];
    work.import(&by_area, &rows(&work, "points.csv", 0..3_000, &areas), &[])
        .expect(0);
    let embedded = work.train(&by_area, &[]).expect(0).json();
    assert_eq!(lines(&embedded, "w").len(), 4);

    let scheduler = scheduler();
    let url = scheduler.url("grpc").to_owned();
    let executors = executors(&url, "2");
    let remote = work.training(&by_area, "remote", &["--scheduler", &url]);
    let remote = remote.run().expect(0).json();
    assert_eq!(lines(&remote, "w"), lines(&embedded, "w"));
    for key in ["north", "south", "east", "west"] {
        let models = ["models", "remote"].map(|models| centers(&work, models, "w", key));
        assert_eq!(models[0], models[1], "{key}");
    }
    for process in executors.into_iter().chain([scheduler]) {
        process.stop(Signal::Term).expect(0);
    }
}

#[test]
fn one_window_fails_alone() {
    let work = Work::new();
    let divided = model("sql = \"area\"").replace(
        "\"y\"]",
        "{ name = \"d\", sql = \"100 / cast(y as bigint)\" }]",
    );
    let by_area = job(&work, 4, &divided);
    let text = "x,y,area\n1,1,good\n,2,null\n2,0,zero\n3,2,good\n4,3,null\n5,4,zero\n6,5,good\n7,8,fine\n9,4,fine\n";
    work.import(&by_area, &work.write("odd.csv", text), &[])
        .expect(0);
    let report = work.train(&by_area, &[]).expect(3).json();
    assert_eq!(
        statuses(&report),
        expected([
            ("good", "trained"),
            ("fine", "trained"),
            ("null", "failed"),
            ("zero", "failed")
        ]),
        "{report}"
    );
    for (key, words) in [
        ("null", "1 of 2 rows are null or NaN"),
        ("zero", "divide by zero"),
    ] {
        let line = lines(&report, "w").into_iter().find(|l| l["window"] == key);
        let reason = line.unwrap()["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{key}: {reason}");
    }
    let (batches, models) = (work.path("batch"), work.path("models"));
    let text = run([
        "train",
        "--job",
        &by_area,
        "--batches",
        &batches,
        "--models",
        &models,
    ]);
    let text = text.expect(3).stdout;
    assert!(text.contains("failed: w window \"zero\": "), "{text}");

    let none = job(
        &work,
        4,
        &model("sql = \"area\"").replace("k = 2", "k = 2\nwhere = \"x > 100\""),
    );
    let models = work.training(&none, "others", &[]).run().expect(3).json();
    assert_eq!(models["models"][0]["reason"], "no row is left by `where`");
}

#[test]
fn any_text_is_a_key_and_none_leads_out_of_the_folder() {
    let work = Work::new();
    let long = "ä".repeat(40);
    let (keys, refused) = (
        ["../x", "a/b", "Größe", "%2e", ". ", "all", "batch_00000001"],
        ["", &*long],
    );
    let by_area = job(&work, 1_000, &model("sql = \"coalesce(area, '')\""));
    let areas = [&keys[..], &refused[..]].concat();
    work.import(&by_area, &rows(&work, "odd.csv", 0..90, &areas), &[])
        .expect(0);
    let report = work.train(&by_area, &[]).expect(3).json();
    holds(&report, json!({"trained": 7, "failed": 2}));
    for line in lines(&report, "w") {
        let key = line["window"].as_str().unwrap();
        assert_eq!(line["status"] == "failed", refused.contains(&key), "{line}");
    }
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(work.path(folder)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_eq!(names("models"), ["w".to_owned()].into());
    let folders = names("models/w");
    assert!(
        folders.len() == 7 && folders.contains("window_.._2Fx"),
        "{folders:?}"
    );

    let listed = run([
        "models",
        "list",
        "--models",
        &work.path("models"),
        "--output",
        "json",
    ])
    .expect(0)
    .json();
    let mut sorted = keys;
    sorted.sort_unstable();
    assert_eq!(
        listed["models"],
        json!([{"model": "w", "batches": [], "windows": sorted}])
    );
    let which = run(["models", "show", "w", "--models", &work.path("models")]).expect(2);
    which.says(&["--window"]);

    let serve = work.serve();
    let served: Value = get(serve.url("rest"), "/models").unwrap();
    assert_eq!(served, listed);
    for key in keys {
        let path: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/models/w/windows/{path}");
        let shown = get(serve.url("rest"), &path).unwrap();
        holds(&shown, json!({"window": key, "rows": 10}));
        let answer: Value = http::post(
            format!("{}{path}/predict", serve.url("rest")),
            json!([{"x": 0, "y": 0.5}, {"x": 10, "y": 0.5}]),
        );
        let cluster = |i: usize| answer[i]["cluster"].as_u64().unwrap();
        assert!(
            cluster(0) < 2 && cluster(0) + cluster(1) == 1,
            "{key}: {answer}"
        );
    }
    assert_eq!(get(serve.url("rest"), "/models/w/windows/none"), Err(404));
    serve.stop(Signal::Term).expect(0);
}

/// The JSON at a path of the service, or the status of its refusal.
fn get(rest: &str, path: &str) -> Result<Value, u16> {
    match ureq::get(format!("{rest}{path}")).call() {
        Ok(mut answer) => Ok(answer.body_mut().read_json().unwrap()),
        Err(ureq::Error::StatusCode(status)) => Err(status),
        Err(error) => panic!("{path}: {error}"),
    }
}
