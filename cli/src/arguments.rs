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
    use std::collections::BTreeMap;

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

    #[test]
    fn up_has_the_flags_of_its_parts_each_under_the_part_that_it_is_for() {
        let all = all();
        let flags = |command: &str| -> BTreeMap<String, Option<String>> {
            let command = all.find_subcommand(command).expect(command);
            let flags = command.get_arguments().filter_map(|arg| {
                let heading = arg.get_help_heading().map(str::to_owned);
                Some((arg.get_long()?.to_owned(), heading))
            });
            flags.collect()
        };
        let up = flags("up");
        // `up` runs until it is stopped, and has no result.
        let endless = ["until-end", "max-batches", "output"];
        for flag in [flags("ingest"), flags("serve")]
            .iter()
            .flat_map(BTreeMap::keys)
        {
            let known = up.contains_key(flag) || endless.contains(&flag.as_str());
            assert!(known, "up has no --{flag}");
        }
        for (flag, heading) in [
            ("brokers", "Records"),
            ("batches", "Records"),
            ("start", "Records"),
            ("models", "Training"),
            ("scheduler", "Training"),
            ("listen", "Predictions"),
            ("grpc-listen", "Predictions"),
            ("poll", "Predictions"),
            ("token-file", "Security"),
            ("max-body", "Limits"),
        ] {
            assert_eq!(up[flag].as_deref(), Some(heading), "--{flag}");
        }
    }

    /// The variables that the file sets, as the flags that they stand for, with their defaults.
    fn variables(compose: &str) -> Vec<(String, &str)> {
        let variables = compose.lines().filter_map(|line| {
            let (name, value) = line.trim().strip_prefix("GUGUS_")?.split_once(": ")?;
            let default = value.split_once(":-")?.1.trim_end_matches('}');
            Some((name.to_lowercase().replace('_', "-"), default))
        });
        variables.collect()
    }

    #[test]
    fn every_command_and_every_health_check_of_docker_compose_parses() {
        let compose = include_str!("../../docker-compose.yml");
        let list = |line: &str, key: &str| {
            let list = line.trim().strip_prefix(key)?;
            Some(serde_json::from_str::<Vec<String>>(list).expect(line))
        };
        let (_, services) = compose.split_once("\nservices:\n").unwrap();
        // One service runs a script that makes the token.
        let is_gugus = |of: &&str| of.contains("<<: *") && !of.contains("/bin/sh");
        let ours = services.split("\n\n").filter(is_gugus);
        let mut calls: Vec<Vec<String>> = ours
            .map(|service| {
                let find = |key| service.lines().find_map(|line| list(line, key));
                let entry = find("entrypoint: ").unwrap_or_else(|| vec!["gugus".to_owned()]);
                [entry, find("command: ").expect(service)].concat()
            })
            .collect();
        assert_eq!(calls.len(), 8, "{calls:?}");
        let checks = compose.lines().filter_map(|line| list(line, "test: "));
        calls.extend(
            checks
                .map(|words| words[1..].to_vec())
                .filter(|words| words[0] == "gugus"),
        );
        assert_eq!(calls.len(), 12, "{calls:?}");

        let (all, variables) = (all(), variables(compose));
        assert_eq!(variables.len(), 3, "{variables:?}");
        for mut call in calls {
            let command = all.find_subcommand(&call[1]).expect(&call[1]);
            let known = |flag: &str| {
                command
                    .get_arguments()
                    .any(|arg| arg.get_long() == Some(flag))
            };
            for (flag, value) in variables.iter().filter(|(flag, _)| known(flag)) {
                call.extend([format!("--{flag}"), (*value).to_owned()]);
            }
            let parsed = Gugus::command().try_get_matches_from(&call);
            assert!(parsed.is_ok(), "{call:?}: {}", parsed.unwrap_err());
        }
    }
}
