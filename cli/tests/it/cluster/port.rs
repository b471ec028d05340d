//! A scheduler's port: which callers it lets in, what its answers tell and what they hide, and its pages.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::kit::http::{ask, send, text};
use crate::kit::machines::{Scheduler, executor, prepared};
use crate::kit::process::{Gugus, Signal, run};
use crate::kit::same::{contains, short};
use crate::kit::wait::until_so;
use crate::kit::work::Work;

const AS_JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn health_readiness_and_metrics_are_there() {
    let (work, job, _) = prepared(3, 20, 2);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let http = &scheduler.http;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(&format!("{http}{path}"), &[]).status(), 200, "{path}");
    }
    run(["health", &format!("{http}/readyz")]).expect(0);
    let _executor = executor(&scheduler.url, "2");
    scheduler.submitted(&work, &job, "new", &["--wait"]);
    let metrics = text(ask(&format!("{http}/metrics"), &[]));
    for line in [
        "gugus_executors 1",
        "gugus_task_slots 2",
        "gugus_runs{state=\"finished\"} 1",
        "gugus_runs{state=\"running\"} 0",
        "gugus_ballista_jobs_total{event=\"submitted\"} 1",
        "gugus_ballista_jobs_total{event=\"completed\"} 1",
        "gugus_ballista_job_seconds_count 1",
    ] {
        contains(&metrics, &[&format!("\n{line}\n")]);
    }
    contains(&metrics, &["gugus_build_info{version="]);
}

#[test]
fn only_who_knows_the_token_sees_or_changes_anything_and_no_answer_says_it() {
    let (work, job, _) = prepared(3, 20, 2);
    let secret = "t0ken-of-this-test";
    let file = work.write("token", secret);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &["--token-file", &file]);
    let _executor = Gugus::new(["executor", "--scheduler", &scheduler.url])
        .env("GUGUS_TOKEN", secret)
        .up();
    let refused = scheduler.submitting(&work, &job, "new", &[]).run();
    refused.expect(1).says(&["wants its token"]);
    let done = scheduler.submitted(&work, &job, "new", &["--wait", "--token-file", &file]);
    let id = done["id"].as_str().unwrap();
    let ballista_job = done["ballista_jobs"][0]["id"].as_str().unwrap();

    let paths = [
        "/ /metrics /gugus/v1/about /gugus/v1/runs /api/state /api/executors /api/jobs",
        &format!("/runs/{id} /gugus/v1/runs/{id} /gugus/v1/runs/{id}/log"),
        &format!("/api/job/{ballista_job} /api/job/{ballista_job}/config"),
        &format!("/api/job/{ballista_job}/stages"),
    ]
    .join(" ");
    let known = format!("Bearer {secret}");
    for path in paths.split(' ') {
        let url = format!("{}{path}", scheduler.http);
        assert_eq!(ask(&url, &[]).status(), 401, "{path}");
        let wrong = ask(&url, &[("authorization", "Bearer wrong")]);
        assert_eq!(wrong.status(), 401, "{path}");
        let answer = ask(&url, &[("authorization", &known)]);
        assert_eq!(answer.status(), 200, "{path}");
        assert!(!text(answer).contains(secret), "{path} says the token");
    }
    for path in ["", &format!("/{id}/resume"), &format!("/{id}/cancel")] {
        let url = format!("{}/gugus/v1/runs{path}", scheduler.http);
        assert_eq!(send(&url, &[AS_JSON], "{}").status(), 401, "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        let url = format!("{}{path}", scheduler.http);
        assert_eq!(ask(&url, &[]).status(), 200, "{path}");
    }
    // Nor does what is kept on disk.
    for entry in fs::read_dir(work.path(&format!("state/{id}"))).unwrap() {
        let path = entry.unwrap().path();
        let kept = fs::read_to_string(&path).unwrap();
        assert!(!kept.contains(secret), "{}", path.display());
    }
    let ended = scheduler.up.stop(Signal::Term).expect(0);
    assert!(!ended.stderr.contains(secret));
}

#[test]
fn pages_of_other_sites_see_and_change_nothing_unless_their_site_is_named() {
    let work = Work::new();
    let named = "https://grafana.example";
    let stranger = ("origin", "https://evil.example");
    let allowed = "access-control-allow-origin";
    let allowed_for = |scheduler: &Scheduler, origin: (&str, &str)| {
        let paths = ["/gugus/v1/runs", "/api/jobs", "/metrics", "/"];
        paths.map(|path| {
            let answer = ask(&format!("{}{path}", scheduler.http), &[origin]);
            let header = answer.headers().get(allowed);
            header.map(|value| value.to_str().unwrap().to_owned())
        })
    };
    let closed = Scheduler::start(&work, "127.0.0.1:0", &[]);
    assert_eq!(allowed_for(&closed, stranger), [const { None }; 4]);
    let runs = format!("{}/gugus/v1/runs", closed.http);
    assert_eq!(send(&runs, &[stranger, AS_JSON], "{}").status(), 403);
    // A name of theirs that means this machine does not make them this site.
    let rebound = [("host", "evil.example"), ("origin", "http://evil.example")];
    assert_eq!(ask(&runs, &rebound).status(), 421);
    assert_eq!(ask(&runs, &[("host", "localhost")]).status(), 200);
    // Its own page may, and so may a command, which sends no origin; their request is another matter.
    let own = ("origin", closed.http.as_str());
    assert_eq!(send(&runs, &[own, AS_JSON], "{}").status(), 422);
    assert_eq!(send(&runs, &[AS_JSON], "{}").status(), 422);
    drop(closed);

    let origins = "https://other.example,https://grafana.example";
    let flags = ["--cors-allowed-origins", origins];
    let open = Scheduler::start(&work, "127.0.0.1:0", &flags);
    let answered = allowed_for(&open, ("origin", named));
    assert_eq!(answered, [(); 4].map(|()| Some(named.to_owned())));
    assert_eq!(allowed_for(&open, stranger), [const { None }; 4]);
    let runs = format!("{}/gugus/v1/runs", open.http);
    let sent = send(&runs, &[("origin", named), AS_JSON], "{}");
    assert_eq!(sent.status(), 422);
    drop(open);

    let wrong = run(["scheduler", "--cors-allowed-origins", "*"]).expect(2);
    wrong.says(&["is no origin"]);
}

