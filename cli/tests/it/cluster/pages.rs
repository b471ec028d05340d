//! A scheduler's pages as browsers ask for them: who sees them, what is refused, and what describes them.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::Value;
use ureq::Body;
use ureq::http::Response;

use crate::kit::http::{ask, ask_and_stay, get, send, send_and_stay, text};
use crate::kit::machines::{Scheduler, executor, prepared, shown_training};
use crate::kit::process::Signal;
use crate::kit::same::contains;
use crate::kit::wait::until_so;
use crate::kit::work::Work;

const AS_JSON: (&str, &str) = ("content-type", "application/json");
const AS_FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const AS_PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const SECRET: &str = "t0ken-of-this-test";

/// What a browser gets that shows where it is led and does not go there.
fn browse(url: &str, headers: &[(&str, &str)]) -> Response<Body> {
    ask_and_stay(url, &[&[AS_PAGE], headers].concat())
}

/// What a form gets.
fn post(url: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    send_and_stay(url, &[&[AS_PAGE, AS_FORM], headers].concat(), body)
}

fn header<'a>(answer: &'a Response<Body>, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_browser_signs_in_with_the_token_and_sees_nothing_before() {
    let work = Work::new();
    let file = work.write("token", SECRET);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &["--token-file", &file]);
    let at = |path: &str| format!("{}{path}", scheduler.http);

    let led = browse(&at("/configuration?a=b"), &[]);
    let there = "/sign-in?next=%2Fconfiguration%3Fa%3Db";
    assert_eq!(
        (led.status().as_u16(), header(&led, "location")),
        (303, there)
    );
    assert_eq!(browse(&at("/gugus/v1/configuration"), &[]).status(), 401);
    let form = text(browse(&at(there), &[]));
    contains(&form, &["name=\"token\"", "value=\"/configuration?a=b\""]);
    assert!(!form.contains("Executors"), "{form}");
    let style = form
        .split("href=\"")
        .find(|part| part.starts_with("/assets/style"));
    let style = style.unwrap().split('"').next().unwrap();
    assert_eq!(ask(&at(style), &[]).status(), 200);

    let wrong = post(&at("/sign-in"), &[], "token=wrong&next=/runs");
    assert_eq!(
        (wrong.status().as_u16(), header(&wrong, "set-cookie")),
        (401, "")
    );
    contains(
        &text(wrong),
        &["not the cluster's token", "value=\"/runs\""],
    );
    let elsewhere = ("origin", "https://evil.example");
    let right = format!("token={SECRET}&next=/configuration");
    assert_eq!(post(&at("/sign-in"), &[elsewhere], &right).status(), 403);
    let away = post(
        &at("/sign-in"),
        &[],
        &format!("token={SECRET}&next=//evil.example"),
    );
    assert_eq!(header(&away, "location"), "/");

    let own = ("origin", scheduler.http.as_str());
    let entered = post(&at("/sign-in"), &[own], &right);
    let cookie = header(&entered, "set-cookie");
    assert_eq!(
        (entered.status().as_u16(), header(&entered, "location")),
        (303, "/configuration")
    );
    contains(cookie, &["; Path=/;", "; HttpOnly;", "; SameSite=Strict"]);
    assert!(
        !cookie.contains(SECRET) && !cookie.contains("Secure"),
        "{cookie}"
    );
    let cookie = ("cookie", cookie.split(';').next().unwrap());
    let page = browse(&at("/configuration"), &[cookie]);
    assert_eq!(page.status(), 200);
    contains(&text(page), &["action=\"/sign-out\""]);
    assert_eq!(ask(&at("/gugus/v1/configuration"), &[cookie]).status(), 200);

    let runs = at("/gugus/v1/runs");
    let cross = ("sec-fetch-site", "cross-site");
    for (more, status) in [
        (&[][..], 403),
        (&[elsewhere], 403),
        (&[own, cross], 403),
        // The request itself is another matter.
        (&[own], 422),
    ] {
        let headers = [&[AS_JSON, cookie], more].concat();
        assert_eq!(send(&runs, &headers, "{}").status(), status, "{more:?}");
    }

    let left = post(&at("/sign-out"), &[own, cookie], "");
    assert_eq!(
        (left.status().as_u16(), header(&left, "location")),
        (303, "/sign-in")
    );
    contains(header(&left, "set-cookie"), &["Max-Age=0"]);
    assert_eq!(browse(&at("/configuration"), &[cookie]).status(), 303);
    assert_eq!(ask(&at("/gugus/v1/configuration"), &[cookie]).status(), 401);
    let ended = scheduler.up.stop(Signal::Term).expect(0);
    assert!(!ended.stderr.contains(SECRET));
}

