//! `gugus generate`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::exit::{Code, Failure};
use crate::output::count;
use crate::output::file::not_written;

/// Write sample records in the shape of the LAPD's open crime data, dirty values included, as CSV
///
/// The records are made up: they serve to try Gugus without data of your own. The same seed gives the same bytes on every
/// machine.
///
/// Example: gugus generate --records 1000 --output crimes.csv
///
/// Next: `gugus batches import crimes.csv --job jobs/crime.toml` cuts the records into batches.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// How many records
    #[arg(long, value_name = "N")]
    records: u64,
    /// The seed of all random numbers
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// The file to write; standard output when absent
    #[arg(long, value_name = "FILE.csv")]
    output: Option<PathBuf>,
}

impl Generate {
    pub(crate) fn run(self) -> Result<Code, Failure> {
        let Some(file) = &self.output else {
            let place = Path::new("standard output");
            self.write(io::stdout().lock(), place)?;
            return Ok(Code::Done);
        };
        let created = File::create(file).map_err(|source| not_written(file, source))?;
        self.write(created, file)?;
        eprintln!(
            "wrote {} records to {}",
            count(self.records),
            file.display()
        );
        Ok(Code::Done)
    }

    fn write(&self, out: impl Write, place: &Path) -> Result<(), Failure> {
        let mut out = BufWriter::new(out);
        gugus_generate::write(self.records, self.seed, &mut out)
            .map_err(|source| not_written(place, source))?;
        out.flush().map_err(|source| not_written(place, source))
    }
}
