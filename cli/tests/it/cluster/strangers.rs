//! Strangers on the same machine: what a page in a browser, another user, or a broken member can do to each port of a cluster
//! without a token.

use serde_json::Value;

use crate::kit::grpc::{EXECUTOR, GRPC, SCHEDULER, call, field, number, refusal};
use crate::kit::http::{self, ask, send};
use crate::kit::machines::{Cluster, Scheduler, embedded, executor, only_executor, prepared};
use crate::kit::same::{contains, same};
use crate::kit::work::{Work, comparable, model};

/// What a page can send without asking the port first, and the status that refuses it.
const OF_PAGES: [(&[(&str, &str)], u16); 4] = [
    (&[("content-type", "text/plain")], 415),
    (
        &[
            ("content-type", "text/plain"),
            ("origin", "http://127.0.0.1:8080"),
        ],
        403,
    ),
    (
        &[
            ("content-type", "text/plain"),
            ("sec-fetch-site", "same-site"),
        ],
        403,
    ),
    (
        &[
            ("content-type", "text/plain"),
            ("host", "evil.example"),
            ("origin", "http://evil.example"),
        ],
        421,
    ),
];

/// A task without a plan, of this Ballista job.
fn task(job: &str) -> String {
    field(1, &(field(2, job) + &field(7, "session")))
}

#[test]
fn no_port_takes_what_a_page_can_send() {
    let work = Work::new();
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let of_scheduler = executor(&scheduler.url, "1");
    let embedded = embedded(&work);
    let executors = [
        format!("http://{}", of_scheduler.url("flight")),
        format!("http://{}", only_executor(embedded.url("http"))),
    ];
    for http in &executors {
        for name in [
            "LaunchMultiTask",
            "CancelTasks",
            "RemoveJobData",
            "StopExecutor",
        ] {
            let refused = |(headers, status): (&[(&str, &str)], u16)| {
                let answer = send(&format!("{http}{EXECUTOR}/{name}"), headers, "");
                // The executor of an embedded cluster asks for its token first.
                let token = *http == executors[1];
                assert_eq!(answer.status(), if token { 401 } else { status }, "{name}");
            };
            OF_PAGES.into_iter().for_each(refused);
        }
    }
    // The embedded cluster asks for its token first, and both look at the content type before anything else.
    for (http, status) in [(scheduler.http.as_str(), 415), (embedded.url("http"), 401)] {
        for (headers, _) in OF_PAGES {
            let answer = send(&format!("{http}{SCHEDULER}/ExecuteQuery"), headers, "");
            assert_eq!(answer.status(), status, "{http} {headers:?}");
        }
    }
    for http in [scheduler.http.as_str(), embedded.url("http")] {
        for path in ["/gugus/v1/runs", "/submit"] {
            // The first is refused by what answers to this path.
            for (headers, status) in OF_PAGES.into_iter().skip(1) {
                let answer = send(&format!("{http}{path}"), headers, "");
                assert_eq!(answer.status(), status, "{http}{path} {headers:?}");
            }
        }
        for headers in [
            [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")],
            [
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "no-cors"),
            ],
        ] {
            let answer = ask(&format!("{http}/gugus/v1/runs"), &headers);
            assert_eq!(answer.status(), 403, "{http} {headers:?}");
        }
        let runs = http::get(format!("{http}/gugus/v1/runs"));
        let submitted = runs["runs"].as_array().unwrap();
        // `up` shows its own run.
        assert!(submitted.len() <= 1, "{runs}");
    }
    let monitor = of_scheduler.url("http");
    for path in ["/metrics", "/healthz"] {
        let url = format!("{monitor}{path}");
        assert_eq!(
            ask(&url, &[("host", "evil.example")]).status(),
            421,
            "{path}"
        );
        assert_eq!(ask(&url, &[("host", "localhost")]).status(), 200, "{path}");
    }
}

