//! `gugus rejected`.

mod list;
mod replay;
mod show;

use clap::{Args, Subcommand};

use crate::exit::{Code, Failure};
use crate::output::Output;
use crate::signals::Stop;

/// List, show and replay records that were rejected
///
/// A record is rejected when a value does not parse or a required one is missing. Rejected records are kept as they came,
/// each with its reason, so that no record is lost by a mistake in the job file.
///
/// Example: gugus rejected list --batches data/batch
///
/// Next: correct the job file, then `gugus rejected replay`.
#[derive(Debug, Args)]
pub(crate) struct Rejected {
    #[command(subcommand)]
    command: Command,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Show(show::Show),
    Replay(replay::Replay),
}

impl Rejected {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        match self.command {
            Command::List(list) => list.run(self.output).await,
            Command::Show(show) => show.run(self.output).await,
            Command::Replay(replay) => replay.run(stop, self.output).await,
        }
    }
}
