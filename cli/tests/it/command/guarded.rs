//! The guards of `serve`, as flags, variables and keys of the file.

use serde_json::json;

use crate::kit::certificates::Authority;
use crate::kit::http::{ask, get, send, text};
use crate::kit::process::{Gugus, Signal, run};
use crate::kit::work::Work;

#[test]
fn the_token_comes_from_a_variable_or_a_file_and_stands_in_no_log() {
    let work = Work::new();
    let secret = "s3cret-of-the-service";
    let file = work.write("token", format!("{secret}\n"));
    let log = ["--access-log", "--log", "debug"];
    for gugus in [
        work.serving().env("GUGUS_TOKEN", secret),
        work.serving().with(["--token-file", &file]),
    ] {
        let served = gugus.with(log).up();
        let url = served.url("rest").to_owned();
        assert_eq!(get(format!("{url}/health/live"))["status"], "ok");
        let models = format!("{url}/models?secret=of-a-query");
        assert_eq!(ask(&models, &[]).status(), 401);
        let shown = [
            ("authorization", &*format!("Bearer {secret}")),
            ("x-request-id", "from-the-caller"),
            (
                "traceparent",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            ),
        ];
        assert_eq!(ask(&models, &shown).status(), 200);
        let body = r#"{"secret": "of-a-body"}"#;
        assert_eq!(
            send(&format!("{url}/predict_cluster/"), &shown, body).status(),
            422
        );
        let logged = served.stop(Signal::Term).expect(0).stderr;
        for line in [
            "method=GET path=\"/models\" route=\"none\" status=401",
            "method=GET path=\"/models\" route=\"/models\" status=200",
            "request_id=\"from-the-caller\"",
            "trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"",
            "peer=127.0.0.1:",
        ] {
            assert!(logged.contains(line), "{line}\n{logged}");
        }
        for secret in [secret, "of-a-query", "of-a-body"] {
            assert!(!logged.contains(secret), "{secret}\n{logged}");
        }
    }
}

#[test]
fn without_the_flag_requests_are_not_logged() {
    let work = Work::new();
    let served = work.serve();
    get(format!("{}/models", served.url("rest")));
    let logged = served.stop(Signal::Term).expect(0).stderr;
    assert!(!logged.contains("/models\""), "{logged}");
}

#[test]
fn guards_are_keys_of_the_configuration_file_too() {
    let work = Work::new();
    let config = work.write(
        "mine.toml",
        "[serve]\ncors_origin = [\"https://app.example\"]\nexternal_host = [\"gugus.example\"]\nroot_path = \"/gugus\"\nmax_body = \"20B\"\nmax_in_flight = 3\n\
         max_queued = 0\nmax_request_time = \"5s\"\naccess_log = true\n",
    );
    let served = work.serving().with(["--config", &config]).up();
    let url = served.url("rest").to_owned();
    let answer = ask(
        &format!("{url}/gugus/openapi.json"),
        &[("origin", "https://app.example")],
    );
    let allowed = &answer.headers()["access-control-allow-origin"];
    assert_eq!(allowed, "https://app.example");
    let document: serde_json::Value = serde_json::from_str(&text(answer)).unwrap();
    assert_eq!(document["servers"], json!([{ "url": "/gugus" }]));
    for (name, status) in [("gugus.example", 200), ("evil.example", 421)] {
        let answer = ask(&format!("{url}/health"), &[("host", name)]);
        assert_eq!(answer.status(), status, "{name}");
    }
    let long = send(&format!("{url}/predict_cluster/"), &[], &" ".repeat(21));
    assert_eq!(long.status(), 413);
    served.await_stderr("status=413");
}

#[test]
fn tls_wants_a_certificate_and_its_key() {
    let work = Work::new();
    let signed = Authority::new("a").unwrap().server("127.0.0.1").unwrap();
    let certificate = work.write("own.pem", signed.certificate);
    let key = work.write("own.key", signed.key);
    let tls = ["--tls-cert", &certificate, "--tls-key", &key];
    let served = work.serving().with(tls).up();
    assert!(served.url("rest").starts_with("https://127.0.0.1:"));
    served.stop(Signal::Term).expect(0);
    let alone = work.serving().with(["--tls-cert", &certificate]).run();
    alone.expect(2).says(&["--tls-key is missing"]);
    let swapped = ["--tls-cert", &key, "--tls-key", &certificate];
    let swapped = work.serving().with(swapped).run();
    swapped.expect(2).says(&["own.key"]);
}

#[test]
fn a_service_that_others_reach_without_a_token_says_so() {
    let work = Work::new();
    let models = work.path("models");
    std::fs::create_dir_all(&models).unwrap();
    let open = Gugus::new(["serve", "--models", &models, "--listen", "0.0.0.0:0"]).up();
    open.await_stderr("--token-file");
    open.stop(Signal::Term).expect(0);
    let words = run(["serve", "--models", &models, "--root-path", "gugus"]).expect(2);
    words.says(&["--root-path", "/gugus"]);
    let words = run(["serve", "--models", &models, "--cors-origin", "*"]).expect(2);
    words.says(&["--cors-origin", "https://"]);
}
