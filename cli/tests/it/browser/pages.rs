//! A reader walks through the pages of a cluster that trains, and acts on it.

use std::path::Path;

use serde_json::Value;

use super::page_rules::{Judge, path};
use crate::kit::browser::{Browser, ENTER, TAB};
use crate::kit::http;
use crate::kit::machines::{Scheduler, await_executors, executor};
use crate::kit::process::{Gugus, Signal, run};
use crate::kit::wait::until;
use crate::kit::work::{Work, importing, job, model};

/// A cluster with a run that ended, one of whose batches cannot be trained, a standing run, and a run that does not end by
/// itself.
struct Place {
    work: Work,
    scheduler: Scheduler,
    job: String,
    failed: String,
    standing: String,
    long: String,
}

impl Place {
    fn new() -> Self {
        let work = Work::new();
        let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
        let small = model("location", "k = 5\nseed = 1\n");
        let small = work.write("small.toml", job("small", 1000, &small));
        let csv = std::fs::read_to_string(work.scattered("small.csv", 2999)).unwrap();
        let csv = work.write("small.csv", format!("{csv}Infinity,1\n"));
        work.imported(&small, &csv);
        let all = "k = 1000\nseed = 1\nscope = \"all\"\ntol = 0.0\nmax_iter = 5000\n";
        let large = work.write("large.toml", job("large", 50_000, &model("longrun", all)));
        let csv = work.scattered("large.csv", 300_000);
        run(&importing(&large, &csv, &work.path("large"))[..]).expect(0);
        Self {
            failed: String::new(),
            standing: String::new(),
            long: String::new(),
            job: small,
            work,
            scheduler,
        }
    }

    /// Submits the runs. Executors are there by then.
    fn begin(&mut self) {
        let ended = self
            .scheduler
            .submitting(&self.work, &self.job, "models", &["--wait"]);
        self.failed = id(&ended.run().expect(3).json());
        let stands = ["--follow", "--detach"];
        self.standing = self
            .scheduler
            .submit(&self.work, &self.job, "followed", &stands);
        let job = self.work.path("large.toml");
        let (batches, models) = (self.work.path("large"), self.work.path("models"));
        let what = [
            "submit",
            "--job",
            &job,
            "--output",
            "json",
            "--batches",
            &batches,
        ];
        let places = ["--models", &models, "--scheduler", &self.scheduler.url];
        self.long = id(&Gugus::new([&what[..], &places].concat())
            .run()
            .expect(0)
            .json());
        self.scheduler.await_state(&self.long, "running");
    }

    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.scheduler.http)
    }
}

