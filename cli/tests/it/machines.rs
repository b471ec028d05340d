//! Executors as processes.

use crate::process::{Up, up};

/// An executor that can be asked how it is.
pub(crate) fn executor(url: &str, slots: &str) -> Up {
    up([
        "executor",
        "--scheduler",
        url,
        "--task-slots",
        slots,
        "--monitor",
        "127.0.0.1:0",
    ])
}

/// A figure of an executor's `/metrics`.
pub(crate) fn figure(executor: &Up, name: &str) -> u64 {
    let text = ureq::get(format!("{}/metrics", executor.url("http")))
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    let line = text
        .lines()
        .find(|line| line.split(' ').next() == Some(name));
    let value = line.and_then(|line| line.split(' ').nth(1));
    value
        .unwrap_or_else(|| panic!("no {name} in\n{text}"))
        .parse()
        .unwrap()
}
