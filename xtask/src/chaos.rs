//! Long runs of the chaos tests: many seeds, many steps.

use std::ffi::OsString;

use crate::host::Host;
use crate::problem::Problem;
use crate::test;

/// The crates whose readers have tests with damaged files, beside the program itself.
const READERS: [&str; 6] = [
    "gugus-batches",
    "gugus-ingest",
    "gugus-models",
    "gugus-pages",
    "gugus-spec",
    "gugus-train",
];

/// Cases of each test with damaged files, unless the caller says how many.
const CASES: &str = "3000";

/// Trials with cut links and frozen processes, unless the caller says how many: all of them.
const CUTS: &str = "36";

/// The tests of ingest, of training, of `up`, of standing runs and of cut links, which have no cases.
const RUNS: [&str; 5] = [
    "chaos::ingest::every_record_is_in_one_place_whatever_happens",
    "chaos::cluster::models_are_the_same_whatever_happens_to_the_cluster",
    "chaos::up::up_goes_on_after_every_kill",
    "chaos::standing::a_standing_run_goes_on_after_every_kill",
    "cluster::cut::a_training_outlasts_what_is_cut_or_names_it",
];

/// The tests with damaged batches, job files, imports, model folders and records of runs.
const DAMAGE: [&str; 11] = [
    "chaos::batches::no_damage_to_a_batch_passes",
    "chaos::jobs::no_job_file_stops_a_check_or_a_scheduler",
    "mutated::csv_with_damage",
    "mutated::damage_to_old_batches_stops_nobody",
    "mutated::json_with_damage",
    "mutated::no_damage_changes_a_model",
    "mutated::no_damage_gives_another_model",
    "mutated::no_damage_passes",
    "mutated::parquet_with_damage",
    "a_damaged_record_of_a_run_",
    "no_job_file_stops_a_reader",
];

/// The variables that the tests read, by their flags. Steps are those of ingest, cases are damaged files.
const FLAGS: [(&str, &str); 6] = [
    ("--seed", "GUGUS_CHAOS_SEED"),
    ("--seeds", "GUGUS_CHAOS_SEEDS"),
    ("--steps", "GUGUS_CHAOS_STEPS"),
    ("--cuts", "GUGUS_CHAOS_CUTS"),
    ("--cases", "GUGUS_CHAOS_CASES"),
    ("--case", "GUGUS_CHAOS_CASE"),
];

/// Runs the chaos tests alone, and shows what they say.
pub(crate) fn run(host: &Host, arguments: &[OsString]) -> Result<(), Problem> {
    let mut variables = variables(arguments)?;
    let given = |name: &str| variables.iter().any(|(known, _)| *known == name);
    // One case is a damaged file.
    let runs: &[&str] = match given("GUGUS_CHAOS_CASE") {
        true => &[],
        false => &RUNS,
    };
    let defaults = [("GUGUS_CHAOS_CASES", CASES), ("GUGUS_CHAOS_CUTS", CUTS)];
    let missing = defaults.into_iter().filter(|(name, _)| !given(name));
    let missing: Vec<_> = missing
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    variables.extend(missing);
    let packages = READERS.iter().flat_map(|name| ["-p", *name]);
    let cargo = ["-p", "gugus"].into_iter().chain(packages);
    let cargo = cargo.chain(["--tests", "--no-fail-fast", "--"]);
    let tests = runs.iter().chain(&DAMAGE).copied();
    let cargo = cargo.chain(tests).chain(["--nocapture"]);
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
                "chaos knows no {flag}; it takes --seed N, --seeds N, --steps N, --cuts N, --cases N and --case N"
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