fn id(run: &Value) -> String {
    run["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_reader_finds_everything_submits_cancels_and_sees_what_is_lost() {
    let Some(browser) = Browser::start("the pages in a browser") else {
        return;
    };
    let mut place = Place::new();
    let mut judge = Judge::default();
    judge.look(&browser, &place.page("/"));

    let mut executors = [(); 2].map(|()| executor(&place.scheduler.url, "1"));
    await_executors(&place.scheduler.up, 2);
    place.begin();
    follows(&browser, &place);
    cancels(&browser, &place);
    pauses(&browser, &place, &mut judge);
    submits(&browser, &place, &mut judge);
    resumes(&browser, &place);
    judge.look(&browser, &place.page(&format!("/runs/{}", place.failed)));
    by_links(&browser, &place, &mut judge);
    by_keys(&browser, &place);

    executors[0].signal(Signal::Kill);
    browser.await_page(&place.page("/executors"), &["gone within a day"]);
    judge.look(&browser, &place.page("/executors"));
    returns(&browser, place, &mut judge);
    assert!(judge.faults.is_empty(), "{}", judge.faults.join("\n"));
}

/// Links lead everywhere, by names that a reader sees.
fn by_links(browser: &Browser, place: &Place, judge: &mut Judge) {
    browser.open(&place.page("/configuration"));
    for name in [
        "Overview",
        "Runs",
        "Jobs",
        "Executors",
        "Batches",
        "Models",
        "Configuration",
    ] {
        browser.expect("nav a", name);
    }
    let kinds = judge.walk(browser, &place.scheduler.http);
    if kinds.len() < 12 {
        judge.faults.push(format!("{kinds:?}"));
    }
    let texts = judge.texts.values().map(|text| text.to_lowercase());
    let all = texts.collect::<Vec<_>>().join("\n");
    for word in [
        "stage",
        "task",
        "infin",
        "longrun",
        "silhouette",
        "reject",
        "heartbeat",
    ] {
        if !all.contains(word) {
            judge.faults.push(format!("no page says {word:?}"));
        }
    }
}

/// Tab and Enter do what a pointer does.
fn by_keys(browser: &Browser, place: &Place) {
    browser.open(&place.page("/configuration"));
    browser.press(TAB, 1);
    browser.press(ENTER, 1);
    assert!(browser.url().ends_with("#main"), "{}", browser.url());
    browser.open(&place.page("/configuration"));
    until("Tab reaches the link of runs", || {
        browser.press(TAB, 1);
        let name = browser.run("return document.activeElement.textContent", &[]);
        if name == "Runs" {
            Ok(())
        } else {
            Err(name.to_string())
        }
    });
    browser.press(ENTER, 1);
    until("Enter follows the link", || match path(&browser.url()) {
        "/runs" => Ok(()),
        other => Err(other.to_owned()),
    });
}

/// The page of a running run changes by itself, and a control that has the focus keeps it.
fn follows(browser: &Browser, place: &Place) {
    browser.open(&place.page(&format!("/runs/{}", place.long)));
    let focused = browser.run(
        "window.stayed = true;
         const control = document.querySelector('[data-live] a[href], [data-live] button') ?? document.querySelector('main a[href], main button');
         control.focus(); return control.textContent",
        &[],
    );
    let before = browser.text();
    until("the page moves", || {
        let now = browser.text();
        if now == before { Err(now) } else { Ok(()) }
    });
    assert_eq!(
        browser.run("return window.stayed", &[]),
        true,
        "it was loaded again"
    );
    let still = browser.run("return document.activeElement.textContent", &[]);
    assert_eq!(still, focused, "a change of the page took the focus away");
}

/// The button of a running run cancels the run.
fn cancels(browser: &Browser, place: &Place) {
    let page = place.page(&format!("/runs/{}", place.long));
    browser.open(&page);
    browser.click(&browser.expect("button, input[type=submit]", "Cancel"));
    browser.click(&browser.expect("dialog button", "Yes"));
    browser.await_text(&["cancelled"]);
    place.scheduler.await_state(&place.long, "cancelled");
}

/// A standing run says what it waits for, and its button pauses it.
fn pauses(browser: &Browser, place: &Place, judge: &mut Judge) {
    let page = place.page(&format!("/runs/{}", place.standing));
    browser.open(&page);
    browser.await_text(&["following", "waits for new batches"]);
    judge.look(browser, &page);
    browser.expect("main button", "End");
    browser.click(&browser.expect("main button", "Pause"));
    browser.click(&browser.expect("dialog button", "Yes"));
    browser.await_text(&["trains nothing until it is resumed"]);
    judge.look(browser, &page);
    place.scheduler.await_state(&place.standing, "paused");
}

/// The button of a cancelled run lets it go on.
fn resumes(browser: &Browser, place: &Place) {
    browser.open(&place.page(&format!("/runs/{}", place.long)));
    browser.click(&browser.expect("main button", "Resume"));
    if let Some(yes) = browser.named("dialog button", "Yes") {
        browser.click(&yes);
    }
    place.scheduler.await_state(&place.long, "running");
}

/// A form takes a job. A mistake in it is told with its line, and what was typed stays.
fn submits(browser: &Browser, place: &Place, judge: &mut Judge) {
    browser.open(&place.page("/runs"));
    browser.click(&browser.expect("main a, main button", "Submit"));
    judge.look(browser, &browser.url());
    let right = std::fs::read_to_string(&place.job).unwrap();
    let fill = |text: &str| {
        browser.fill(&browser.expect("textarea", "Job file"), text);
        browser.fill(
            &browser.expect("input", "Batches"),
            &place.work.path("batch"),
        );
        browser.fill(
            &browser.expect("input", "Models"),
            &place.work.path("others"),
        );
        browser.click(&browser.expect("main button", "Submit"));
    };
    fill(&right.replace("seed", "sead"));
    browser.await_text(&["sead"]);
    let told = browser.text();
    let line = 1 + right
        .lines()
        .position(|line| line.starts_with("seed"))
        .unwrap();
    assert!(told.contains(&format!("line {line}")), "{told}");
    let kept = browser.run("return document.querySelector('textarea').value", &[]);
    assert!(kept.as_str().unwrap().contains("sead"), "{kept}");
    judge.accessible(browser, "/submit with a mistake");
    // The browser's console tells of every answer that refuses. This one was wanted.
    browser.console();
    fill(&right);
    browser.await_text(&["finished"]);
    let models = place.work.path("others/location/batch_00000001/_SUCCESS");
    assert!(Path::new(&models).exists(), "{models}");
}

/// A scheduler that was killed and started again shows what ended before.
fn returns(browser: &Browser, place: Place, judge: &mut Judge) {
    let ended = format!("/runs/{}", place.failed);
    let jobs = judge
        .texts
        .keys()
        .filter(|path| path.starts_with("/jobs/") && !path.contains('?'));
    let kept: Vec<String> = jobs
        .cloned()
        .chain([ended, format!("/runs/{}", place.long)])
        .collect();
    browser.open("about:blank");
    let Place {
        work,
        mut scheduler,
        ..
    } = place;
    scheduler.up.signal(Signal::Kill);
    let listen = scheduler.listen().to_owned();
    drop(scheduler);
    let scheduler = Scheduler::start(&work, &listen, &[]);
    for page in &kept {
        let url = format!("{}{page}", scheduler.http);
        assert_eq!(http::status(&url), 200, "{page}");
        browser.open(&url);
        judge.silent(browser, page);
    }
    browser.open(&format!("{}{}", scheduler.http, kept[kept.len() - 2]));
    browser.await_text(&["infin"]);
}
