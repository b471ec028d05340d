//! The `gugus` binary: arguments in, one library's `run` called, an exit code out.
//!
//! Every flag is also a variable (`GUGUS_…`) and a key of the configuration file; [`layers`] sees to that for all
//! commands at once. Results go to standard output, everything else to standard error.
//!
//! A command is one file in [`commands`] and one line in the list there. What several commands share lies beside them:
//! [`flags`] reads, [`output`] prints, [`servers`] listens, [`scheduled`] asks a scheduler,
//! [`settings`] tells what a command runs with.

mod arguments;
mod commands;
mod exit;
mod flags;
mod layers;
mod logging;
mod output;
mod scheduled;
mod servers;
mod settings;
mod signals;
mod traces;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::arguments::Gugus;

fn main() -> ExitCode {
    gugus_error::hush_caught();
    let all = layers::with_variables(Gugus::command());
    let (matches, file) = match layers::matches(all.clone()) {
        Ok(found) => found,
        Err(failure) => return exit::code(Err(failure), None),
    };
    let gugus = match Gugus::from_arg_matches(&matches) {
        Ok(gugus) => gugus,
        Err(error) => exit::usage(&error),
    };
    let _traces = logging::start(&gugus.log);
    let configuration = settings::configuration(&all, &matches, file.as_ref());
    commands::run(gugus.command, all, configuration)
}
