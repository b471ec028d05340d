//! A scheduler's port: which callers it lets in, what its answers tell and what they hide, and its pages.

use std::fs;

use serde_json::{Value, json};

use crate::kit::http::{ask, send, text};
use crate::kit::machines::{Scheduler, executor, prepared};
use crate::kit::process::{Gugus, Signal, run};
use crate::kit::wait::until;
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
    scheduler
        .submitting(&work, &job, "new", &["--wait"])
        .run()
        .expect(0);
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
        assert!(
            metrics.lines().any(|l| l == line),
            "no {line} in\n{metrics}"
        );
    }
    assert!(metrics.contains("gugus_build_info{version="), "{metrics}");
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
    let refused = scheduler
        .submitting(&work, &job, "new", &[])
        .run()
        .expect(1);
    refused.says(&["wants its token"]);
    let done = scheduler.submitted(&work, &job, "new", &["--wait", "--token-file", &file]);
    let id = done["id"].as_str().unwrap();
    let ballista_job = done["ballista_jobs"][0]["id"].as_str().unwrap();

    let paths = [
        "/".to_owned(),
        "/metrics".to_owned(),
        "/gugus/v1/about".to_owned(),
        "/gugus/v1/runs".to_owned(),
        "/api/state".to_owned(),
        "/api/executors".to_owned(),
        "/api/jobs".to_owned(),
        format!("/runs/{id}"),
        format!("/gugus/v1/runs/{id}"),
        format!("/gugus/v1/runs/{id}/log"),
        format!("/api/job/{ballista_job}"),
        format!("/api/job/{ballista_job}/config"),
        format!("/api/job/{ballista_job}/stages"),
    ];
    let known = format!("Bearer {secret}");
    for path in &paths {
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

    let open = Scheduler::start(
        &work,
        "127.0.0.1:0",
        &[
            "--cors-allowed-origins",
            "https://other.example,https://grafana.example",
        ],
    );
    let welcome = Some(named.to_owned());
    let answered = allowed_for(&open, ("origin", named));
    assert!(
        answered.iter().all(|header| *header == welcome),
        "{answered:?}"
    );
    assert_eq!(allowed_for(&open, stranger), [const { None }; 4]);
    let runs = format!("{}/gugus/v1/runs", open.http);
    assert_eq!(
        send(&runs, &[("origin", named), AS_JSON], "{}").status(),
        422
    );
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
    for (what, kind, body, status) in [
        ("no JSON", AS_JSON, "{".to_owned(), 400),
        ("a form", ("content-type", "text/plain"), request("/x"), 415),
        // Just above the limit, so that the client has sent all of it when the scheduler stops reading.
        ("too much", AS_JSON, request(&"x".repeat(1 << 20)), 413),
        ("a relative path", AS_JSON, request("data/batch"), 422),
        ("a URL of a file", AS_JSON, request("file:///etc"), 422),
        (
            "a key too many",
            AS_JSON,
            "{\"job_file\":\"\",\"batches\":\"\",\"models\":\"\",\"x\":1}".to_owned(),
            422,
        ),
    ] {
        let mut answer = send(&runs, &[kind], &body);
        assert_eq!(answer.status(), status, "{what}");
        let problem: Value = answer.body_mut().read_json().unwrap();
        assert!(problem["detail"].is_string(), "{what}: {problem}");
    }
    for path in [
        "/nowhere",
        "/gugus/v1/runs/000000000",
        "/gugus/v1/runs/%2e%2e",
        "/runs/000000000",
    ] {
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
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        text(answer)
    };
    let empty = page("/");
    assert!(
        empty.contains("None has registered") && empty.contains("None was submitted"),
        "{empty}"
    );

    let _executor = executor(&scheduler.url, "3");
    let done = scheduler.submitted(&work, &job, "new", &["--wait"]);
    let done = done["id"].as_str().unwrap();
    // It has no batches by the time that its turn comes, and says so with the name of their folder.
    let (batches, models) = (
        work.path(&format!("batch {hostile}").replace('/', "")),
        work.path("none"),
    );
    fs::create_dir(&batches).unwrap();
    for entry in fs::read_dir(work.path("batch")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(
            entry.path(),
            std::path::Path::new(&batches).join(entry.file_name()),
        )
        .unwrap();
    }
    let submit = ["submit", "--job", &job, "--scheduler", &scheduler.url];
    let more = [
        "--batches",
        &batches,
        "--models",
        &models,
        "--output",
        "json",
    ];
    let other = run([&submit[..], &more].concat()).expect(0).json();
    let other = other["id"].as_str().unwrap().to_owned();
    until("the run has ended", || {
        let run = scheduler.show(&other);
        match run["ended"].is_string() {
            true => Ok(()),
            false => Err(run.to_string()),
        }
    });

    let front = page("/");
    for shown in [
        done,
        other.as_str(),
        "finished",
        "3 of 3",
        "successful",
        "each batches 1-3",
    ] {
        assert!(front.contains(shown), "no {shown} in {front}");
    }
    let (own, others) = (
        page(&format!("/runs/{done}")),
        page(&format!("/runs/{other}")),
    );
    assert!(own.contains("the run is finished"), "{own}");
    assert!(
        own.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{own}"
    );
    assert!(others.contains("batch &lt;script&gt;"), "{others}");
    for page in [empty, front, own, others] {
        for wrong in [
            "<script",
            "<img",
            "<iframe",
            "src=",
            "url(",
            "@import",
            "href=\"http",
            "http://",
            "https://",
        ] {
            assert!(!page.contains(wrong), "{wrong} in {page}");
        }
        for link in page.split("href=\"").skip(1) {
            assert!(
                link.starts_with('/') || link.starts_with("data:,\""),
                "{link}"
            );
        }
    }
}

#[test]
fn one_folder_of_runs_belongs_to_one_scheduler() {
    let work = Work::new();
    let first = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let state = work.path("state");
    let second = ["scheduler", "--listen", "127.0.0.1:0", "--state", &state];
    let refused = run(second).expect(2);
    refused.says(&["another scheduler", "--state"]);
    first.up.stop(Signal::Term).expect(0);
    let file = work.write("file", "");
    let refused = run(["scheduler", "--listen", "127.0.0.1:0", "--state", &file]).expect(2);
    refused.says(&[&file]);
}
