//! `gugus job`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::commands::read_job;
use crate::exit::{Code, Failure};
use crate::output::{Output, print, print_json};

/// Look at job files
#[derive(Debug, Args)]
pub(crate) struct JobCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Read a job file, plan every expression in it, and print what was understood
    Check {
        /// The job file
        file: PathBuf,
        /// The form of the result
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        output: Output,
    },
}

impl JobCommand {
    pub(crate) fn run(self) -> Result<Code, Failure> {
        let What::Check { file, output } = self.what;
        let job = read_job(&file)?;
        gugus_train::check(&job).map_err(Failure::usage)?;
        match output {
            Output::Text => print(job.to_string().trim_end())?,
            Output::Json => print_json(&job)?,
        }
        Ok(Code::Done)
    }
}
