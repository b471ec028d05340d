//! Courses that are told of, read back, broken off and looked at.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::fs;
use std::path::PathBuf;

use gugus_pages::run::{Counts, Course, Mark, RunId};
use gugus_progress::{ModelReport, Outcome, PassReport, ReportScope};
use gugus_spec::{BatchNumber, ModelName};
use tempfile::TempDir;

use super::{Courses, ModelsAsked};

fn line(model: &str, batch: u64, status: Outcome) -> ModelReport {
    let trained = status == Outcome::Trained;
    ModelReport {
        model: model.to_owned(),
        scope: ReportScope::Batch,
        batch: Some(batch),
        window: None,
        status,
        reason: (status == Outcome::Failed).then(|| format!("batch {batch} is infinite")),
        rows: 10,
        iterations: trained.then_some(3),
        // The later the batch, the lower the cost.
        training_cost: trained.then_some(1_000_000.0 - batch as f64),
        sizes: vec![batch, 1],
        path: trained.then(|| format!("{model}/batch_{batch:08}")),
        promotion: None,
    }
}

fn pass(pass: u32) -> PassReport {
    PassReport {
        model: "whole".to_owned(),
        pass,
        step: "lloyd".to_owned(),
        cost: Some(f64::from(100 - pass)),
        moved: Some(0.5),
    }
}

fn place() -> (TempDir, PathBuf, RunId) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("course.jsonl");
    (folder, path, "1m7x2k9q4".parse().unwrap())
}

fn asked(status: Option<Mark>, sort: &str, descending: bool, from: u64) -> ModelsAsked {
    ModelsAsked {
        status,
        sort: sort.to_owned(),
        descending,
        from,
        size: 3,
    }
}

fn batches(course: &Course) -> Vec<u64> {
    let rows = course.table.rows.iter();
    rows.map(|row| row.line.batch.unwrap()).collect()
}

/// Ten models of batches: the fifth failed, the last three are under way, and the very last only waits.
fn tell(courses: &Courses, id: &RunId, path: &std::path::Path) -> super::courses::Told {
    let told = courses.begin(id, path);
    let observer = told.observer();
    for batch in 1..=10 {
        observer.model(&line("each", batch, Outcome::Planned));
    }
    let model: ModelName = "each".parse().unwrap();
    let numbers: Vec<BatchNumber> = (1..=9).map(|n| BatchNumber::new(n).unwrap()).collect();
    observer.begun(&model, &numbers);
    for batch in (1..=7).rev() {
        let status = if batch == 5 {
            Outcome::Failed
        } else {
            Outcome::Trained
        };
        observer.model(&line("each", batch, status));
    }
    (1..=4).for_each(|number| observer.pass(&pass(number)));
    told
}

#[test]
fn a_course_is_the_same_while_it_is_told_and_when_it_is_read_again() {
    let (_folder, path, id) = place();
    let courses = Courses::default();
    let told = tell(&courses, &id, &path);
    let all = asked(None, "", false, 0);
    let now = courses.show(&id, &path, &all).unwrap();
    let counts = Counts {
        failed: 1,
        running: 2,
        waiting: 1,
        trained: 6,
        skipped: 0,
    };
    assert_eq!(now.counts, counts);
    assert_eq!(now.table.total, 10);
    assert_eq!(batches(&now), [1, 2, 3]);
    assert_eq!(now.table.rows[0].line, line("each", 1, Outcome::Trained));
    assert_eq!(
        now.passes[0].costs,
        [(1, 99.0), (2, 98.0), (3, 97.0), (4, 96.0)]
    );
    assert_eq!(now.squares.len(), 10);
    assert_eq!(now.squares[4].counts.told(), Some(Mark::Failed));
    assert_eq!(now.squares[0].path.as_deref(), Some("each/batch_00000001"));

    told.end();
    let ended = courses.show(&id, &path, &all).unwrap();
    // Another scheduler, after the first was killed: nobody drives the run.
    let later = Courses::default().show(&id, &path, &all).unwrap();
    for course in [&ended, &later] {
        let counts = Counts {
            running: 0,
            waiting: 3,
            ..counts
        };
        assert_eq!(course.counts, counts);
        assert_eq!(course.passes[0].costs, now.passes[0].costs);
    }
    assert_eq!(later.squares, ended.squares);
    let whole = |course: &Course| serde_json::to_string(&course.table).unwrap();
    assert_eq!(whole(&later), whole(&ended));
}

