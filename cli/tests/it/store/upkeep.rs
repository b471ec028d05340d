//! What a folder of batches needs while it is used: a look at what was rejected, and room.

use crate::kit::same::{contains, holds};

use serde_json::json;

use crate::kit::batch_files;
use crate::kit::process::run;
use crate::kit::work::Work;

#[test]
fn rejected_records_are_listed_shown_and_replayed() {
    let work = Work::new();
    let job = work.job(3, "");
    let text = "x,y\n1,2\na,1,5\n3,4\n5,north\u{1b}[31m\n7,8\n9,10\n";
    work.imported(&job, &work.write("in.csv", text));
    // The row whose comma makes it three cells can never be read; the other two have a text where a number should be.
    assert_eq!(work.verify()["rejected"], 2);
    let listed = work.told(&["rejected", "list"]);
    let listed = listed["rejected"].as_array().unwrap().iter();
    let total: u64 = listed.filter_map(|line| line["rejected"].as_u64()).sum();
    assert_eq!(total, 2);
    let shown = work.on(&["rejected", "show"]).expect(0);
    shown.prints(&["north", "\\u{1b}"]);
    let moves = shown.stdout.contains('\u{1b}');
    assert!(!moves, "a value moves the terminal's cursor: {shown:?}");
    let shown = work.told(&["rejected", "show"]);
    let record = &shown["records"][1];
    assert_eq!(record["offset"], 3);
    contains(record["reason"].as_str().unwrap(), &["\"y\""]);

    // The job file says now that y is text.
    let text = std::fs::read_to_string(&job).unwrap();
    let column = "\"y\" = { type = \"float64\" }";
    let text = text.replace(column, &column.replace("float64", "utf8"));
    std::fs::write(&job, text).unwrap();
    let replay = ["rejected", "replay", "--job", &job, "--output", "json"];
    let dry = work.on(&[&replay[..], &["--dry-run"]].concat()).expect(0);
    holds(&dry.json(), json!({"replayed": 1, "batches": 0}));
    let done = work.on(&replay).expect(0).json();
    holds(&done, json!({"replayed": 1, "rejected": 1}));
    let expected = json!({"records": 5, "rejected": 1, "replayed": 1});
    holds(&work.verify(), expected);
}

#[test]
fn old_batches_go_and_numbers_go_on() {
    let work = Work::new();
    let job = work.job(2, "");
    let first = work.numbers("a.csv", 0..10);
    work.imported(&job, &first);
    work.on(&["batches", "prune"]).expect(2);
    work.on(&["batches", "prune", "--keep", "0"]).expect(2);
    let dry = work.on(&["batches", "prune", "--keep", "2", "--dry-run"]);
    dry.expect(0).prints(&["would remove 3 batches (1 to 3)"]);
    let folder = work.path("batch");
    assert_eq!(batch_files::numbers(folder.as_ref()), [1, 2, 3, 4, 5]);
    let pruned = work.told(&["batches", "prune", "--keep", "2"]);
    holds(&pruned, json!({"batches": 3, "first": 1, "last": 3}));
    assert_eq!(batch_files::numbers(folder.as_ref()), [4, 5]);
    let verified = work.verify();
    assert_eq!(verified["records"], 4);
    // All are younger than an hour, and the newest stays whatever its age is.
    for (age, left) in [("1h", &[4, 5][..]), ("0s", &[5])] {
        work.on(&["batches", "prune", "--older-than", age])
            .expect(0);
        assert_eq!(batch_files::numbers(folder.as_ref()), left);
    }
    let second = work.numbers("b.csv", 100..110);
    work.imported(&job, &second);
    assert_eq!(batch_files::numbers(folder.as_ref()), [5, 6, 7, 8, 9, 10]);
    work.verify();
}

#[test]
fn a_first_job_file_imports_the_file_that_it_was_made_from() {
    let work = Work::new();
    let csv = work.generate(500, 1);
    let first = run(format!("job infer {csv} --name first")).expect(0);
    let job = work.write("first.toml", first.stdout);
    run(["job", "check", &job]).expect(0);
    work.imported(&job, &csv);
    holds(&work.verify(), json!({"records": 500, "rejected": 0}));
    run(["job", "infer", &work.path("missing.csv")]).expect(2);
}
