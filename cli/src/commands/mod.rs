//! The commands: one file each, and one line each in the list below.

mod batches;
mod completions;
mod demo;
mod executor;
mod generate;
mod health;
mod ingest;
mod job;
mod man;
mod models;
mod produce;
mod rejected;
mod runs;
mod scheduler;
mod serve;
mod submit;
mod train;
mod up;

use std::future::Future;
use std::process::ExitCode;

use clap::Subcommand;
use gugus_scheduler::Configuration;

use crate::exit::{Code, Failure, code};
use crate::signals::Stop;

/// Makes the enum that clap reads, and the function that runs each command. `async` commands run until they are done or a
/// signal stops them. `sync` commands end soon, and a signal ends them as it ends any process. `shown` commands are
/// `async`, and have pages that show their settings. `about` commands describe all commands.
macro_rules! commands {
    ($($how:tt $module:ident::$command:ident)+) => {
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $($command($module::$command)),+
        }

        /// Runs the command. `all` is clap's description of all commands, `settings` what this one runs with.
        pub(crate) fn run(command: Command, all: clap::Command, settings: Configuration) -> ExitCode {
            match command {
                $(Command::$command(command) => commands!(@$how command all settings)),+
            }
        }
    };
    (@async $command:ident $all:ident $settings:ident) => { on_runtime(|stop| $command.run(stop)) };
    (@shown $command:ident $all:ident $settings:ident) => { on_runtime(|stop| $command.run(stop, $settings)) };
    (@sync $command:ident $all:ident $settings:ident) => { code($command.run(), None) };
    (@about $command:ident $all:ident $settings:ident) => { code($command.run($all), None) };
}

// In the order of `gugus --help`.
commands! {
    shown demo::Demo
    shown up::Up
    sync generate::Generate
    async produce::Produce
    async ingest::Ingest
    async batches::Batches
    async rejected::Rejected
    shown train::Train
    async models::Models
    async serve::Serve
    sync job::Job
    async submit::Submit
    async runs::Runs
    shown scheduler::Scheduler
    async executor::Executor
    sync health::Health
    about completions::Completions
    about man::Man
}

fn on_runtime<F>(command: impl FnOnce(Stop) -> F) -> ExitCode
where
    F: Future<Output = Result<Code, Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return code(Err(Failure::failed(error)), None),
    };
    let code = runtime.block_on(async {
        match Stop::listen() {
            Ok(stop) => code(command(stop.clone()).await, stop.signal()),
            Err(error) => code(Err(Failure::failed(error)), None),
        }
    });
    // Nothing that is still running matters any more; Ballista's parts would never end by themselves.
    runtime.shutdown_background();
    code
}
