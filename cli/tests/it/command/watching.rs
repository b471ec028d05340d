//! The dashboard and the alert rules ask for what real processes show.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::kit::http::{ask, send, text};
use crate::kit::machines::{Scheduler, executor};
use crate::kit::process::{Signal, Up};
use crate::kit::topic::Topic;
use crate::kit::wait::until;
use crate::kit::work::{job, model, root};

/// The labels of each metric.
type Shown = BTreeMap<String, BTreeSet<String>>;

/// Labels that Prometheus adds itself, and the one of a histogram's buckets.
const ADDED: [&str; 2] = ["instance", "le"];

/// Metrics of processes, by their names in queries.
fn shown(processes: &[&Up], name: &str) -> Result<Shown, String> {
    let mut shown = Shown::new();
    for process in processes {
        let url = process.url(name);
        for line in text(ask(&format!("{url}/metrics"), &[])).lines() {
            if line.starts_with('#') {
                continue;
            }
            let (series, _) = line.rsplit_once(' ').ok_or(line)?;
            let (metric, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels.trim_end_matches('}').split("\",");
            let names = labels.filter_map(|label| label.split_once('='));
            let names = names.map(|(name, _)| name.to_owned());
            shown.entry(metric.to_owned()).or_default().extend(names);
        }
    }
    Ok(shown)
}

/// All queries of the dashboard and of the alerts.
fn queries() -> Vec<String> {
    let read = |name: &str| std::fs::read_to_string(root().join("deploy").join(name)).unwrap();
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let mut queries: Vec<String> = targets
        .flatten()
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect();
    let alerts = read("alerts.yml");
    let rules = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "));
    queries.extend(rules.map(str::to_owned));
    assert_eq!(
        alerts.matches("- alert: ").count(),
        alerts.matches("expr: ").count()
    );
    assert!(queries.len() > 50, "{}", queries.len());
    queries
}

/// The names of metrics in a query.
fn metrics(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("gugus_"))
}

/// The labels in a query: those in braces, and those behind `by`.
fn labels(query: &str) -> BTreeSet<&str> {
    let between = |open: &'static str, close: char| {
        query
            .split(open)
            .skip(1)
            .filter_map(move |rest| rest.split(close).next())
    };
    let matchers = between("{", '}').flat_map(|inner| inner.split(','));
    let matched = matchers.filter_map(|matcher| matcher.split(['=', '!']).next());
    let grouped = between("by (", ')').flat_map(|inner| inner.split(','));
    matched.chain(grouped).map(str::trim).collect()
}

/// What the queries ask for and nobody shows.
fn missing(shown: &Shown) -> Vec<String> {
    let mut missing = Vec::new();
    let queries = queries();
    // Both sides of an `or` have their own labels.
    for query in queries.iter().flat_map(|query| query.split(" or ")) {
        let labels = labels(query);
        for metric in metrics(query) {
            let Some(known) = shown.get(metric) else {
                missing.push(format!("{metric} in {query}"));
                continue;
            };
            let unknown = labels
                .iter()
                .filter(|label| !ADDED.contains(label) && !known.contains(**label));
            missing.extend(unknown.map(|label| format!("{label} of {metric} in {query}")));
        }
    }
    missing
}

#[test]
fn every_metric_and_label_of_the_dashboard_and_the_alerts_is_shown() {
    let models = model("each", "k = 2\nseed = 1\n");
    let Some(topic) = Topic::new("dashboard", 1, |topic| job(topic, 10, &models)) else {
        return;
    };
    let work = &topic.work;
    let ingest = topic.ingest(&["--listen", "127.0.0.1:0"]).up();
    let scheduler = Scheduler::start(work, "127.0.0.1:0", &[]);
    let executor = executor(&scheduler.url, "1");
    let call = ["--follow", "--detach"];
    let standing = scheduler.submit(work, &topic.job, "models", &call);
    let serve = work.serve();
    topic.produce(&work.numbers("in.csv", 0..20), &[]);
    // One record that is rejected.
    let wrong = work.write("wrong.csv", "x,y\nnothing,1\n");
    topic.produce(&wrong, &[]);
    // Drift is shown from 100 predictions on.
    let records = json!(vec![json!({ "x": 1, "y": 1 }); 100]).to_string();
    let predict = format!("{}/models/each/batches/latest/predict", serve.url("rest"));
    until("a model answers", || {
        let answer = send(&predict, &[("content-type", "application/json")], &records);
        match answer.status().as_u16() {
            200 => Ok(()),
            status => Err(format!("{status}: {}", text(answer))),
        }
    });
    let unknown = ask(&format!("{}/models/nope", serve.url("rest")), &[]);
    assert_eq!(unknown.status(), 404);
    until("all that the queries ask for is shown", || {
        let mut all = shown(&[&ingest, &scheduler.up, &executor], "http")?;
        all.extend(shown(&[&serve], "rest")?);
        match missing(&all) {
            none if none.is_empty() => Ok(()),
            some => Err(some.join("\n")),
        }
    });
    scheduler.runs(&["cancel", &standing]);
    for process in [serve, ingest] {
        process.stop(Signal::Term).expect(0);
    }
}
