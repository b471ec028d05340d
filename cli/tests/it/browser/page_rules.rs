//! What every page has to keep, whatever it shows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::kit::browser::{Browser, TAB, Theme};

/// How wide a phone is.
const PHONE: u32 = 400;

/// How large the HTML of a page may be.
const LARGEST: usize = 200_000;

/// How often the key Tab goes through a page.
const ROUNDS: usize = 3;

/// What a control is called, in the browser's language.
const CALLED: &str = "const called = (e) => [e.tagName, e.getAttribute('href') ?? e.name ?? '', e.type === 'radio' ? '' : e.textContent.trim()].join(' ');";

/// Judges pages, and keeps what it finds wrong, so that one walk tells all.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// The text of every page by its path.
    pub(super) texts: BTreeMap<String, String>,
    /// What is wrong, one line each.
    pub(super) faults: Vec<String>,
}

impl Judge {
    /// Opens a page and judges it. Its place is as wide as a desk's, then as a phone's.
    pub(super) fn look(&mut self, browser: &Browser, url: &str) {
        browser.open(url);
        let at = path(url).to_owned();
        self.texts.insert(at.clone(), browser.text());
        let size = browser.run("return document.documentElement.outerHTML.length", &[]);
        if size.as_u64().is_none_or(|size| size > LARGEST as u64) {
            self.faults.push(format!("{at} has {size} bytes"));
        }
        self.accessible(browser, &at);
        self.by_keyboard(browser, &at);
        self.on_a_phone(browser, &at);
        self.silent(browser, &at);
    }

    /// axe-core finds nothing, for viewers of light and of dark pages.
    pub(super) fn accessible(&mut self, browser: &Browser, at: &str) {
        for theme in [Theme::Dark, Theme::Light] {
            browser.prefer(theme);
            for violation in browser.violations() {
                self.faults.push(format!("{at}, {theme:?}: {violation}"));
            }
        }
    }

    /// The key Tab reaches every control that a pointer reaches. A live page replaces its parts, so controls go by what they
    /// are called.
    fn by_keyboard(&mut self, browser: &Browser, at: &str) {
        let find = "
             window.reached = new Set();
             document.addEventListener('focusin', (event) => window.reached.add(called(event.target)));
             const all = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex=\"0\"]';
             return [...document.querySelectorAll(all)].filter((e) => e.checkVisibility() && !e.disabled).map(called)";
        let controls = browser.run(&format!("{CALLED}{find}"), &[]);
        let controls: Vec<String> = serde_json::from_value(controls).unwrap();
        let mut still = Vec::<String>::new();
        // While keys are pressed a live page may grow, and then the last controls lie further away.
        for _ in 0..ROUNDS {
            browser.press(TAB, controls.len() + 1);
            let reached = browser.run("return [...window.reached]", &[]);
            let reached: BTreeSet<String> = serde_json::from_value(reached).unwrap();
            // What moved on while the keys were pressed is called otherwise now. A control that no key reaches keeps its name.
            let unreached = controls.iter().filter(|name| !reached.contains(*name));
            let unreached: Vec<_> = unreached.collect();
            let find = "
                 return [...document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex]')].map(called)
                   .filter((name) => arguments[0].includes(name))";
            let found = browser.run(&format!("{CALLED}{find}"), &[json!(unreached)]);
            still = serde_json::from_value(found).unwrap();
            if still.is_empty() {
                break;
            }
        }
        if !still.is_empty() {
            self.faults
                .push(format!("{at}: Tab does not reach {still:?}"));
        }
    }

    /// Nothing is cut off on a phone. Wide tables may scroll within their own frame.
    fn on_a_phone(&mut self, browser: &Browser, at: &str) {
        browser.narrow(PHONE);
        let cut = browser.run(
            "const scrolls = (e) => { for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
               if (/auto|scroll/.test(getComputedStyle(p).overflowX)) return true; return false; };
             const beyond = (e) => { const at = e.getBoundingClientRect(); return at.width > 0 && at.right > innerWidth + 1; };
             const cut = [...document.body.querySelectorAll('*')].filter((e) => !e.parentElement.closest('svg') && e.checkVisibility() && beyond(e) && !scrolls(e))
               .slice(0, 3).map((e) => e.outerHTML.slice(0, 200));
             if (document.documentElement.scrollWidth > innerWidth) cut.push(`the page is ${document.documentElement.scrollWidth} wide`);
             return cut",
            &[],
        );
        browser.widen();
        if cut.as_array().is_some_and(|cut| !cut.is_empty()) {
            self.faults.push(format!("{at} at {PHONE} pixels: {cut}"));
        }
    }

    /// The console says nothing, and nobody but this machine is asked.
    pub(super) fn silent(&mut self, browser: &Browser, at: &str) {
        for line in browser.console() {
            self.faults.push(format!("{at}: the console says {line}"));
        }
        let local = ["http://127.0.0.1:", "data:", "blob:", "about:"];
        for url in browser.requests() {
            if !local.iter().any(|start| url.starts_with(start)) {
                self.faults.push(format!("{at} asks for {url}"));
            }
        }
    }

    /// Follows links from the first page, and judges the first page of each kind: more would take minutes and show the same
    /// parts. Gives the kinds.
    pub(super) fn walk(&mut self, browser: &Browser, home: &str) -> BTreeSet<String> {
        let mut kinds = BTreeSet::new();
        let mut next = vec![format!("{home}/configuration")];
        while let Some(url) = next.pop() {
            if !kinds.insert(kind(path(&url))) {
                continue;
            }
            self.look(browser, &url);
            let links = browser.run(
                "return [...document.querySelectorAll('a[href]')].map((a) => new URL(a.getAttribute('href'), location).href.split('#')[0])",
                &[],
            );
            let links: Vec<String> = serde_json::from_value(links).unwrap();
            let pages = links
                .into_iter()
                .filter(|link| link.starts_with(home) && is_page(path(link)));
            next.extend(pages);
        }
        kinds
    }
}

/// The path of an address of ours, with what is behind `?`.
pub(super) fn path(url: &str) -> &str {
    let at = url
        .match_indices('/')
        .nth(2)
        .map_or(url.len(), |(at, _)| at);
    &url[at..]
}

/// Whether a link leads to a page and not to data.
fn is_page(path: &str) -> bool {
    let file = path.split('?').next().unwrap_or_default();
    let data = ["/api/", "/gugus/", "/metrics", "/openapi"];
    let kinds = [".json", ".parquet", ".svg", ".csv", ".toml"];
    !data.iter().any(|start| file.starts_with(start))
        && !kinds.iter().any(|end| file.ends_with(end))
}

/// The kind of a page: its path with a mark for each part that holds a digit, as ids and numbers do.
fn kind(path: &str) -> String {
    let file = path.split('?').next().unwrap_or_default();
    let parts = file.split('/');
    let parts = parts.map(|part| {
        if part.contains(|c: char| c.is_ascii_digit()) {
            "N"
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join("/")
}
