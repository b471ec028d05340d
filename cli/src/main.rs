//! The `gugus` binary: arguments in, one library's `run` called, an exit code out.
//!
//! Every flag is also a variable (`GUGUS_…`) and a key of the configuration file; [`layers`] sees to that for all
//! commands at once. Results go to standard output, everything else to standard error.
//!
//! A command is one file in [`commands`] and one line in the list there. What several commands share lies beside them:
//! [`flags`] reads, [`output`] prints, [`servers`] listens, [`scheduled`] asks a scheduler.

mod arguments;
mod commands;
mod exit;
mod flags;
mod layers;
mod logging;
mod output;
mod scheduled;
mod servers;
mod signals;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::arguments::Gugus;

fn main() -> ExitCode {
    gugus_error::hush_caught();
    let all = layers::with_variables(Gugus::command());
    let matches = match layers::matches(all.clone()) {
        Ok(matches) => matches,
        Err(failure) => return exit::code(Err(failure), None),
    };
    let gugus = match Gugus::from_arg_matches(&matches) {
        Ok(gugus) => gugus,
        Err(error) => error.exit(),
    };
    logging::start(&gugus.log);
    commands::run(gugus.command, all)
}
