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

    /// The file's text, when it is a job file.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        let text = std::fs::read_to_string(&self.job).map_err(|source| {
            Failure::usage(gugus_spec::Error::Read {
                path: self.job.clone(),
                source,
            })
        })?;
        Job::parse(&text, &self.job.display().to_string()).map_err(Failure::usage)?;
        Ok(text)
    }
}

pub(crate) fn read_job(path: &Path) -> Result<Job, Failure> {
    Job::from_file(path).map_err(Failure::usage)
}