#[test]
fn refusals_are_pages_for_browsers_and_streams_end_with_the_scheduler() {
    let work = Work::new();
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let at = |path: &str| format!("{}{path}", scheduler.http);
    for (path, status, why) in [
        ("/nowhere", 404, "there is no such path"),
        (
            "/configuration?q=%FF",
            400,
            "&quot;%FF&quot;, which is not UTF-8",
        ),
        (
            "/configuration?q=%00",
            400,
            "no name here holds such characters",
        ),
        ("/runs/%FF", 400, ""),
    ] {
        let refused = browse(&at(path), &[]);
        assert_eq!(refused.status(), status, "{path}");
        let page = text(refused);
        contains(&page, &["href=\"/executors\"", "<main", why]);
        let problem = ask(&at(path), &[]);
        assert_eq!(problem.status(), status, "{path}");
        assert_ne!(header(&problem, "content-type"), "text/html; charset=utf-8");
    }
    // Without a token there is nothing to sign in to.
    let led = browse(&at("/sign-in?next=/runs"), &[]);
    assert_eq!(
        (led.status().as_u16(), header(&led, "location")),
        (303, "/runs")
    );
    let mut head = ureq::head(at("/configuration")).call().unwrap();
    assert_eq!(
        (
            head.status().as_u16(),
            head.body_mut().read_to_vec().unwrap().len()
        ),
        (200, 0)
    );

    let stream = ask(&at("/configuration"), &[("accept", "text/event-stream")]);
    assert_eq!(header(&stream, "content-type"), "text/event-stream");
    let mut stream = stream.into_body().into_reader();
    scheduler.up.stop(Signal::Term).expect(0);
    let mut sent = String::new();
    stream.read_to_string(&mut sent).unwrap();
}

#[test]
fn the_configuration_tells_values_and_their_sources() {
    let work = Work::new();
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &["--keep-runs", "7"]);
    let told = get(format!("{}/gugus/v1/configuration", scheduler.http));
    let settings: BTreeMap<&str, (&str, &str)> = told["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| {
            let text = |key: &str| s[key].as_str().unwrap();
            (text("flag"), (text("value"), text("source")))
        })
        .collect();
    assert_eq!(settings["--keep-runs"], ("7", "command line"));
    assert_eq!(settings["--runs-at-once"], ("1", "default"));
    assert_eq!(settings["--external-host"], ("", "not set"));
    let page = text(browse(&format!("{}/configuration", scheduler.http), &[]));
    contains(&page, &["--keep-runs", "command line"]);
}

#[test]
fn the_openapi_document_describes_what_is_served() {
    let (work, job, _) = prepared(3, 20, 2);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let _executor = executor(&scheduler.url, "1");
    let run = scheduler.submitted(&work, &job, "new", &["--wait"]);
    let document = get(format!("{}/gugus/v1/openapi.json", scheduler.http));
    let mut held = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some(described) = methods.get("get") else {
            continue;
        };
        // Of the variable parts only the id of a run is known here.
        let path = path.replace(
            "/runs/{id}",
            &format!("/runs/{}", run["id"].as_str().unwrap()),
        );
        if path.contains('{') {
            continue;
        }
        let mut answer = ask(&format!("{}{path}", scheduler.http), &[]);
        assert_eq!(answer.status(), 200, "{path}");
        let schema = &described["responses"]["200"]["content"]["application/json"]["schema"];
        if !schema.is_null() {
            let told: Value = answer.body_mut().read_json().unwrap();
            hold(&document, schema, &told, &path);
            held.push(path);
        }
    }
    assert!(held.len() >= 3, "{held:?}");
}

