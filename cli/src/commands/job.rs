//! `gugus job`.

mod check;
mod infer;

use clap::{Args, Subcommand};

use crate::exit::{Code, Failure};

/// Check job files, or write a first one
///
/// A job file says which columns the records have and which models are trained. Ingest, training and serving read the same
/// file.
///
/// Example: gugus job check jobs/crime.toml
///
/// Next: docs/jobs.md explains every key. `gugus ingest` and `gugus batches import` cut records into batches.
#[derive(Debug, Args)]
pub(crate) struct Job {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Infer(infer::Infer),
}

impl Job {
    pub(crate) fn run(self) -> Result<Code, Failure> {
        match self.command {
            Command::Check(check) => check.run(),
            Command::Infer(infer) => infer.run(),
        }
    }
}
