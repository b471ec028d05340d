use super::*;
use crate::arguments::Gugus;
use clap::CommandFactory;

/// A configuration file with this text.
pub(crate) fn file(text: &str) -> Result<ConfigFile, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gugus.toml");
    std::fs::write(&path, text).unwrap();
    ConfigFile::read(path).map_err(|e| e.to_string())
}

fn parse(text: &str, arguments: &[&str]) -> Result<ArgMatches, String> {
    let file = file(text)?;
    let command = with_file(Gugus::command(), &file).map_err(|e| e.to_string())?;
    command
        .try_get_matches_from(arguments)
        .map_err(|e| e.to_string())
}

fn value(matches: &ArgMatches, id: &str) -> String {
    matches
        .get_raw(id)
        .unwrap()
        .next()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_key_at_the_top_serves_every_command_and_a_section_goes_before_it() {
    let file = "models = \"top\"\n[serve]\nmodels = \"section\"\n";
    let serve = parse(file, &["gugus", "serve"]).unwrap();
    assert_eq!(
        value(serve.subcommand_matches("serve").unwrap(), "models"),
        "section"
    );
    let train = parse(file, &["gugus", "train", "--job", "j.toml"]).unwrap();
    assert_eq!(
        value(train.subcommand_matches("train").unwrap(), "models"),
        "top"
    );
}

#[test]
fn a_flag_goes_before_the_file_and_a_required_flag_may_stand_in_it() {
    let file = "[train]\njob = \"file.toml\"\nretrain = true\n";
    let from_file = parse(file, &["gugus", "train"]).unwrap();
    let train = from_file.subcommand_matches("train").unwrap();
    assert_eq!(value(train, "job"), "file.toml");
    assert!(train.get_flag("retrain"));
    let from_flag = parse(file, &["gugus", "train", "--job", "flag.toml"]).unwrap();
    assert_eq!(
        value(from_flag.subcommand_matches("train").unwrap(), "job"),
        "flag.toml"
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest() {
    let wrong = parse("[serve]\nlisten_on = \"x\"\n", &["gugus", "serve"]).unwrap_err();
    assert!(
        wrong.contains("\"listen_on\" in [serve]") && wrong.contains("did you mean \"listen\""),
        "{wrong}"
    );
    let wrong = parse("[serving]\nlisten = \"x\"\n", &["gugus", "serve"]).unwrap_err();
    assert!(wrong.contains("\"serving\""), "{wrong}");
}
