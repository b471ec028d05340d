//! Flag, then variable, then configuration file: one rule for every flag of every command.
//!
//! Clap knows flags, variables and defaults, in this order. So a key of the file becomes the default of its flag, and
//! every flag gets the variable of its name. Nothing has to be written twice, and nothing can be forgotten.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, ArgMatches, Command};
use thiserror::Error;
use toml::{Table, Value};

use crate::exit::{Failure, usage};

/// The file that is read if `--config` names none.
const DEFAULT_FILE: &str = "gugus.toml";

/// Errors in the configuration file.
#[derive(Debug, Error)]
pub(crate) enum FileError {
    #[error("configuration file {} could not be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("configuration file {} is not TOML", path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: toml::de::Error,
    },
    #[error("configuration file {}: no command has a flag for key \"{key}\"{place}{hint}", path.display())]
    Unknown {
        path: PathBuf,
        key: String,
        place: String,
        hint: String,
    },
    #[error("configuration file {}: key \"{key}\" wants a text, a number, true or false, or a list of these", path.display())]
    Value { path: PathBuf, key: String },
}

/// The file of a process, if it has one.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    pub(crate) path: PathBuf,
    table: Table,
}

impl ConfigFile {
    fn read(path: PathBuf) -> Result<Self, FileError> {
        let text = match gugus_error::read_regular_text(&path) {
            Ok(text) => text,
            Err(source) => return Err(FileError::Read { path, source }),
        };
        match text.parse() {
            Ok(table) => Ok(Self { path, table }),
            Err(source) => Err(FileError::Parse { path, source }),
        }
    }

    /// Whether the file has a value for a flag of a command: in the command's section, or at the top.
    pub(crate) fn has(&self, command: &str, long: &str) -> bool {
        let key = key_of(long);
        let section = self.table.get(command).and_then(Value::as_table);
        let at_top = self.table.get(&key).is_some_and(|value| !value.is_table());
        at_top || section.is_some_and(|section| section.contains_key(&key))
    }
}

/// The arguments of this process for `command`, completed from the file, which comes beside them. `command` already knows
/// its variables.
pub(crate) fn matches(command: Command) -> Result<(ArgMatches, Option<ConfigFile>), Failure> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let file = config_file(&arguments).map(ConfigFile::read);
    let file = file.transpose().map_err(Failure::usage)?;
    let command = match &file {
        None => command,
        Some(file) => with_file(command, file).map_err(Failure::usage)?,
    };
    let matches = command.try_get_matches_from(arguments);
    Ok((matches.unwrap_or_else(|error| usage(&error)), file))
}

/// The file to read: `--config`, `GUGUS_CONFIG`, or `gugus.toml` here if there is one. Clap cannot be asked yet: it
/// would refuse a command whose required flags stand in the file.
fn config_file(arguments: &[OsString]) -> Option<PathBuf> {
    let mut arguments = arguments.iter().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(path) = argument
            .to_str()
            .and_then(|text| text.strip_prefix("--config="))
        {
            return Some(path.into());
        }
    }
    std::env::var_os("GUGUS_CONFIG")
        .map(PathBuf::from)
        .or_else(|| {
            Path::new(DEFAULT_FILE)
                .is_file()
                .then(|| DEFAULT_FILE.into())
        })
}

/// Gives every flag of `command` and of the commands below it the variable of its name.
pub(crate) fn with_variables(command: Command) -> Command {
    command
        .mut_args(|arg| match arg.get_long() {
            Some(long) if long != "help" && long != "version" => {
                let variable = format!("GUGUS_{}", key_of(long).to_uppercase());
                arg.env(variable).hide_env_values(true)
            }
            _ => arg,
        })
        .mut_subcommands(with_variables)
}

pub(crate) fn with_file(command: Command, file: &ConfigFile) -> Result<Command, FileError> {
    let path = &file.path;
    let sections: BTreeSet<String> = command
        .get_subcommands()
        .map(|c| c.get_name().to_owned())
        .collect();
    let mut top = Table::new();
    let mut sectioned = Vec::new();
    for (key, value) in file.table.clone() {
        match value {
            Value::Table(section) if sections.contains(&key) => sectioned.push((key, section)),
            value => drop(top.insert(key, value)),
        }
    }
    refuse_unknown(path, &top, &keys(&command), "")?;
    let mut command = apply(command, path, &top)?;
    for (name, section) in sectioned {
        let mut failed = None;
        command = command.mut_subcommand(&name, |sub| {
            let place = format!(" in [{name}]");
            let applied = refuse_unknown(path, &section, &keys(&sub), &place)
                .and_then(|()| apply(sub.clone(), path, &section));
            applied.unwrap_or_else(|error| {
                failed = Some(error);
                sub
            })
        });
        if let Some(error) = failed {
            return Err(error);
        }
    }
    Ok(command)
}

/// The keys that `command` and the commands below it know.
fn keys(command: &Command) -> BTreeSet<String> {
    let own = command
        .get_arguments()
        .filter_map(|arg| arg.get_long())
        .map(key_of);
    let below = command.get_subcommands().flat_map(keys);
    own.chain(below)
        .filter(|key| key != "help" && key != "version" && key != "config")
        .collect()
}

fn refuse_unknown(
    path: &Path,
    table: &Table,
    known: &BTreeSet<String>,
    place: &str,
) -> Result<(), FileError> {
    match table.keys().find(|key| !known.contains(*key)) {
        None => Ok(()),
        Some(key) => {
            let nearest = known
                .iter()
                .max_by(|a, b| strsim::jaro(key, a).total_cmp(&strsim::jaro(key, b)));
            Err(FileError::Unknown {
                path: path.to_owned(),
                key: key.clone(),
                place: place.to_owned(),
                hint: nearest.map_or_else(String::new, |near| format!(", did you mean \"{near}\"")),
            })
        }
    }
}

/// Makes every key of `table` the default of its flag, in `command` and the commands below it.
fn apply(command: Command, path: &Path, table: &Table) -> Result<Command, FileError> {
    let mut values = Vec::new();
    for (key, value) in table {
        values.push((key.clone(), texts(path, key, value)?));
    }
    Ok(apply_values(command, &values))
}

fn apply_values(command: Command, values: &[(String, Vec<String>)]) -> Command {
    command
        .mut_args(|arg| {
            let key = arg.get_long().map(key_of);
            match values.iter().find(|(name, _)| Some(name) == key.as_ref()) {
                None => arg,
                Some((_, texts)) => {
                    let arg = arg.required(false);
                    // A flag without a value reads "true" and "false", as its variable does.
                    match arg.get_action() {
                        ArgAction::SetTrue => arg.default_value(texts.join(",")),
                        _ => arg.default_values(texts.clone()),
                    }
                }
            }
        })
        .mut_subcommands(|sub| apply_values(sub, values))
}

fn texts(path: &Path, key: &str, value: &Value) -> Result<Vec<String>, FileError> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(truth) => Ok(truth.to_string()),
        _ => Err(FileError::Value {
            path: path.to_owned(),
            key: key.to_owned(),
        }),
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        single => Ok(vec![text(single)?]),
    }
}

fn key_of(long: &str) -> String {
    long.replace('-', "_")
}

#[cfg(test)]
pub(crate) mod tests;
