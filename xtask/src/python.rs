//! Python environments of our own, each with pinned packages.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::host::{self, Host};
use crate::problem::Problem;

/// The newest Python that all pinned packages have wheels for.
const NEWEST: (u32, u32) = (3, 13);

/// An environment: what it holds, and where.
pub(crate) struct Environment {
    /// Its folder below `.cache`.
    folder: &'static str,
    /// The pinned packages, relative to the workspace's root.
    requirements: &'static str,
    /// Modules whose import shows that it is whole.
    modules: &'static str,
    /// What it holds and how large that is, for who waits for it.
    described: &'static str,
    /// The oldest Python that the packages have wheels for.
    oldest: (u32, u32),
}

/// What tests and `bench/ingest` ask: pyspark and kafka-python.
pub(crate) const TESTS: Environment = Environment {
    folder: "python",
    requirements: "dev/python/requirements.txt",
    modules: "kafka, pyspark",
    described: "pyspark and kafka-python, about 350 MB",
    oldest: (3, 9),
};

/// The store that speaks S3, for tests. Apart from the others, since it needs no Java, and they need one.
pub(crate) const S3: Environment = Environment {
    folder: "s3",
    requirements: "dev/python/s3_server.txt",
    modules: "flask, flask_cors, moto",
    described: "moto, about 130 MB",
    oldest: (3, 9),
};

/// The old way that `bench/serve` measures us beside.
pub(crate) const BENCH_SERVE: Environment = Environment {
    folder: "bench-serve",
    requirements: "bench/serve/requirements.txt",
    modules: "fastapi, pyarrow, pyspark, uvicorn",
    described: "pyspark and FastAPI, about 550 MB",
    oldest: (3, 9),
};

/// Who `bench/train` measures us beside. Apart from the tests' own, since nobody needs it to test.
pub(crate) const BENCH_TRAIN: Environment = Environment {
    folder: "bench-train",
    requirements: "bench/train/requirements.txt",
    modules: "faiss, pyarrow, pyspark, sklearn",
    described: "pyspark, scikit-learn and faiss, about 850 MB",
    oldest: (3, 11),
};

struct Python {
    program: OsString,
    version: (u32, u32),
}

/// Sees to an environment. Returns its Python.
pub(crate) fn environment(host: &Host, wanted: &Environment) -> Result<PathBuf, Problem> {
    let home = host.cache.join(wanted.folder);
    let ours = home.join("bin/python");
    let stamp = home.join("complete");
    let requirements = host.root.join(wanted.requirements);
    let pinned = fs::read_to_string(&requirements)
        .map_err(|error| Problem::Missing(format!("{}: {error}", requirements.display())))?;

    // The stamp holds what was installed, and is written last: an environment that was cut short has none. The
    // environment's Python is a link into the system, so an upgrade there can break it.
    let imports = format!("import {}", wanted.modules);
    if fs::read_to_string(&stamp).is_ok_and(|had| had == pinned)
        && host::output(Command::new(&ours).args(["-c", &imports])).is_ok()
    {
        return Ok(ours);
    }

    let python = match find(wanted.oldest) {
        Ok(python) => python,
        Err(problem) if may_be_missing() => {
            host.install(&["python3"])
                .map_err(|install| Problem::Missing(format!("{problem}: {install}")))?;
            find(wanted.oldest)?
        }
        Err(problem) => return Err(problem),
    };
    // Debian ships the module venv without what it needs to put pip into an environment.
    let complete = || {
        host::output(Command::new(&python.program).args(["-c", "import ensurepip, venv"])).is_ok()
    };
    if !complete() {
        host.install(&["python3-venv"]).map_err(|problem| {
            Problem::Missing(format!("Python's venv module is not whole: {problem}"))
        })?;
        if !complete() {
            return Err(Problem::Missing(format!(
                "Python's venv module of {} is not whole even with python3-venv: name another Python by PYTHON=…",
                python.program.to_string_lossy()
            )));
        }
    }

    eprintln!(
        "xtask: making a Python {}.{} environment in .cache/{} (once; {}) ...",
        python.version.0, python.version.1, wanted.folder, wanted.described
    );
    let _ = fs::remove_file(&stamp);
    let mut venv = host.command(&python.program);
    venv.args(["-m", "venv", "--clear"])
        .arg(&home)
        .stdin(Stdio::null());
    host::run(venv)?;
    let mut pip = host.command(&ours);
    let quietly = "--quiet --disable-pip-version-check --no-input --retries 5 --requirement";
    pip.args(["-m", "pip", "install"])
        .args(quietly.split(' '))
        .arg(&requirements)
        .stdin(Stdio::null());
    host::run(pip)?;
    fs::write(&stamp, pinned)
        .map_err(|error| Problem::Failed(format!("{}: {error}", stamp.display())))?;
    Ok(ours)
}

/// Whether no Python at all is a reason: one that was named or is too new is not mended by installing another.
fn may_be_missing() -> bool {
    std::env::var_os("PYTHON").is_none() && !host::found("python3")
}

/// The Python to make the environment with: the one that `PYTHON` names, or the first in `PATH` that fits.
fn find(oldest: (u32, u32)) -> Result<Python, Problem> {
    if let Some(program) = std::env::var_os("PYTHON") {
        let version = version(Path::new(&program)).ok_or_else(|| {
            Problem::Missing(format!(
                "PYTHON names {}, which does not answer as a Python 3",
                program.to_string_lossy()
            ))
        })?;
        return if (oldest..=NEWEST).contains(&version) {
            Ok(Python { program, version })
        } else {
            Err(does_not_fit(&program.to_string_lossy(), version, oldest))
        };
    }
    let mut misfit = None;
    for program in [
        "python3",
        "python3.12",
        "python3.11",
        "python3.10",
        "python3.13",
        "python3.9",
    ] {
        match version(Path::new(program)) {
            Some(version) if (oldest..=NEWEST).contains(&version) => {
                return Ok(Python {
                    program: program.into(),
                    version,
                });
            }
            Some(version) => misfit = misfit.or(Some((program, version))),
            None => {}
        }
    }
    Err(match misfit {
        Some((program, version)) => does_not_fit(program, version, oldest),
        None => Problem::Missing("Python 3 is missing".to_owned()),
    })
}

fn does_not_fit(program: &str, (major, minor): (u32, u32), oldest: (u32, u32)) -> Problem {
    Problem::Missing(format!(
        "{program} is Python {major}.{minor}, and the pinned packages run on {}.{} to {}.{}: install one of those beside it \
         (a package such as python3.12 with python3.12-venv, or pyenv) and name it by PYTHON=…",
        oldest.0, oldest.1, NEWEST.0, NEWEST.1
    ))
}

fn version(program: &Path) -> Option<(u32, u32)> {
    let script = "import sys; print('%d.%d' % sys.version_info[:2])";
    let text = host::output(Command::new(program).args(["-c", script])).ok()?;
    let (major, minor) = text.lines().next()?.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
