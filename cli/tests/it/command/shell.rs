//! What is installed beside the binary: manual pages and completions.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::kit::process::run;
use crate::kit::work::Work;

#[test]
fn every_command_has_a_manual_page_with_the_text_of_its_help() {
    let work = Work::new();
    let folder = work.path("man/man1");
    run(["man", &folder]).expect(0);
    let there: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut named = BTreeSet::from(["gugus.1".to_owned()]);
    for file in &there {
        let page = fs::read_to_string(format!("{folder}/{file}")).unwrap();
        assert!(page.contains("Example: gugus "), "{file}: {page}");
        // The commands below this one.
        let below = page.lines().filter(|line| line.ends_with("(1)"));
        named.extend(below.map(|line| line.replace("\\-", "-").replace("(1)", ".1")));
    }
    assert_eq!(there, named);
    for name in ["train", "batches-import", "runs-resume", "man"] {
        assert!(there.contains(&format!("gugus-{name}.1")), "{there:?}");
    }
    let train = fs::read_to_string(format!("{folder}/gugus-train.1")).unwrap();
    assert!(train.contains("GUGUS_RETRAIN"), "{train}");
    let all = run(["man"]).expect(0).stdout;
    assert_eq!(all.matches("\n.TH ").count(), there.len());
}

#[test]
fn completions_are_scripts_that_know_the_commands() {
    let work = Work::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = run(["completions", shell]).expect(0).stdout;
        for word in ["rejected", "one-batch-per-file", "completions"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
        if shell == "bash" {
            let file = work.write("gugus.bash", &script);
            let checked = Command::new("bash").args(["-n", &file]).output().unwrap();
            assert!(checked.status.success(), "{checked:?}");
        }
    }
    run(["completions", "nosuchshell"]).expect(2);
}
