//! Long runs of the chaos tests: many seeds, many steps.

use std::ffi::OsString;

use crate::host::Host;
use crate::problem::Problem;
use crate::test;

/// The tests of ingest, of training, of `up`, of standing runs, of damaged files, of damaged batches and of damaged job files.
const TESTS: [&str; 7] = [
    "chaos::ingest::every_record_is_in_one_place_whatever_happens",
    "chaos::cluster::models_are_the_same_whatever_happens_to_the_cluster",
    "chaos::up::up_goes_on_after_every_kill",
    "chaos::standing::a_standing_run_goes_on_after_every_kill",
    "chaos::files::no_damage_to_a_file_hides_a_line_or_stops_a_command",
    "chaos::batches::no_damage_to_a_batch_passes",
    "chaos::jobs::no_job_file_stops_a_check_or_a_scheduler",
];

/// The variables that the tests read, by their flags. Steps are those of ingest, cases are files, batches and job files.
const FLAGS: [(&str, &str); 5] = [
    ("--seed", "GUGUS_CHAOS_SEED"),
    ("--seeds", "GUGUS_CHAOS_SEEDS"),
    ("--steps", "GUGUS_CHAOS_STEPS"),
    ("--cases", "GUGUS_CHAOS_CASES"),
    ("--case", "GUGUS_CHAOS_CASE"),
];

/// Runs the chaos tests alone, and shows what they say.
pub(crate) fn run(host: &Host, arguments: &[OsString]) -> Result<(), Problem> {
    let variables = variables(arguments)?;
    let cargo = ["-p", "gugus", "--test", "it", "--"];
    // One case is a damaged file, a damaged batch or a damaged job file.
    let one = variables
        .iter()
        .any(|(name, _)| *name == "GUGUS_CHAOS_CASE");
    let tests = if one { &TESTS[2..] } else { &TESTS[..] };
    let cargo = cargo
        .into_iter()
        .chain(tests.iter().copied())
        .chain(["--nocapture"]);
    let cargo: Vec<OsString> = cargo.map(OsString::from).collect();
    test::run_with(host, &cargo, &variables)
}

fn variables(arguments: &[OsString]) -> Result<Vec<(&'static str, String)>, Problem> {
    let mut variables = Vec::new();
    let mut words = arguments.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        let (flag, given) = match word.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (word.into_owned(), None),
        };
        let known = FLAGS.iter().find(|(name, _)| *name == flag);
        let Some((_, variable)) = known else {
            return Err(Problem::Usage(format!(
                "chaos knows no {flag}; it takes --seed N, --seeds N, --steps N, --cases N and --case N"
            )));
        };
        let value = given.or_else(|| words.next().map(String::from));
        match value.filter(|value| value.parse::<u32>().is_ok()) {
            Some(value) => variables.push((*variable, value)),
            None => return Err(Problem::Usage(format!("{flag} takes a number"))),
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_variables() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(
            variables(&words(&["--seeds", "10", "--steps=60"])).unwrap(),
            [
                ("GUGUS_CHAOS_SEEDS", "10".to_owned()),
                ("GUGUS_CHAOS_STEPS", "60".to_owned())
            ]
        );
        for wrong in [&["--seeds"][..], &["--seeds", "many"], &["10"]] {
            assert!(variables(&words(wrong)).is_err(), "{wrong:?}");
        }
    }
}
