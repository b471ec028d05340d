//! What a command runs with: each flag, its value, and where the value came from.

use std::ffi::OsStr;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use gugus_scheduler::{Configuration, HIDDEN, Setting, may_be_secret};

use crate::flags::security::TOKEN;
use crate::layers::ConfigFile;

/// The settings of the command that `matches` names, in the order of its `--help`; last those of every command.
pub(crate) fn configuration(
    all: &Command,
    matches: &ArgMatches,
    file: Option<&ConfigFile>,
) -> Configuration {
    let Some((section, mut found)) = matches.subcommand() else {
        return Configuration::default();
    };
    let mut command = all.find_subcommand(section);
    while let Some((name, below)) = found.subcommand() {
        command = command.and_then(|command| command.find_subcommand(name));
        found = below;
    }
    let own = command.into_iter().flat_map(Command::get_arguments);
    let of_all = all.get_arguments().filter(|arg| arg.is_global_set());
    let in_file = |long: &str| file.filter(|file| file.has(section, long));
    let mut settings: Vec<Setting> = own
        .chain(of_all)
        .filter_map(|arg| setting(arg, found, in_file))
        .collect();
    let takes_token = settings.iter().any(|s| s.flag == "--token-file");
    if takes_token && std::env::var_os(TOKEN).is_some() {
        settings.push(Setting {
            flag: TOKEN.to_owned(),
            value: HIDDEN.to_owned(),
            source: format!("variable {TOKEN}"),
            purpose: "The cluster's token".to_owned(),
        });
    }
    Configuration { settings }
}

fn setting<'a>(
    arg: &Arg,
    matches: &ArgMatches,
    in_file: impl Fn(&str) -> Option<&'a ConfigFile>,
) -> Option<Setting> {
    let long = arg
        .get_long()
        .filter(|long| *long != "help" && *long != "version")?;
    let id = arg.get_id().as_str();
    let source = match matches.value_source(id) {
        None => "not set".to_owned(),
        Some(ValueSource::CommandLine) => "command line".to_owned(),
        Some(ValueSource::EnvVariable) => {
            let variable = arg
                .get_env()
                .map(OsStr::to_string_lossy)
                .unwrap_or_default();
            format!("variable {variable}")
        }
        Some(_) => match in_file(long) {
            Some(file) => format!("file {}", file.path.display()),
            None => "default".to_owned(),
        },
    };
    let given = matches.get_raw(id).into_iter().flatten();
    let given: Vec<_> = given.map(OsStr::to_string_lossy).collect();
    let value = given.join(",");
    let hidden = is_secret(arg, long) && !value.is_empty();
    Some(Setting {
        flag: format!("--{long}"),
        value: if hidden { HIDDEN.to_owned() } else { value },
        source,
        purpose: arg.get_help().map(ToString::to_string).unwrap_or_default(),
    })
}

/// Whether the value of a flag may be a secret. The name of a file is none.
fn is_secret(arg: &Arg, long: &str) -> bool {
    let names = arg.get_value_names().unwrap_or_default();
    let is_path = names
        .iter()
        .any(|name| matches!(name.as_str(), "FILE" | "DIR"));
    !is_path && may_be_secret(long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{tests::file, with_file};

    fn shown(file_text: &str, arguments: &[&str]) -> Vec<[String; 3]> {
        let command = Command::new("gugus")
            .arg(Arg::new("config").long("config").global(true))
            .subcommand(
                Command::new("serve")
                    .arg(Arg::new("listen").long("listen").default_value("here"))
                    .arg(Arg::new("state").long("state").default_value("there"))
                    .arg(Arg::new("home").long("home").env("PATH"))
                    .arg(Arg::new("token_file").long("token-file").value_name("FILE"))
                    .arg(Arg::new("api_token").long("api-token"))
                    .arg(Arg::new("name").long("name")),
            );
        let file = file(file_text).unwrap();
        let known = with_file(command, &file).unwrap();
        let matches = known.clone().get_matches_from(arguments);
        let settings = configuration(&known, &matches, Some(&file)).settings;
        let place = file.path.display().to_string();
        let rows = settings.into_iter();
        rows.map(|s| [s.flag, s.value, s.source.replace(&place, "F")])
            .collect()
    }

    #[test]
    fn every_flag_is_shown_with_its_source_and_secrets_are_not() {
        let file = "name = \"n\"\n[serve]\nlisten = \"here\"\n";
        let arguments = "gugus serve --token-file /run/token --api-token hunter2";
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let path = std::env::var("PATH").unwrap();
        let expected = [
            ["--listen", "here", "file F"],
            ["--state", "there", "default"],
            ["--home", &path, "variable PATH"],
            ["--token-file", "/run/token", "command line"],
            ["--api-token", HIDDEN, "command line"],
            ["--name", "n", "file F"],
            ["--config", "", "not set"],
        ];
        assert_eq!(shown(file, &arguments), expected);
    }
}
