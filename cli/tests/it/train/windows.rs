//! Models of windows: `scope = "window"`.

use crate::kit::batch_files::names;
use crate::kit::http;
use crate::kit::machines::Cluster;
use crate::kit::same::{contains, holds, short};
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::kit::process::{Signal, run};
use crate::kit::work::{self, Work, lines, shipped};

/// A job of x, y and area with this model.
fn job(work: &Work, rows: u64, model: &str) -> String {
    let area = "\"area\" = { type = \"utf8\" }\n[batches]";
    let text = work::job("test", rows, model).replace("[batches]", area);
    work.write("windows.toml", text)
}

/// A model with these keys of the table `window`.
fn model(window: &str) -> String {
    let keys = format!("k = 2\nseed = 7\nscope = \"window\"\nwindow = {{ {window} }}\n");
    work::model("w", &keys)
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
    let csv = work.generate(4_000, 3);
    let shipped = std::fs::read_to_string(shipped("crime.toml")).unwrap();
    let (stream, _) = shipped.split_once("[[models]]").unwrap();
    let place = "features = [\"LAT\", \"LON\"]\nk = 5\nseed = 1\n";
    let month = "scope = \"window\"\nwindow = { by = \"month\", column = \"DATE OCC\" }\n";
    let both = format!(
        "{stream}[[models]]\nname = \"monthly\"\n{place}{month}[[models]]\nname = \"alone\"\n{place}"
    );
    let job = work.write("crimes.toml", both);
    work.imported(&job, &csv);
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
        alone
            .import(&job, &file, &["--one-batch-per-file"])
            .expect(0);
    }
    let each = alone.train(&job, &["--model", "alone"]).expect(0).json();

    assert!(months.len() > 6, "{:?}", months.keys());
    let (monthly, each) = (lines(&report, "monthly"), lines(&each, "alone"));
    assert_eq!(monthly.len(), months.len());
    for (((month, _), window), (number, batch)) in months.iter().zip(monthly).zip((1..).zip(each)) {
        let path = format!("monthly/window_{month}");
        holds(
            window,
            json!({"window": month, "batch": null, "path": path}),
        );
        for key in ["status", "rows", "iterations", "training_cost", "sizes"] {
            assert_eq!(window[key], batch[key], "{key} of {month}");
        }
        assert_eq!(
            work.centers_of("models", &format!("monthly --window {month}")),
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
    work.imported(&by_area, &rows(&work, "points.csv", 0..3_000, &areas));
    let embedded = work.train(&by_area, &[]).expect(0).json();
    assert_eq!(lines(&embedded, "w").len(), 4);

    let cluster = Cluster::<2>::new("2");
    let remote = cluster.trained(&work, &by_area, "remote");
    assert_eq!(lines(&remote, "w"), lines(&embedded, "w"));
    for key in ["north", "south", "east", "west"] {
        let models = ["models", "remote"]
            .map(|models| work.centers_of(models, &format!("w --window {key}")));
        assert_eq!(models[0], models[1], "{key}");
    }
    cluster.stop();
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
    work.imported(&by_area, &work.write("odd.csv", text));
    let report = work.train(&by_area, &[]).expect(3).json();
    assert_eq!(
        statuses(&report),
        expected([
            ("good", "trained"),
            ("fine", "trained"),
            ("null", "failed"),
            ("zero", "failed")
        ]),
        "{}",
        short(&report.to_string())
    );
    for (key, words) in [
        ("null", "1 of 2 rows are null or NaN"),
        ("zero", "divide by zero"),
    ] {
        let line = lines(&report, "w").into_iter().find(|l| l["window"] == key);
        contains(line.unwrap()["reason"].as_str().unwrap(), &[words]);
    }
    let (batches, models) = (work.path("batch"), work.path("models"));
    let text = run(format!(
        "train --job {by_area} --batches {batches} --models {models}"
    ));
    text.expect(3).prints(&["failed: w window \"zero\": "]);

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
    let keys = ["../x", "a/b", "Größe", "%2e", ". ", "all", "batch_00000001"];
    let refused = ["", &*long];
    let by_area = job(&work, 1_000, &model("sql = \"coalesce(area, '')\""));
    let areas = [&keys[..], &refused[..]].concat();
    work.imported(&by_area, &rows(&work, "odd.csv", 0..90, &areas));
    let report = work.train(&by_area, &[]).expect(3).json();
    holds(&report, json!({"trained": 7, "failed": 2}));
    for line in lines(&report, "w") {
        let key = line["window"].as_str().unwrap();
        assert_eq!(line["status"] == "failed", refused.contains(&key), "{line}");
    }
    let names = |folder: &str| names(work.path(folder).as_ref());
    assert_eq!(names("models"), ["w"]);
    let folders = names("models/w");
    assert_eq!(folders.len(), 7, "{folders:?}");
    assert!(folders.contains(&"window_.._2Fx".to_owned()), "{folders:?}");

    let models = work.path("models");
    let listed = run(format!("models list --models {models} --output json"));
    let listed = listed.expect(0).json();
    let mut sorted = keys;
    sorted.sort_unstable();
    let windows = json!([{"model": "w", "batches": [], "windows": sorted}]);
    assert_eq!(listed["models"], windows);
    let which = run(format!("models show w --models {models}")).expect(2);
    which.says(&["--window"]);

    let serve = work.serve();
    let served: Value = get(serve.url("rest"), "/models").unwrap();
    assert_eq!(served, listed);
    for key in keys {
        let path: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/models/w/windows/{path}");
        let shown = get(serve.url("rest"), &path).unwrap();
        holds(&shown, json!({"window": key, "rows": 10}));
        let url = format!("{}{path}/predict", serve.url("rest"));
        let answer = http::post(url, json!([{"x": 0, "y": 0.5}, {"x": 10, "y": 0.5}]));
        let clusters = [0, 1].map(|i| answer[i]["cluster"].as_u64().unwrap());
        assert!(clusters == [0, 1] || clusters == [1, 0], "{key}: {answer}");
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