#[test]
fn models_are_sorted_filtered_and_paged() {
    let (_folder, path, id) = place();
    let courses = Courses::default();
    let _told = tell(&courses, &id, &path);
    let show = |asked: ModelsAsked| batches(&courses.show(&id, &path, &asked).unwrap());
    assert_eq!(show(asked(None, "", false, 8)), [9, 10]);
    assert_eq!(show(asked(None, "", true, 0)), [10, 9, 8]);
    assert_eq!(show(asked(None, "cost", true, 0)), [1, 2, 3]);
    assert_eq!(
        show(asked(Some(Mark::Trained), "cost", false, 0)),
        [7, 6, 4]
    );
    assert_eq!(
        show(asked(Some(Mark::Trained), "cost", false, 3)),
        [3, 2, 1]
    );
    assert_eq!(show(asked(None, "status", false, 0)), [5, 8, 9]);
    assert_eq!(show(asked(Some(Mark::Running), "", false, 0)), [8, 9]);
    assert_eq!(show(asked(None, "", false, u64::MAX)), [0_u64; 0]);
}

#[test]
fn a_line_that_was_being_written_when_the_scheduler_was_killed_is_left_out() {
    let (_folder, path, id) = place();
    let courses = Courses::default();
    tell(&courses, &id, &path).end();
    let all = asked(None, "", false, 0);
    let whole = fs::read(&path).unwrap();
    let mut seen = 10;
    for length in (0..whole.len()).rev().step_by(97) {
        fs::write(&path, &whole[..length]).unwrap();
        let course = Courses::default().show(&id, &path, &all).unwrap();
        assert!(course.table.total <= seen, "{length} bytes");
        assert_eq!(course.counts.total(), course.table.total);
        seen = course.table.total;
    }
    assert_eq!(seen, 0);
}

#[test]
fn a_new_attempt_begins_anew_and_a_run_without_a_course_has_none() {
    let (_folder, path, id) = place();
    let courses = Courses::default();
    let all = asked(None, "", false, 0);
    let none = courses.show(&id, &path, &all).unwrap();
    assert_eq!(none.counts, Counts::default());
    tell(&courses, &id, &path).end();
    let again = courses.begin(&id, &path);
    again.observer().model(&line("each", 1, Outcome::Skipped));
    let course = courses.show(&id, &path, &all).unwrap();
    assert_eq!((course.counts.total(), course.counts.skipped), (1, 1));
}

#[test]
fn a_hundred_thousand_models_are_a_few_hundred_squares() {
    let (_folder, path, id) = place();
    let courses = Courses::default();
    let told = courses.begin(&id, &path);
    let observer = told.observer();
    for batch in 1..=50_000 {
        observer.model(&line("a", batch, Outcome::Trained));
        let status = if batch == 777 {
            Outcome::Failed
        } else {
            Outcome::Skipped
        };
        observer.model(&line("b", batch, status));
    }
    let course = courses
        .show(&id, &path, &asked(None, "cost", false, 49_999))
        .unwrap();
    assert_eq!(course.counts.total(), 100_000);
    assert!(course.squares.len() <= 402, "{}", course.squares.len());
    let covered: u64 = course
        .squares
        .iter()
        .map(|square| square.counts.total())
        .sum();
    assert_eq!(covered, 100_000);
    let froms: Vec<u64> = course.squares.iter().map(|square| square.from).collect();
    assert!(froms.is_sorted());
    let last = course.squares.last().unwrap();
    assert_eq!(last.last.as_deref(), Some("batch 50000"));
    let failed: Vec<_> = course
        .squares
        .iter()
        .filter(|square| square.counts.failed > 0)
        .collect();
    assert_eq!((failed.len(), failed[0].first.as_str()), (1, "batch 751"));
    // Models without a cost come first.
    assert_eq!(course.table.rows[1].line.training_cost, Some(950_000.0));
}

