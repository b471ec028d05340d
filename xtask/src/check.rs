//! Format, layers, dependencies, lints and docs, with warnings denied: what CI refuses, found at home.

use std::ffi::OsString;
use std::time::Instant;

use crate::host::{self, Host};
use crate::problem::Problem;

const PARTS: [&str; 5] = ["fmt", "layers", "deny", "clippy", "doc"];

/// Runs the named parts, or all, the quickest first, and stops at the first that finds something.
pub(crate) fn run(host: &Host, named: &[OsString]) -> Result<(), Problem> {
    if let Some(other) = named
        .iter()
        .find(|part| !PARTS.iter().any(|known| part.as_os_str() == *known))
    {
        return Err(Problem::Usage(format!(
            "check has no part {other:?}; it has {}",
            PARTS.join(", ")
        )));
    }
    for part in PARTS
        .into_iter()
        .filter(|part| named.is_empty() || named.iter().any(|name| name == part))
    {
        let mut cargo = host.cargo();
        match part {
            "fmt" => cargo.args(["fmt", "--all", "--check"]),
            // A crate of its own, since it needs syn and we need nothing.
            "layers" | "deny" => cargo
                .args("run --quiet --locked --package xtask-rules --".split(' '))
                .arg(part),
            "clippy" => {
                cargo.args("clippy --workspace --all-targets --locked -- -D warnings".split(' '))
            }
            // Added to what is set, or a developer's own flags would vanish for this one command.
            _ => cargo
                .args(["doc", "--workspace", "--no-deps", "--locked"])
                .env("RUSTDOCFLAGS", denied()),
        };
        let begun = Instant::now();
        host::run(cargo)?;
        eprintln!(
            "xtask: {part} found nothing ({:.0} s)",
            begun.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

fn denied() -> OsString {
    let mut flags = std::env::var_os("RUSTDOCFLAGS").unwrap_or_default();
    if !flags.is_empty() {
        flags.push(" ");
    }
    flags.push("-D warnings");
    flags
}
