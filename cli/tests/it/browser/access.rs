//! A cluster with a token, and a scheduler that has nothing to show yet.

use super::page_rules::{Judge, path};
use crate::kit::browser::{Browser, ENTER};
use crate::kit::machines::Scheduler;
use crate::kit::wait::until;
use crate::kit::work::Work;

const SECRET: &str = "long-and-secret";

#[test]
fn a_reader_signs_in_by_keyboard_and_signs_out() {
    let Some(browser) = Browser::start("signing in with a browser") else {
        return;
    };
    let work = Work::new();
    let token = work.write("token", SECRET);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &["--token-file", &token]);
    let wanted = format!("{}/configuration", scheduler.http);
    let mut judge = Judge::default();
    judge.look(&browser, &wanted);

    browser.open(&wanted);
    assert!(
        !browser.text().contains("--listen"),
        "shown without the token"
    );
    // The field has the focus, so a reader only types.
    browser.write("wrong");
    browser.press(ENTER, 1);
    browser.await_text(&["not the cluster's token"]);
    judge.accessible(&browser, "/sign-in with a wrong token");
    // The browser's console tells of every answer that refuses. This one was wanted.
    browser.console();
    browser.write(SECRET);
    browser.press(ENTER, 1);
    until("the page that was asked for is there", || {
        match path(&browser.url()) {
            "/configuration" if browser.text().contains("--listen") => Ok(()),
            _ => Err(browser.text()),
        }
    });
    judge.look(&browser, &wanted);
    browser.click(&browser.expect("button", "Sign out"));
    until("the page to sign in is there", || {
        match path(&browser.url()) {
            "/sign-in" => Ok(()),
            other => Err(other.to_owned()),
        }
    });
    browser.open(&wanted);
    assert!(
        !browser.text().contains("--listen"),
        "shown after signing out"
    );
    assert!(judge.faults.is_empty(), "{}", judge.faults.join("\n"));
}

#[test]
fn empty_pages_are_whole_and_say_what_to_do() {
    let Some(browser) = Browser::start("the empty pages in a browser") else {
        return;
    };
    let work = Work::new();
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let mut judge = Judge::default();
    let kinds = judge.walk(&browser, &scheduler.http);
    for page in [
        "/",
        "/runs",
        "/jobs",
        "/executors",
        "/batches",
        "/models",
        "/configuration",
        "/submit",
    ] {
        assert!(kinds.contains(page), "no link leads to {page}: {kinds:?}");
    }
    for page in ["/runs", "/executors"] {
        let text = &judge.texts[page];
        assert!(text.contains("gugus "), "{page} names no command:\n{text}");
    }
    browser.open(&format!("{}/no/such/page", scheduler.http));
    judge.accessible(&browser, "a page that is not there");
    assert!(judge.faults.is_empty(), "{}", judge.faults.join("\n"));
}
