//! A page of another origin on this machine, in a real browser. It tries to submit, to cancel, to launch a task and to read,
//! at every port that Gugus opens without a token. What the ports answer goes over a wire that the test listens to.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::kit::browser::Browser;
use crate::kit::grpc::{EXECUTOR, SCHEDULER};
use crate::kit::http;
use crate::kit::machines::{Scheduler, embedded, executor, only_executor, shown_training};
use crate::kit::process::Signal;
use crate::kit::wire::Wire;
use crate::kit::work::{Work, model};

/// Sends every attempt of a list and tells what the page got to know: nothing, if the browser or the port refused.
const ATTEMPTS: &str = "const done = arguments[0];
const attempt = async ([url, method, mode, kind]) => {
  const headers = kind ? { 'content-type': kind } : {};
  const body = method === 'GET' ? undefined : '{}';
  try {
    const answer = await fetch(url, { method, mode, headers, body, credentials: 'include' });
    return answer.type === 'opaque' ? null : `${method} ${url}: ${answer.status}`;
  } catch (refused) {
    return null;
  }
};
Promise.all(LIST.map(attempt)).then((told) => done(told.filter((told) => told !== null)));";

/// Serves an empty page at an address of its own.
fn other_origin() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut caller in listener.incoming().flatten() {
            let Ok(1..) = caller.read(&mut [0; 4096]) else {
                continue;
            };
            let page = "<!doctype html><title>elsewhere</title><body>elsewhere</body>";
            let length = page.len();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close";
            let answer = format!("{head}\r\nContent-Length: {length}\r\n\r\n{page}");
            let _ = caller.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}/")
}

/// Each path with each way in which a page can send a request without asking first, and with one for which it must ask.
fn attempts(wire: &Wire, changes: &[&str], reads: &[&str]) -> Vec<Value> {
    let url = |path: &str| format!("http://{}{path}", wire.address);
    let change = |path: &&str| {
        [
            json!([url(path), "POST", "no-cors", "text/plain"]),
            json!([url(path), "POST", "cors", "text/plain"]),
            json!([url(path), "POST", "cors", "application/json"]),
            json!([url(path), "POST", "cors", "application/grpc"]),
        ]
    };
    let read = |path: &&str| {
        [
            json!([url(path), "GET", "no-cors", null]),
            json!([url(path), "GET", "cors", null]),
        ]
    };
    let changes = changes.iter().flat_map(change);
    changes.chain(reads.iter().flat_map(read)).collect()
}

/// What changes a service, or lets it work.
const TO_SERVE: [&str; 8] = [
    "/predict_cluster/",
    "/models/place/predict",
    "/models/place/batches/1/predict",
    "/models/place/aliases/production",
    "/v2/models/place/infer",
    "/v2/repository/index",
    "/v2/repository/models/place/load",
    "/v2/repository/models/place/unload",
];

/// Fails the test unless a service refused all of [`TO_SERVE`] to the page. Its own counters tell, because the page cannot.
fn serves_nobody_else(rest: &str) {
    let metrics = http::text(http::ask(&format!("{rest}/metrics"), &[]));
    let count = "gugus_serve_refused_total{error=\"foreign_page\"} ";
    let refused = metrics.lines().find_map(|line| line.strip_prefix(count));
    let refused: usize = refused.map_or(0, |refused| refused.parse().unwrap());
    // Two of four ways to send reach the service without a question before.
    assert!(
        refused >= 2 * TO_SERVE.len(),
        "{refused} refused:\n{metrics}"
    );
    let answered = metrics.lines().filter(|line| {
        line.starts_with("gugus_serve_requests_total{") && !line.contains("status=\"4")
    });
    for line in answered {
        let reads = ["route=\"/models\"", "route=\"/metrics\""];
        assert!(reads.iter().any(|read| line.contains(read)), "{line}");
    }
}

#[test]
fn a_page_of_another_origin_can_do_nothing_at_any_port() {
    let Some(browser) = Browser::start("a page of another origin in a browser") else {
        return;
    };
    let (work, trained) = (Work::new(), Work::new());
    let job = trained.job(10, &model("place", "k = 2\n"));
    trained.imported(&job, &trained.numbers("in.csv", 0..10));
    trained.train(&job, &[]).expect(0);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let of_scheduler = executor(&scheduler.url, "1");
    let serve = trained.serve();
    let embedded = embedded(&work);
    let of_embedded = only_executor(embedded.url("http"));
    let trains = Work::new();
    let (training, page) = shown_training(&trains);
    let pages = page.split("/runs/").next().unwrap();
    let of_training = only_executor(pages);

    let wire = |url: &str| Wire::before(url.rsplit('/').next().unwrap());
    let schedulers = [scheduler.http.as_str(), embedded.url("http"), pages].map(wire);
    let executors = [of_scheduler.url("flight"), &of_embedded, &of_training].map(wire);
    let (served, of_up) = (wire(serve.url("rest")), wire(embedded.url("rest")));
    let [submit, cancel] = ["ExecuteQuery", "CancelJob"].map(|call| format!("{SCHEDULER}/{call}"));
    let to_scheduler = [
        "/gugus/v1/runs",
        "/gugus/v1/runs/000000000/cancel",
        "/submit",
        &submit,
        &cancel,
    ];
    let [launch, remove] =
        ["LaunchMultiTask", "RemoveJobData"].map(|call| format!("{EXECUTOR}/{call}"));
    let mut all = Vec::new();
    for wire in &schedulers {
        let reads = ["/gugus/v1/runs", "/api/executors", "/metrics"];
        all.extend(attempts(wire, &to_scheduler, &reads));
    }
    for wire in &executors {
        all.extend(attempts(wire, &[&launch, &remove], &["/"]));
    }
    for wire in [&served, &of_up] {
        all.extend(attempts(wire, &TO_SERVE, &["/models", "/metrics"]));
    }

    let elsewhere = other_origin();
    browser.open(&elsewhere);
    let told = browser.run_async(&ATTEMPTS.replace("LIST", &json!(all).to_string()));
    assert_eq!(told, json!([]), "the page got to know answers");
    for wire in schedulers.iter().chain(&executors) {
        assert!(wire.heard("HTTP/1.1 4"), "{} was not asked", wire.address);
        for taken in ["HTTP/1.1 2", "HTTP/1.1 3"] {
            assert!(!wire.heard(taken), "{} answered {taken}…", wire.address);
        }
    }
    for rest in [serve.url("rest"), embedded.url("rest")] {
        serves_nobody_else(rest);
    }
    let aliases = trained.path("models/place/aliases.json");
    assert!(!std::fs::exists(aliases).unwrap(), "an alias was set");

    // A form leads the browser to the answer, which is a refusal.
    let form = "const form = document.createElement('form');
      form.method = 'post'; form.action = arguments[0]; document.body.append(form); form.submit();";
    for wire in &schedulers {
        browser.open(&elsewhere);
        browser.run(form, &[json!(format!("http://{}/submit", wire.address))]);
        browser.await_text(&["may not ask here"]);
    }
    let runs = http::get(format!("{}/gugus/v1/runs", scheduler.http));
    assert_eq!(runs["runs"], json!([]));
    // The training was there all the time, and nobody cancelled it.
    let run = http::get(page.replace("/runs/", "/gugus/v1/runs/"));
    assert_eq!(run["state"], "running");
    training.stop(Signal::Int).expect(130);
}
