//! The machine we run on: where the workspace lies, which programs there are, and what we may install.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::problem::Problem;

/// The workspace on this machine.
pub(crate) struct Host {
    /// The workspace's root folder.
    pub(crate) root: PathBuf,
    /// Where what was fetched is kept: `.cache`, which git ignores and `rm -r` resets.
    pub(crate) cache: PathBuf,
    /// What a missing piece means here.
    pub(crate) strictness: Strictness,
    updated: AtomicBool,
}

/// What a piece that the tests need and that is not to be had means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// A developer's machine: the tests that need it are skipped, loudly.
    Skip,
    /// CI: a failure, since a test that never runs protects nobody.
    Fail,
}

impl Host {
    pub(crate) fn here() -> Host {
        // Cargo tells a running program its manifest's folder; the one at compile time may be of a clone that moved.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest)
            .parent()
            .map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        let strictness = match std::env::var("CI").as_deref() {
            Ok("true" | "1") => Strictness::Fail,
            _ => Strictness::Skip,
        };
        Host {
            cache: root.join(".cache"),
            root,
            strictness,
            updated: AtomicBool::new(false),
        }
    }

    /// A command that runs in the workspace's root.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// The cargo that runs us.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = self.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // Set for us by `cargo run`; a build script that looks at it must not think that it belongs to xtask.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(&name);
            }
        }
        cargo
    }

    /// Whether we may install system packages: as root, with apt-get, unless told not to.
    pub(crate) fn may_install(&self) -> bool {
        let root = output(Command::new("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0");
        root && found("apt-get") && std::env::var_os("GUGUS_NO_INSTALL").is_none()
    }

    /// Installs the first of the packages that the distribution has. `Err` says how a person would do it.
    pub(crate) fn install(&self, packages: &[&str]) -> Result<(), Problem> {
        let named = packages.join(" or ");
        if !self.may_install() {
            return Err(Problem::Missing(format!(
                "install it; on Debian and Ubuntu: apt-get install {named}"
            )));
        }
        if !self.updated.swap(true, Ordering::Relaxed) {
            // Without the lists apt-get knows no package at all; an old list names files that are gone.
            run(apt(&["update", "-q"]))?;
        }
        for package in packages {
            let policy = output(Command::new("apt-cache").args(["policy", package]));
            let there =
                |line: &str| line.trim().starts_with("Candidate:") && !line.contains("(none)");
            if policy.unwrap_or_default().lines().any(there) {
                eprintln!("xtask: installing the system package {package}");
                let quietly = ["-q", "-y", "--no-install-recommends"];
                return run(apt(&[&["install"], &quietly[..], &[package]].concat()));
            }
        }
        Err(Problem::Missing(format!(
            "this distribution has no package {named}; install it by other means"
        )))
    }
}

fn apt(arguments: &[&str]) -> Command {
    let mut apt = Command::new("apt-get");
    apt.args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    apt
}

/// Whether a program of this name is in `PATH`.
pub(crate) fn found(program: &str) -> bool {
    which(program).is_some()
}

/// Where in `PATH` a program of this name lies.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Runs a command to its end, its output going where ours goes.
pub(crate) fn run(mut command: Command) -> Result<(), Problem> {
    let named = name_of(&command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Problem::Failed(format!(
            "{named} failed ({status}); its own words are above"
        ))),
        Err(error) => Err(Problem::Failed(format!("{named} did not start: {error}"))),
    }
}

/// What a command prints, standard output and standard error together; `Err` when it fails or does not start.
pub(crate) fn output(command: &mut Command) -> Result<String, Problem> {
    let named = name_of(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Problem::Failed(format!("{named} did not start: {error}")))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        Err(Problem::Failed(format!(
            "{named} failed ({}): {}",
            output.status,
            text.trim()
        )))
    }
}

/// Becomes the command, so that Ctrl-C and the exit status are its own. Returns only when it did not start.
pub(crate) fn replace_by(mut command: Command) -> Problem {
    let named = name_of(&command);
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    Problem::Failed(format!("{named} did not start: {error}"))
}

/// The command in a few words, for messages.
pub(crate) fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let words = [name].into_iter().chain(command.get_args().take(8));
    let words = words.map(|word| word.to_string_lossy());
    words.collect::<Vec<_>>().join(" ")
}
