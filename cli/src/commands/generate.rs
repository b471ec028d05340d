//! `gugus generate`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;

use crate::exit::{Code, Failure};

/// Write sample records in the shape of the LAPD's open crime data, dirty values included, as CSV
///
/// The records are made up. The same seed gives the same bytes on every machine.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// How many records
    #[arg(long, value_name = "N")]
    records: u64,
    /// The seed of every draw
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// The file to write; standard output when absent
    #[arg(long, value_name = "FILE.csv")]
    output: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
#[error("{} could not be written", path.display())]
struct WriteError {
    path: PathBuf,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Generate {
    pub(crate) fn run(self) -> Result<Code, Failure> {
        let path = self
            .output
            .clone()
            .unwrap_or_else(|| "standard output".into());
        let failed = |source| {
            Failure::failed(WriteError {
                path: path.clone(),
                source,
            })
        };
        match &self.output {
            None => {
                let mut out = BufWriter::new(io::stdout().lock());
                gugus_generate::write(self.records, self.seed, &mut out)
                    .map_err(|e| failed(e.into()))?;
                out.flush().map_err(|e| failed(e.into()))?;
            }
            Some(file) => {
                let mut out = BufWriter::new(File::create(file).map_err(|e| failed(e.into()))?);
                gugus_generate::write(self.records, self.seed, &mut out)
                    .map_err(|e| failed(e.into()))?;
                out.flush().map_err(|e| failed(e.into()))?;
                eprintln!(
                    "wrote {} records to {}",
                    crate::output::count(self.records),
                    file.display()
                );
            }
        }
        Ok(Code::Done)
    }
}
