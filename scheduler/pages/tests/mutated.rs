//! Records of runs with seeded damage, as a scheduler finds them on disk: each is refused, or its pages can be drawn.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use gugus_damage::{cases, damaged, in_time};
use gugus_pages::render;
use gugus_pages::run::{Course, Run, RunPage};
use gugus_pages::runs::{RunRow, RunsAsked, RunsPage};

/// Cases of one seed: about a second in a debug build.
const CASES: u64 = 300;

const RECORDS: [&str; 2] = [
    include_str!("fixtures/run.json"),
    include_str!("fixtures/standing_run.json"),
];

/// The pages of a run, and its record written again.
fn shown(run: &Run) -> [String; 3] {
    let page = RunPage {
        run: run.clone(),
        took: Some(1),
        has_executor: false,
        course: Course::default(),
        log: String::new(),
        job_file: String::new(),
        understood: String::new(),
    };
    let list = RunsPage {
        takes_runs: true,
        asked: RunsAsked::default(),
        rows: vec![RunRow {
            run: run.clone(),
            took: None,
        }],
        total: 1,
        known: 1,
        jobs: vec![run.job.clone()],
    };
    let record = serde_json::to_string(run).unwrap();
    [render(&page, "/", false), render(&list, "/", false), record]
}

#[test]
fn a_damaged_record_of_a_run_is_refused_or_shown() {
    let mut read = 0;
    let ran = cases(CASES, 61, |draw| {
        let whole = RECORDS[draw.below(RECORDS.len())];
        let bytes = damaged(whole.as_bytes(), draw);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let shown = in_time(move || {
            let run: Run = serde_json::from_slice(&bytes).ok()?;
            let shown = shown(&run);
            Some((run, shown))
        });
        match shown.map_err(|why| format!("{why}\n{text}"))? {
            None => Ok(()),
            Some((run, [_, _, record])) => {
                read += 1;
                let again: Result<Run, _> = serde_json::from_str(&record);
                match again.is_ok_and(|again| again == run) {
                    true => Ok(()),
                    false => Err(format!("it is not read as it is written:\n{record}")),
                }
            }
        }
    });
    assert!(
        ran < CASES || read > 0,
        "no damage was small enough for a run"
    );
}