#[test]
fn requests_are_checked_and_bounded() {
    let (work, job, _) = prepared(1, 10, 2);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let runs = format!("{}/gugus/v1/runs", scheduler.http);
    let request = |batches: &str| {
        let (job_file, models) = (fs::read_to_string(&job).unwrap(), work.path("new"));
        json!({ "job_file": job_file, "batches": batches, "models": models }).to_string()
    };
    let key = "{\"job_file\":\"\",\"batches\":\"\",\"models\":\"\",\"x\":1}".to_owned();
    for (what, kind, body, status) in [
        ("no JSON", AS_JSON, "{".to_owned(), 400),
        ("a form", ("content-type", "text/plain"), request("/x"), 415),
        // Just above the limit, so that the client has sent all of it when the scheduler stops reading.
        ("too much", AS_JSON, request(&"x".repeat(1 << 20)), 413),
        ("a relative path", AS_JSON, request("data/batch"), 422),
        ("a URL of a file", AS_JSON, request("file:///etc"), 422),
        ("a key too many", AS_JSON, key, 422),
    ] {
        let mut answer = send(&runs, &[kind], &body);
        assert_eq!(answer.status(), status, "{what}");
        let problem: Value = answer.body_mut().read_json().unwrap();
        assert!(problem["detail"].is_string(), "{what}: {problem}");
    }
    let nowhere = "/nowhere /gugus/v1/runs/000000000 /gugus/v1/runs/%2e%2e /runs/000000000";
    for path in nowhere.split(' ') {
        let answer = ask(&format!("{}{path}", scheduler.http), &[]);
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[test]
fn the_page_shows_what_there_is_escapes_it_and_loads_nothing_from_elsewhere() {
    let (work, job, _) = prepared(3, 20, 2);
    let hostile = "<script>alert(1)</script>\"'&";
    let job_text = fs::read_to_string(&job).unwrap();
    let job = work.write("hostile.toml", format!("{job_text}\n# {hostile}\n"));
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let page = |path: &str| {
        let answer = ask(&format!("{}{path}", scheduler.http), &[]);
        let policy = &answer.headers()["content-security-policy"];
        let policy = policy.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        text(answer)
    };
    let empty = page("/");
    contains(
        &empty,
        &["None has registered", "No run has used any batches yet"],
    );

    let _executor = executor(&scheduler.url, "3");
    let done = scheduler.submitted(&work, &job, "new", &["--wait"]);
    let done = done["id"].as_str().unwrap();
    // The names of the batches' folder and of the job file are hostile, too.
    let batches = work.path(&format!("batch {hostile}").replace('/', ""));
    fs::create_dir(&batches).unwrap();
    for entry in fs::read_dir(work.path("batch")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), Path::new(&batches).join(entry.file_name())).unwrap();
    }
    let models = work.path("none");
    let places = ["--batches", &batches, "--models", &models, "--job", &job];
    let more = ["--scheduler", &scheduler.url, "--output", "json"];
    let other = run([&["submit"], &places[..], &more].concat()).expect(0);
    let other = other.json()["id"].as_str().unwrap().to_owned();
    let show = || scheduler.show(&other);
    until_so("the run has ended", show, |run| run["ended"].is_string());

    let front = page("/");
    contains(
        &front,
        &[
            "3 batches",
            "3 models",
            "nothing failed today",
            "batch &lt;script&gt;",
        ],
    );
    let all = page("/runs");
    contains(&all, &[done, &other, "finished"]);
    let [own, others] = [done, &other].map(|id| page(&format!("/runs/{id}")));
    let escaped = "&lt;script&gt;alert(1)&lt;/script&gt;";
    contains(&own, &["the run is finished", escaped]);
    contains(&others, &["batch &lt;script&gt;"]);
    let elsewhere = "<iframe url( @import http:// https://";
    for page in [empty, front, all, own, others] {
        for wrong in elsewhere.split(' ') {
            assert!(!page.contains(wrong), "{wrong} in {}", short(&page));
        }
        for script in page.split("<script").skip(1) {
            let ours = script.starts_with(" defer src=\"/assets/");
            assert!(ours, "{}", short(script));
        }
        let links = page.split("href=\"").skip(1);
        for link in links.chain(page.split("src=\"").skip(1)) {
            let here = link.starts_with(['/', '#', '?']) && !link.starts_with("//");
            assert!(here, "{}", short(link));
        }
    }
}

#[test]
fn one_folder_of_runs_belongs_to_one_scheduler() {
    let work = Work::new();
    let first = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let state = work.path("state");
    let start = |state: &str| run(format!("scheduler --listen 127.0.0.1:0 --state {state}"));
    start(&state)
        .expect(2)
        .says(&["another scheduler", "--state"]);
    first.up.stop(Signal::Term).expect(0);
    let file = work.write("file", "");
    start(&file).expect(2).says(&[&file]);
}
