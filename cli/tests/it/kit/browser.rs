//! A real browser, which reaches nothing but this machine.
//!
//! A driver takes commands by HTTP (the W3C's WebDriver) and passes them on to Chromium. The crates that speak WebDriver are
//! asynchronous and bring a second HTTP client and two dozen crates; what the test needs of the protocol fits on this page.

use std::ffi::OsString;
use std::process::Command;

use serde_json::{Value, json};

use crate::kit::process::skipped;
use crate::kit::up::Up;
use crate::kit::wait::until;

/// The key by which WebDriver names an element in JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys, as WebDriver writes them.
pub(crate) const TAB: &str = "\u{E004}";
pub(crate) const ENTER: &str = "\u{E007}";

/// A browser with one window.
pub(crate) struct Browser {
    session: String,
    axe: String,
    _driver: Up,
}

/// What the system of a viewer prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    Light,
    Dark,
}

/// An element of the page that is open.
#[derive(Debug)]
pub(crate) struct Element(String);

impl Browser {
    /// Starts one. `None`, and a line that says so, where there is no Chromium, driver or axe-core; in CI that is a failure.
    #[track_caller]
    pub(crate) fn start(what: &str) -> Option<Self> {
        let variable = |name: &str| {
            let value = std::env::var_os(name).filter(|value| !value.is_empty());
            if value.is_none() {
                skipped(
                    what,
                    &format!("{name} names nothing; `cargo xtask test` sees to it"),
                );
            }
            value
        };
        let chromium = variable("GUGUS_TEST_CHROMIUM")?;
        let driver = variable("GUGUS_TEST_CHROMEDRIVER")?;
        let axe = std::fs::read_to_string(variable("GUGUS_TEST_AXE")?).unwrap();
        let driver = Up::start(
            driver_command(&driver),
            "chromedriver".to_owned(),
            tempfile::tempdir().unwrap(),
        );
        let port = driver.hear(|text| {
            let (_, rest) = text.split_once("successfully on port ")?;
            Some(rest.split_once('.')?.0.to_owned())
        });
        let url = format!(
            "http://127.0.0.1:{}/session",
            port.expect("a driver that starts")
        );
        let created = ask("POST", &url, &capabilities(&chromium)).unwrap();
        let browser = Self {
            session: format!("{url}/{}", created["sessionId"].as_str().unwrap()),
            axe,
            _driver: driver,
        };
        Some(browser)
    }

    #[track_caller]
    fn post(&self, command: &str, body: &Value) -> Value {
        let answer = ask("POST", &format!("{}/{command}", self.session), body);
        answer.unwrap_or_else(|error| panic!("{command} {body}: {error}"))
    }

    #[track_caller]
    fn get(&self, command: &str) -> Value {
        let answer = ask("GET", &format!("{}/{command}", self.session), &Value::Null);
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Opens a page.
    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// Where the browser is.
    #[track_caller]
    pub(crate) fn url(&self) -> String {
        self.get("url").as_str().unwrap().to_owned()
    }

    /// The text that a reader sees.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        let text = self.run("return document.body.innerText", &[]);
        text.as_str().unwrap_or_default().to_owned()
    }