#[test]
fn the_course_of_a_standing_run_keeps_its_newest_models_and_goes_on() {
    let (_folder, path, id) = place();
    let courses = Courses::default();
    let told = courses.go_on(&id, &path);
    let observer = told.observer();
    observer.model(&line("each", 1, Outcome::Failed));
    let first = 60_000;
    for batch in 2..=first {
        observer.model(&line("each", batch, Outcome::Trained));
        // What is there already is no news.
        observer.model(&line("other", batch, Outcome::Skipped));
        observer.model(&line("each", batch, Outcome::Skipped));
    }
    let newest = asked(None, "at", true, 0);
    let now = courses.show(&id, &path, &newest).unwrap();
    // Twice eight megabytes are some 60,000 lines: the file was cut, and the failure is still there.
    assert!(
        now.left_out > 0 && now.counts.total() < first,
        "{}",
        now.counts.total()
    );
    assert!(now.counts.total() >= 10_000 && now.counts.failed == 1);
    let length = |path: &std::path::Path| fs::metadata(path).unwrap().len();
    assert!(length(&path) <= 8 * 1024 * 1024, "{}", length(&path));
    let last = courses.show(&id, &path, &asked(None, "", true, 0)).unwrap();
    assert_eq!(batches(&last), [first, first - 1, first - 2]);
    assert_eq!(
        last.table.rows[0].line,
        line("each", first, Outcome::Trained)
    );
    told.end();

    // Another scheduler goes on with it.
    let courses = Courses::default();
    let told = courses.go_on(&id, &path);
    told.observer()
        .model(&line("each", first + 1, Outcome::Trained));
    let later = courses.show(&id, &path, &asked(None, "", true, 0)).unwrap();
    assert_eq!(batches(&later), [first + 1, first, first - 1]);
    assert_eq!(later.counts.total(), last.counts.total() + 1);
    assert_eq!(
        later.left_out, last.left_out,
        "it is told after a restart, too"
    );
    let failed = courses.show(&id, &path, &asked(Some(Mark::Failed), "", false, 0));
    assert_eq!(batches(&failed.unwrap()), [1]);
}

#[test]
fn models_of_many_clusters_are_kept_in_as_many_bytes() {
    let (_folder, path, id) = place();
    let courses = Courses::default();
    let told = courses.go_on(&id, &path);
    let observer = told.observer();
    // A line of a model takes some 80 kB, and so 300 of them 24 MB.
    let large = |window: u64| ModelReport {
        scope: ReportScope::Window,
        batch: None,
        window: Some(format!("{window:05}")),
        sizes: vec![1_000_000; 10_000],
        ..line("areas", window, Outcome::Trained)
    };
    let mut longest = 0;
    for window in 1..=300 {
        observer.model(&large(window));
        longest = longest.max(fs::metadata(&path).unwrap().len());
    }
    assert!(longest <= 9 * 1024 * 1024, "{longest}");
    let newest = || {
        courses
            .show(&id, &path, &asked(None, "at", true, 0))
            .unwrap()
    };
    let now = newest();
    assert!(
        now.left_out > 0 && now.counts.total() >= 30,
        "{:?}",
        now.counts
    );
    assert_eq!(now.left_out + now.counts.total(), 300);
    told.end();
    let later = Courses::default()
        .show(&id, &path, &asked(None, "", true, 0))
        .unwrap();
    assert_eq!((later.left_out, later.counts), (now.left_out, now.counts));
    let last = later.table.rows[0].line.window.as_deref();
    assert_eq!(last, Some("00300"));
}
