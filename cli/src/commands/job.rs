//! `gugus job`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use gugus_ingest::infer;

use crate::commands::read_job;
use crate::exit::{Code, Failure};
use crate::output::{Output, print, print_json};

/// Check job files, or write a first one
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
    /// Write a first job file for a CSV file, from a sample of its rows, to standard output
    Infer {
        /// The file, .csv or .csv.gz
        file: PathBuf,
        /// How many rows to look at
        #[arg(long, value_name = "N", default_value_t = 10_000)]
        rows: u64,
        /// The job's name; the file's when absent
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
}

impl JobCommand {
    pub(crate) fn run(self) -> Result<Code, Failure> {
        match self.what {
            What::Check { file, output } => check(&file, output),
            What::Infer { file, rows, name } => {
                let config = infer::Config { file, rows, name };
                let text = infer::run(&config)?;
                print(text.trim_end())?;
                Ok(Code::Done)
            }
        }
    }
}

fn check(file: &Path, output: Output) -> Result<Code, Failure> {
    let job = read_job(file)?;
    gugus_train::check(&job).map_err(Failure::usage)?;
    match output {
        Output::Text => print(job.to_string().trim_end())?,
        Output::Json => print_json(&job)?,
    }
    Ok(Code::Done)
}