#[test]
fn train_shows_its_run_on_pages_of_its_own_and_ends_when_it_is_cancelled_there() {
    let work = Work::new();
    let (training, page) = shown_training(&work);
    let page = page.as_str();
    let run = page.replace("/runs/", "/gugus/v1/runs/");
    let passes = || get(format!("{run}/models"))["passes"].clone();
    until_so("passes are told", passes, |passes| passes[0].is_object());
    assert_eq!(get(&run)["state"], "running");
    let shown = text(browse(page, &[]));
    contains(&shown, &["running", "Cancel", "href=\"/executors\""]);
    assert_eq!(post(&format!("{page}/cancel"), &[], "").status(), 303);
    training.wait().expect(130);
    let job = work.path("test.toml");
    let open = work.training(&job, "open", &["--ui", "0.0.0.0:0"]).run();
    open.expect(2).says(&["name a token with --token-file"]);
}

/// Whether a value is what its schema says: every key is described, every required key is there, and types are right.
fn hold(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let found = document.pointer(reference.trim_start_matches('#'));
        let found = found.unwrap_or_else(|| panic!("{at}: {reference} is missing"));
        return hold(document, found, value, at);
    }
    for either in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[either].as_array() {
            let is = |choice: &Value| {
                let type_ = named(document, choice);
                type_.is_none_or(|types| types.contains(&kind(value)))
            };
            let choice = choices.iter().find(|choice| is(choice));
            let choice = choice.unwrap_or_else(|| panic!("{at}: {value} is none of {choices:?}"));
            return hold(document, choice, value, at);
        }
    }
    if let Some(types) = named(document, schema) {
        let kind = kind(value);
        let whole = kind == "integer" && types.contains(&"number");
        assert!(
            types.contains(&kind) || whole,
            "{at}: {value} is no {types:?}"
        );
    }
    let parts = schema["allOf"].as_array();
    let own = [schema.clone()];
    let parts: Vec<Value> = parts
        .map_or(&own[..], Vec::as_slice)
        .iter()
        .map(|part| resolved(document, part))
        .collect();
    let described = parts
        .iter()
        .filter_map(|part| part["properties"].as_object())
        .flatten();
    let described: BTreeMap<&String, &Value> = described.collect();
    if let (Some(object), false) = (value.as_object(), described.is_empty()) {
        for (key, value) in object {
            let schema = described
                .get(key)
                .unwrap_or_else(|| panic!("{at}: {key} is not described"));
            hold(document, schema, value, &format!("{at}.{key}"));
        }
        let required = parts
            .iter()
            .filter_map(|part| part["required"].as_array())
            .flatten();
        for key in required.map(|key| key.as_str().unwrap()) {
            assert!(object.contains_key(key), "{at}: {key} is required");
        }
    }
    for value in value.as_array().into_iter().flatten() {
        hold(document, &schema["items"], value, &format!("{at}[]"));
    }
}

fn resolved(document: &Value, schema: &Value) -> Value {
    match schema["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap()
            .clone(),
        None => schema.clone(),
    }
}

/// The types that a schema names; none when it takes any.
fn named(document: &Value, schema: &Value) -> Option<Vec<&'static str>> {
    const TYPES: [&str; 7] = [
        "null", "boolean", "integer", "number", "string", "array", "object",
    ];
    let schema = resolved(document, schema);
    let names = |name: &str| match &schema["type"] {
        Value::Array(types) => types.iter().any(|type_| type_ == name),
        type_ => type_ == name,
    };
    let types: Vec<&str> = TYPES.into_iter().filter(|name| names(name)).collect();
    (!types.is_empty()).then_some(types)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