    /// What a script returns.
    #[track_caller]
    pub(crate) fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.post(
            "execute/sync",
            &json!({ "script": script, "args": arguments }),
        )
    }

    /// What a promise of a script becomes.
    #[track_caller]
    pub(crate) fn run_async(&self, script: &str) -> Value {
        self.post("execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Waits until the page says one of these, in whatever case.
    #[track_caller]
    pub(crate) fn await_text(&self, words: &[&str]) {
        until(&format!("the page says one of {words:?}"), || {
            self.says(words)
        });
    }

    /// Opens a page again and again until it says one of these, in whatever case.
    #[track_caller]
    pub(crate) fn await_page(&self, url: &str, words: &[&str]) {
        until(&format!("{url} says one of {words:?}"), || {
            self.open(url);
            self.says(words)
        });
    }

    fn says(&self, words: &[&str]) -> Result<(), String> {
        let text = self.text();
        let lower = text.to_lowercase();
        match words.iter().any(|word| lower.contains(word)) {
            true => Ok(()),
            false => Err(format!("{}\n{text}", self.url())),
        }
    }

    /// The first visible element of a CSS selector whose accessible name contains the text, in whatever case. Assistive
    /// technology finds it by this name.
    #[track_caller]
    pub(crate) fn named(&self, selector: &str, name: &str) -> Option<Element> {
        let found = self.post(
            "elements",
            &json!({ "using": "css selector", "value": selector }),
        );
        let elements = found.as_array().unwrap().iter();
        let mut elements =
            elements.map(|found| Element(found[ELEMENT].as_str().unwrap().to_owned()));
        elements.find(|element| {
            let label = self.get(&format!("element/{}/computedlabel", element.0));
            let label = label.as_str().unwrap_or_default().to_lowercase();
            label.contains(&name.to_lowercase())
                && self.get(&format!("element/{}/displayed", element.0)) == json!(true)
        })
    }

    /// As [`Self::named`]; the test fails without it.
    #[track_caller]
    pub(crate) fn expect(&self, selector: &str, name: &str) -> Element {
        self.named(selector, name).unwrap_or_else(|| {
            panic!(
                "{} has no {selector} named {name:?}:\n{}",
                self.url(),
                self.text()
            )
        })
    }

    #[track_caller]
    pub(crate) fn click(&self, element: &Element) {
        self.post(&format!("element/{}/click", element.0), &json!({}));
    }

    /// Puts text into a field in place of what it holds.
    #[track_caller]
    pub(crate) fn fill(&self, element: &Element, text: &str) {
        self.post(&format!("element/{}/clear", element.0), &json!({}));
        self.post(
            &format!("element/{}/value", element.0),
            &json!({ "text": text }),
        );
    }

    /// Presses a key so many times.
    #[track_caller]
    pub(crate) fn press(&self, key: &str, times: usize) {
        self.write(&key.repeat(times));
    }

    /// Types a text, wherever the focus is.
    #[track_caller]
    pub(crate) fn write(&self, text: &str) {
        let stroke = |kind: &str, key: char| json!({ "type": kind, "value": key });
        let strokes = text.chars();
        let strokes = strokes.flat_map(|key| [stroke("keyDown", key), stroke("keyUp", key)]);
        let keyboard =
            json!({ "type": "key", "id": "keyboard", "actions": strokes.collect::<Vec<_>>() });
        self.post("actions", &json!({ "actions": [keyboard] }));
    }

    /// Lets the page see a viewer whose system prefers this.
    #[track_caller]
    pub(crate) fn prefer(&self, theme: Theme) {
        let value = match theme {
            Theme::Light => "light",
            Theme::Dark => "dark",
        };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.develop(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        );
    }

    /// Makes the window this wide, as a phone's.
    #[track_caller]
    pub(crate) fn narrow(&self, width: u32) {
        let screen =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.develop("Emulation.setDeviceMetricsOverride", screen);
    }

    /// Makes the window as wide as it was.
    #[track_caller]
    pub(crate) fn widen(&self) {
        self.develop("Emulation.clearDeviceMetricsOverride", json!({}));
    }

    fn develop(&self, command: &str, parameters: Value) {
        self.post(
            "goog/cdp/execute",
            &json!({ "cmd": command, "params": parameters }),
        );
    }

    /// What axe-core finds against the Web Content Accessibility Guidelines 2.1, levels A and AA, one line each.
    #[track_caller]
    pub(crate) fn violations(&self) -> Vec<String> {
        self.run(&self.axe, &[]);
        let found = self.run_async(
            "const done = arguments[0];
             axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }).then((told) => done(told.violations
               .map((v) => `${v.id} (${v.help}): ${v.nodes.slice(0, 3).map((n) => n.html + ' ' + n.failureSummary).join(' | ')}`)))",
        );
        serde_json::from_value(found).unwrap()
    }

    /// What the browser's console said that is an error, one line each.
    #[track_caller]
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().unwrap().iter();
        let severe = entries.filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].to_string()).collect()
    }

    /// Every address that the browser asked since it was asked last.
    #[track_caller]
    pub(crate) fn requests(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({ "type": "performance" }));
        let entries = entries.as_array().unwrap().iter();
        let messages = entries
            .filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok());
        let sent = messages.filter(|told| told["message"]["method"] == "Network.requestWillBeSent");
        sent.map(|told| {
            told["message"]["params"]["request"]["url"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Killing the driver alone would leave Chromium behind.
        let _ = ask("DELETE", &self.session, &Value::Null);
    }
}

fn driver_command(driver: &OsString) -> Command {
    let mut command = Command::new(driver);
    command.args(["--port=0", "--log-level=SEVERE"]);
    command
}

fn capabilities(chromium: &OsString) -> Value {
    let arguments = [
        "--headless=new",
        // Containers run tests as root, where Chromium cannot shut itself in, and with little shared memory.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1400,1000",
        // Names lead nowhere, so a page that needs another site cannot look right here.
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    ];
    json!({ "capabilities": { "alwaysMatch": {
        "goog:chromeOptions": { "binary": chromium.to_str().unwrap(), "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
    } } })
}

/// One command. `Err` is what the driver says went wrong.
fn ask(method: &str, url: &str, body: &Value) -> Result<Value, String> {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let answer = match method {
        "POST" => agent.post(url).send_json(body),
        "DELETE" => agent.delete(url).call(),
        _ => agent.get(url).call(),
    };
    let mut answer = answer.map_err(|error| error.to_string())?;
    let told: Value = answer
        .body_mut()
        .with_config()
        .limit(256 << 20)
        .read_json()
        .map_err(|error| error.to_string())?;
    match answer.status().is_success() {
        true => Ok(told["value"].clone()),
        false => Err(format!(
            "{} ({})",
            told["value"]["message"], told["value"]["error"]
        )),
    }
}
