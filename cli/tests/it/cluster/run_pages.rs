//! The pages of runs as a browser without script uses them: forms are sent, links followed, pages read again.

use crate::kit::http::{self, send};
use crate::kit::machines::{Scheduler, executor, prepared};
use crate::kit::process::Signal;
use crate::kit::same::{contains, short};
use crate::kit::wait::until;
use crate::kit::work::Work;

/// Enough that a run can be met half way.
const BATCHES: u64 = 1_200;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A text as a value of a form.
fn encoded(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric();
    let one = |byte: u8| match safe(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// The form as it is sent by the button `button`.
fn form(work: &Work, job: &str, models: &str, button: &str) -> String {
    let (batches, models) = (work.path("batch"), work.path(models));
    // Browsers end lines as Windows does.
    let job = job.replace('\n', "\r\n");
    let values = [
        ("job_file", job.as_str()),
        ("batches", &batches),
        ("models", &models),
        ("do", button),
    ];
    values
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .join("&")
}

/// Sends a form; gives the path that the answer leads to, or fails the test.
#[track_caller]
fn led_to(scheduler: &Scheduler, path: &str, body: &str) -> String {
    let url = format!("{}{path}", scheduler.http);
    let answer = http::send_and_stay(&url, &[FORM], body);
    assert_eq!(answer.status().as_u16(), 303, "{path}");
    answer.headers()["location"].to_str().unwrap().to_owned()
}

#[track_caller]
fn await_page(scheduler: &Scheduler, path: &str, words: &[&str]) -> String {
    until(&format!("{path} says {words:?}"), || {
        let text = scheduler.page(path);
        match words.iter().all(|word| text.contains(word)) {
            true => Ok(text),
            false => Err(short(&text)),
        }
    })
}

#[test]
fn a_run_is_submitted_watched_cancelled_resumed_and_found_again_by_pages_alone() {
    let (work, job, _) = prepared(BATCHES, 50, 5);
    let text = std::fs::read_to_string(&job).unwrap();
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let _executor = executor(&scheduler.url, "2");
    contains(
        &scheduler.page("/runs"),
        &["No run was submitted yet", "href=\"/submit\""],
    );

    // A wrong job file comes back with its line; nothing begins.
    let wrong = text.replace("seed = 3", "sead = 3");
    let line = 1 + wrong
        .lines()
        .position(|line| line.starts_with("sead"))
        .unwrap();
    let url = format!("{}/submit", scheduler.http);
    let refused = send(&url, &[FORM], &form(&work, &wrong, "paged", "submit"));
    assert_eq!(refused.status().as_u16(), 422);
    let refused = http::text(refused);
    contains(
        &refused,
        &[
            &format!("line {line}"),
            "sead",
            "<mark>",
            &work.path("paged"),
        ],
    );
    let planned = http::text(send(&url, &[FORM], &form(&work, &text, "paged", "dry_run")));
    contains(&planned, &["1,200 would be trained", "Nothing was begun"]);
    contains(&scheduler.page("/runs"), &["No run was submitted yet"]);
    // A page of another site can send forms, too.
    let foreign = [FORM, ("origin", "http://evil.example")];
    let foreign = send(&url, &foreign, &form(&work, &text, "paged", "submit"));
    assert_eq!(foreign.status().as_u16(), 403);

    let run = led_to(
        &scheduler,
        "/submit",
        &form(&work, &text, "paged", "submit"),
    );
    await_page(
        &scheduler,
        &run,
        &["running", ">Cancel<", "title=\"batch 1"],
    );
    contains(
        &scheduler.page("/runs?state=running"),
        &[&format!("href=\"{run}\"")],
    );
    contains(
        &scheduler.page("/runs?state=finished"),
        &["No run is like this"],
    );
    assert_eq!(led_to(&scheduler, &format!("{run}/cancel"), ""), run);
    await_page(&scheduler, &run, &["cancelled", ">Resume<"]);
    let refused = http::send_and_stay(&format!("{}{run}/cancel", scheduler.http), &[FORM], "");
    assert_eq!(refused.status().as_u16(), 409);
    contains(&http::text(refused), &["cannot be cancelled"]);

    assert_eq!(led_to(&scheduler, &format!("{run}/resume"), ""), run);
    let trained = await_page(
        &scheduler,
        &run,
        &["</span>finished</span>", "the run is finished"],
    );
    assert!(!trained.contains(" waiting</a>"), "all models are told");
    contains(
        &scheduler.page(&format!("/gugus/v1{run}/log?whole=true")),
        &["the run begins", "the run is finished"],
    );
    let last = format!("{run}?from=1150&sort=cost&order=desc");
    let last = scheduler.page(&last);

    // The same page, after the scheduler was killed.
    let listen = scheduler.listen().to_owned();
    scheduler.up.stop(Signal::Kill);
    let scheduler = Scheduler::start(&work, &listen, &[]);
    assert_eq!(
        scheduler.page(&format!("{run}?from=1150&sort=cost&order=desc")),
        last
    );
    let again = led_to(&scheduler, &format!("{run}/again"), "");
    assert_ne!(again, run);
    await_page(&scheduler, &again, &["finished", "1,200 skipped"]);
}
