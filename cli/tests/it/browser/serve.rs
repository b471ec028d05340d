//! A reader finds a model on the pages of `serve`, and predicts.

use super::page_rules::Judge;
use crate::kit::browser::{Browser, ENTER};
use crate::kit::wait::until;
use crate::kit::work::{Work, model};

#[test]
fn a_reader_finds_a_model_and_predicts() {
    let Some(browser) = Browser::start("the pages of serve in a browser") else {
        return;
    };
    let work = Work::new();
    let serve = work.serve();
    let page = |path: &str| format!("{}{path}", serve.url("rest"));
    let mut judge = Judge::default();
    judge.look(&browser, &page("/"));
    assert!(
        browser.text().contains("There are no models yet"),
        "{}",
        browser.text()
    );

    let job = work.job(1000, &model("location", "k = 5\nseed = 1\n"));
    work.imported(&job, &work.scattered("small.csv", 3000));
    work.train(&job, &[]).expect(0);
    browser.await_page(&page("/"), &["location"]);
    judge.look(&browser, &page("/"));
    judge.look(&browser, &page("/?name=nothing"));

    // By links to the newest model, and by the example that its form holds to a cluster.
    browser.open(&page("/"));
    browser.click(&browser.expect("main a", "batch 3"));
    until("the page of the model opens", || match browser.url() {
        url if url.ends_with("/pages/location/batches/3") => Ok(()),
        url => Err(url),
    });
    judge.look(&browser, &browser.url());
    assert_eq!(
        browser.run("const map = document.querySelector('img.map'); return map.complete && map.naturalWidth > 0", &[]),
        true,
        "the map is not drawn"
    );
    browser.click(&browser.expect("button", "Predict"));
    browser.await_text(&["at a distance of"]);
    judge.accessible(&browser, "the answer");
    judge.silent(&browser, "the answer");

    // A mistake is told, and what was typed stays. The key Enter sends the form.
    let field = browser.expect("input", "(float64");
    browser.fill(&field, "north");
    browser.press(ENTER, 1);
    browser.await_text(&["is not of type float64"]);
    let typed = browser.run("return document.querySelector('form input').value", &[]);
    assert_eq!(typed, "north");
    judge.accessible(&browser, "the refusal");
    judge.look(&browser, &page("/pages/none"));
    // The console tells of refusals, which are meant here.
    let meant = |fault: &String| {
        ["status of 404", "status of 422"]
            .iter()
            .any(|it| fault.contains(it))
    };
    judge.faults.retain(|fault| !meant(fault));
    assert!(judge.faults.is_empty(), "{}", judge.faults.join("\n"));
}
