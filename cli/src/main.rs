//! The `gugus` binary: arguments in, one library's `run` called, an exit code out.
//!
//! Every flag is also a variable (`GUGUS_…`) and a key of the configuration file; [`layers`] sees to that for all
//! commands at once. Results go to standard output, everything else to standard error.

mod commands;
mod exit;
mod layers;
mod logging;
mod output;
mod signals;

use std::process::ExitCode;

use clap::FromArgMatches;

use crate::commands::Gugus;

fn main() -> ExitCode {
    let matches = match layers::matches() {
        Ok(matches) => matches,
        Err(failure) => return exit::code(Err(failure), None),
    };
    let gugus = match Gugus::from_arg_matches(&matches) {
        Ok(gugus) => gugus,
        Err(error) => error.exit(),
    };
    logging::start(&gugus.global);
    commands::run(gugus)
}
