//! `gugus job infer`.

use std::path::PathBuf;

use clap::Args;
use gugus_ingest::infer::{self, Config};

use crate::exit::{Code, Failure};
use crate::output::print;

/// Write a first job file for a CSV file, from a sample of its rows, to standard output
///
/// The command guesses the type of each column, so that you only have to write the models.
///
/// Example: gugus job infer crimes.csv --name crimes
///
/// Next: keep the output in a file, add `[[models]]`, then `gugus job check`.
#[derive(Debug, Args)]
pub(super) struct Infer {
    /// The file, .csv or .csv.gz; - is standard input
    file: PathBuf,
    /// How many rows to look at
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    rows: u64,
    /// The job's name; the file's when absent
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

impl Infer {
    pub(super) fn run(self) -> Result<Code, Failure> {
        let text = infer::run(&Config {
            file: self.file,
            rows: self.rows,
            name: self.name,
        })?;
        print(text.trim_end())?;
        Ok(Code::Done)
    }
}
