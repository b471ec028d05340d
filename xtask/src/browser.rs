//! A browser for the test of our pages, and axe-core, which judges whether everybody can use them.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use crate::host::{self, Host};
use crate::problem::Problem;

/// What the test of our pages gets to know by environment variables.
pub(crate) struct Browser {
    /// Chromium.
    pub(crate) chromium: PathBuf,
    /// The driver of the same version, which takes the test's commands.
    pub(crate) driver: PathBuf,
    /// The script of axe-core.
    pub(crate) axe: PathBuf,
}

/// Sees to the browser, its driver and axe-core.
pub(crate) fn browser(host: &Host) -> Result<Browser, Problem> {
    Ok(Browser {
        chromium: program(host, "chromium", "chromium")?,
        driver: program(host, "chromedriver", "chromium-driver")?,
        axe: axe(host)?,
    })
}

fn program(host: &Host, name: &str, package: &str) -> Result<PathBuf, Problem> {
    if let Some(path) = host::which(name) {
        return Ok(path);
    }
    host.install(&[package])
        .map_err(|problem| Problem::Missing(format!("{name} is missing: {problem}")))?;
    host::which(name).ok_or_else(|| {
        Problem::Missing(format!("{name} is missing even with the package {package}"))
    })
}

/// The script of axe-core, of the version and with the checksum that `dev/browser` pins.
fn axe(host: &Host) -> Result<PathBuf, Problem> {
    let pinned = host.root.join("dev/browser");
    let folder = host.cache.join("browser");
    let script = folder.join("node_modules/axe-core/axe.min.js");
    let lock = "package-lock.json";
    let failed = |error| Problem::Failed(format!("{}: {error}", folder.display()));
    // Written last: a folder that was cut short has none.
    let complete = folder.join("complete");
    let wanted = fs::read(pinned.join(lock))
        .map_err(|error| Problem::Failed(format!("{}: {error}", pinned.display())))?;
    if script.is_file() && fs::read(&complete).is_ok_and(|had| had == wanted) {
        return Ok(script);
    }
    fs::create_dir_all(&folder).map_err(failed)?;
    for name in ["package.json", lock] {
        fs::copy(pinned.join(name), folder.join(name)).map_err(failed)?;
    }
    let mut npm = host.command(program(host, "npm", "npm")?);
    npm.args([
        "ci",
        "--silent",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ])
    .current_dir(&folder)
    .stdin(Stdio::null())
    .stdout(Stdio::null());
    host::run(npm)?;
    fs::write(complete, wanted).map_err(failed)?;
    Ok(script)
}
