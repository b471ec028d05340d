//! `gugus job check`.

use std::path::PathBuf;

use clap::Args;

use crate::exit::{Code, Failure};
use crate::flags::job_file::read_job;
use crate::output::Output;

/// Read a job file, plan every expression in it, and print what was understood
///
/// The command reads no records: it finds mistakes before a long ingest or training does.
///
/// Example: gugus job check jobs/crime.toml
///
/// Next: `gugus batches import` or `gugus ingest` with --job.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The job file
    file: PathBuf,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

impl Check {
    pub(super) fn run(self) -> Result<Code, Failure> {
        let job = read_job(&self.file)?;
        let undeclared = gugus_train::check(&job).map_err(Failure::usage)?;
        for column in undeclared {
            let warning =
                format!("warning: {column}; `train` refuses it if no batch has it either");
            eprintln!("{}", gugus_error::printable(&warning));
        }
        self.output
            .show(&job, || job.to_string().trim_end().to_owned())?;
        Ok(Code::Done)
    }
}
