//! `--job FILE`.

use std::path::{Path, PathBuf};

use clap::Args;
use gugus_spec::Job;

use crate::exit::Failure;

/// `--job FILE`.
#[derive(Debug, Args)]
pub(crate) struct JobFile {
    /// The job file: the stream's columns and the models, for example jobs/crime.toml
    #[arg(long, value_name = "FILE")]
    job: PathBuf,
}

impl JobFile {
    pub(crate) fn read(&self) -> Result<Job, Failure> {
        read_job(&self.job)
    }

    /// The job, and the text of its file.
    pub(crate) fn with_text(&self) -> Result<(Job, String), Failure> {
        with_text(&self.job)
    }
}

/// A job, and the text of its file.
pub(crate) fn with_text(path: &Path) -> Result<(Job, String), Failure> {
    let text = gugus_error::read_regular_text(path).map_err(|source| {
        let path = path.to_owned();
        Failure::usage(gugus_spec::Error::Read { path, source })
    })?;
    let job = Job::parse(&text, &path.display().to_string()).map_err(Failure::usage)?;
    Ok((job, text))
}

pub(crate) fn read_job(path: &Path) -> Result<Job, Failure> {
    Job::from_file(path).map_err(Failure::usage)
}
