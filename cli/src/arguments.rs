//! The command line as a whole, and the flags of every command.

use std::path::PathBuf;

use clap::Parser;

use crate::commands::Command;
use crate::logging::LogFlags;

/// Records from Kafka, cut into Parquet batches, clustered by k-means on Apache Ballista, served over REST.
///
/// Try `gugus demo` first, then `gugus up` on a Kafka of yours: both run all parts in one process. Or take the parts one by one:
/// `gugus ingest` (or `gugus batches import`) cuts records into batches, `gugus train` makes models of the batches, `gugus serve`
/// predicts.
///
/// Example: gugus demo --exit
///
/// Next: `gugus COMMAND --help` says what a command does and shows an example.
///
/// Every flag is also a variable and a key: `--max-batches` is GUGUS_MAX_BATCHES, and `max_batches` in the file that
/// --config names (else gugus.toml in the current folder), at the top or under a table named after the command (ingest, serve, …). A flag wins over a
/// variable, and a variable over the file.
///
/// Exit codes: 0 done; 1 failed; 2 wrong usage, job file or input, nothing begun; 3 finished, but some models failed.
#[derive(Debug, Parser)]
#[command(
    name = "gugus",
    version,
    propagate_version = true,
    max_term_width = 110
)]
pub(crate) struct Gugus {
    /// The configuration file (TOML); when absent, gugus.toml in the current folder, if there is one
    #[arg(
        long,
        global = true,
        help_heading = "Options of every command",
        value_name = "FILE"
    )]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) log: LogFlags,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::with_variables;
    use clap::CommandFactory;

    fn all() -> clap::Command {
        let mut all = with_variables(Gugus::command());
        all.build();
        all
    }

    /// Every command, including those below other commands, with the words that call it.
    fn each(command: &clap::Command, words: &str, see: &mut impl FnMut(&clap::Command, &str)) {
        see(command, words);
        for below in command.get_subcommands().filter(|c| c.get_name() != "help") {
            each(below, &format!("{words} {}", below.get_name()), see);
        }
    }

    #[test]
    fn the_whole_command_line_is_consistent() {
        all().debug_assert();
    }

    #[test]
    fn the_help_of_every_command_has_an_example_that_parses_and_says_where_to_go_on() {
        let mut seen = 0;
        each(&all(), "gugus", &mut |command, words| {
            let help = command.get_long_about().unwrap().to_string();
            let line = |start: &str| {
                let line = help.lines().find_map(|line| line.strip_prefix(start));
                line.unwrap_or_else(|| panic!("{words}: no line \"{start}\" in {help}"))
            };
            line("Next: ");
            let example = line("Example: ");
            assert!(example.starts_with(words), "{words}: {example}");
            let parsed = Gugus::command().try_get_matches_from(example.split(' '));
            assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
            seen += 1;
        });
        assert!(seen > 30, "{seen}");
    }
}
