//! `gugus batches`.

mod import;
mod list;
mod prune;
mod show;
mod verify;

use clap::{Args, Subcommand};

use crate::exit::{Code, Failure};
use crate::output::Output;
use crate::signals::Stop;

/// Import files as batches; list, show, verify and prune batches
///
/// A batch is one Parquet file of consecutive records. The folder of batches is the log of what was taken from the topic:
/// the newest file says where the next one begins.
///
/// Example: gugus batches list --batches data/batch
///
/// Next: `gugus train` makes models of batches. `gugus rejected list` names records that are in no batch.
#[derive(Debug, Args)]
pub(crate) struct Batches {
    #[command(subcommand)]
    command: Command,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum Command {
    Import(import::Import),
    List(list::List),
    Show(show::Show),
    Verify(verify::Verify),
    Prune(prune::PruneOld),
}

impl Batches {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        match self.command {
            Command::Import(import) => import.run(stop, self.output).await,
            Command::List(list) => list.run(self.output).await,
            Command::Show(show) => show.run(self.output).await,
            Command::Verify(verify) => verify.run(self.output).await,
            Command::Prune(prune) => prune.run(stop, self.output).await,
        }
    }
}
