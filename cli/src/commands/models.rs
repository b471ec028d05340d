//! `gugus models`.

mod alias;
mod evaluate;
mod list;
mod plot;
mod prune;
mod show;

use clap::{Args, Subcommand};

use crate::exit::{Code, Failure};
use crate::output::Output;
use crate::signals::Stop;

/// Look at trained models, name them, and remove old ones
///
/// A model is a folder in Spark's format. Its name says the job's model and the batch, the window, or `all`.
///
/// Example: gugus models list --models data/models
///
/// Next: `gugus serve` answers predictions over REST.
#[derive(Debug, Args)]
pub(crate) struct Models {
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Alias(alias::Alias),
    Prune(prune::PruneModels),
    Show(show::Show),
    Evaluate(evaluate::Evaluate),
    Plot(plot::Plot),
}

impl Models {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        match self.command {
            Command::List(list) => list.run(self.output).await,
            Command::Alias(alias) => alias.run(self.output).await,
            Command::Prune(prune) => prune.run(self.output, &stop).await,
            Command::Show(show) => show.run(self.output).await,
            Command::Evaluate(evaluate) => evaluate.run(self.output, &stop).await,
            Command::Plot(plot) => plot.run(self.output, &stop).await,
        }
    }
}