#[test]
fn the_cluster_in_a_process_takes_no_work_from_other_users() {
    let work = Work::new();
    let up = embedded(&work);
    let http = up.url("http");
    let executor = format!("http://{}", only_executor(http));
    let calls = [
        (http, SCHEDULER, "ExecuteQuery"),
        (http, SCHEDULER, "RegisterExecutor"),
        (http, SCHEDULER, "CancelJob"),
        (executor.as_str(), EXECUTOR, "LaunchMultiTask"),
        (executor.as_str(), EXECUTOR, "RemoveJobData"),
        (
            executor.as_str(),
            "/arrow.flight.protocol.FlightService",
            "DoGet",
        ),
    ];
    for (at, service, name) in calls {
        for token in [None, Some(("authorization", "Bearer guessed"))] {
            let headers: Vec<_> = [GRPC].into_iter().chain(token).collect();
            let answer = call(at, &format!("{service}/{name}"), &headers, "");
            // UNAUTHENTICATED.
            assert_eq!(refusal(&answer).0, "16", "{name}");
        }
    }
    // The pages are for everybody on the machine, and take no jobs.
    for path in ["/gugus/v1/runs", "/submit"] {
        let answer = send(
            &format!("{http}{path}"),
            &[("content-type", "application/json")],
            "{}",
        );
        assert_eq!(answer.status(), 403, "{path}");
    }
    let elsewhere = Work::new();
    let job = elsewhere.job(100, &model("place", "k = 2"));
    elsewhere.imported(&job, &elsewhere.scattered("points.csv", 100));
    let train = elsewhere.train(&job, &["--scheduler", up.url("grpc")]);
    train.expect(1).says(&["wants its token"]);
}

#[test]
fn broken_members_get_errors_and_the_cluster_goes_on() {
    let (work, job, embedded) = prepared(3, 20, 2);
    let cluster: Cluster<1> = Cluster::new("2");
    let http = cluster.scheduler.url("http");
    let about = http::get(format!("{http}/gugus/v1/about"));
    let text = |key: &str| about[key].as_str().unwrap().to_owned();
    let about = format!(
        "gugus {} (Ballista {}, DataFusion {}, functions {})",
        text("gugus"),
        text("ballista"),
        text("datafusion"),
        text("functions")
    );
    let headers = [GRPC, ("gugus-about", about.as_str())];
    let ask = |name: &str, message: &str| {
        let answer = call(http, &format!("{SCHEDULER}/{name}"), &headers, message);
        refusal(&answer)
    };

    // The fields of a registration, the last of which tells Ballista's version of the protocol.
    let named = field(1, "broken") + &field(2, "127.0.0.1") + &number(3, 1) + &number(4, 1);
    let protocol = number(7, 3);
    for (lacks, about) in [
        ("os_info", format!("{named}{}{protocol}", field(5, ""))),
        (
            "specification",
            format!("{named}{}{protocol}", field(6, "")),
        ),
        ("host", format!("{}{protocol}", field(1, "broken"))),
        ("no id", format!("{}{protocol}", field(1, "../broken"))),
    ] {
        let beat = field(1, "broken") + &field(4, &about);
        for (name, message) in [
            ("RegisterExecutor", field(1, &about)),
            ("HeartBeatFromExecutor", beat),
        ] {
            let (status, message) = ask(name, &message);
            // INVALID_ARGUMENT.
            assert_eq!(status, "3", "{name} without {lacks}: {message}");
            contains(&message, &[lacks]);
        }
    }
    // The end of a task without a status, and ids that are paths.
    let end = field(1, "broken") + &field(2, &field(2, "job"));
    for (name, message) in [
        ("UpdateTaskStatus", end),
        ("UpdateTaskStatus", field(1, "../broken")),
        ("ExecutorStopped", field(1, "a/b")),
        ("GetJobStatus", field(1, "..")),
        ("CancelJob", field(1, "../job")),
        ("CleanJobData", field(1, "")),
        ("ExecuteQuery", field(3, "../session")),
    ] {
        assert_eq!(ask(name, &message).0, "3", "{name}");
    }
    let executor = format!("http://{}", cluster.executors[0].url("flight"));
    for job in ["", "..", "../../elsewhere", "/elsewhere"] {
        let path = format!("{EXECUTOR}/LaunchMultiTask");
        let answer = call(&executor, &path, &[GRPC], &task(job));
        assert_eq!(refusal(&answer).0, "3", "{job:?}");
    }
    let report: Value = cluster.trained(&work, &job, "after");
    same(&comparable(&report), &embedded);
    cluster.stop();
}
