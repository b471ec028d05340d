//! `gugus runs`.

mod cancel;
mod list;
mod logs;
mod pause;
mod resume;
mod show;

use clap::{Args, Subcommand};

use crate::exit::{Code, Failure};
use crate::output::Output;
use crate::scheduled::heard;
use crate::signals::Stop;

/// Look at a scheduler's runs, cancel, pause and resume them
///
/// A run is one training of a job that `gugus submit` handed to a scheduler. The scheduler keeps runs over a restart.
///
/// Example: gugus runs list --scheduler df://127.0.0.1:50050
///
/// Next: `gugus runs show RUN` prints one run, `gugus runs logs RUN --follow` what it logs.
#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Show(show::Show),
    Logs(logs::Logs),
    Cancel(cancel::Cancel),
    Pause(pause::Pause),
    Resume(resume::Resume),
}

impl Runs {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        match self.command {
            Command::List(list) => heard(&stop, list.run(self.output)).await,
            Command::Show(show) => heard(&stop, show.run(self.output)).await,
            Command::Logs(logs) => logs.run(stop, self.output).await,
            Command::Cancel(cancel) => cancel.run(stop, self.output).await,
            Command::Pause(pause) => pause.run(stop, self.output).await,
            Command::Resume(resume) => resume.run(stop, self.output).await,
        }
    }
}
