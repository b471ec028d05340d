//! Snapshots for the tests of pages.

use std::collections::BTreeMap;

use gugus_progress::{Lag, ModelReport, Outcome, PassReport, ReportScope, Standing};

use crate::job::{Figure, Job, JobState, Operator, Row, Stage, StageState, Task, TaskState};
use crate::run::{
    BallistaJob, Counts, Course, Following, Mark, ModelRow, ModelTable, PassSeries, Run, RunPage,
    RunState, Square,
};

/// A moment in 2026, in milliseconds since 1970.
pub(crate) const NOW: u64 = 1_795_705_200_000;

/// What others may choose as a name.
pub(crate) const HOSTILE: &str = "\"><script>alert('x')</script><img src=x onerror=y>";

/// A page shows [`HOSTILE`] as text.
pub(crate) fn assert_harmless(page: &str) {
    assert!(
        !page.contains("<script>") && !page.contains("<img src=x"),
        "{page}"
    );
    assert!(page.contains("&lt;script&gt;"), "{page}");
    assert!(!page.contains(" style="), "{page}");
}

pub(crate) fn job() -> Job {
    let row = Row {
        state: JobState::Successful,
        started: NOW - 100_000,
        ended: NOW - 90_000,
        stages_total: 2,
        stages_done: 2,
        tasks: 8,
        ..Row::queued(
            "a1b2c3d",
            "crime run 01kx3q2n8 location batches 1-3",
            NOW - 100_100,
        )
    };
    let mut stages = vec![stage(1, 4), stage(2, 4)];
    stages[0].feeds = vec![2];
    Job {
        row,
        stages,
        addresses: BTreeMap::new(),
        settings: BTreeMap::new(),
    }
}

/// A stage whose tasks took a second each, on two executors in turn.
pub(crate) fn stage(id: u64, tasks: u64) -> Stage {
    let task = |task: u64| Task {
        id: task,
        executor: format!("e{}", task % 2),
        state: TaskState::Done,
        again: false,
        handed: NOW - 100_000,
        started: NOW - 99_995,
        ended: NOW - 99_000,
        groups: 1,
        read: Some(1_000),
        rows: 3,
        bytes: 300,
        failure: None,
    };
    let operator = |depth, text: &str| Operator {
        depth,
        text: text.to_owned(),
        figures: vec![Figure {
            name: "output_rows".to_owned(),
            value: "1,000".to_owned(),
        }],
    };
    Stage {
        id,
        state: StageState::Done,
        attempt: 0,
        feeds: Vec::new(),
        groups: tasks,
        waiting: 0,
        failure: None,
        plan: vec![
            operator(0, "ShuffleWriterExec"),
            operator(1, "AggregateExec: mode=SinglePartitioned"),
            operator(2, "DataSourceExec"),
        ],
        tasks: (0..tasks).map(task).collect(),
        left_out: 0,
    }
}

/// A run in this state, every text of which is hostile.
pub(crate) fn run(state: RunState) -> Run {
    let hostile = || HOSTILE.to_owned();
    Run {
        id: "1m7x2k9q4".parse().unwrap(),
        state,
        job: hostile(),
        batches: format!("/data/{HOSTILE}&b"),
        models: "/data/m".to_owned(),
        only: vec![hostile()],
        retrain: true,
        follow: matches!(state, RunState::Following | RunState::Paused).then(|| Following {
            caught_up: true,
            lag: Lag {
                batches: 3,
                seconds: 12.0,
            },
        }),
        submitted: "2026-11-26T10:00:00.000Z".to_owned(),
        started: Some("2026-11-26T10:00:01.000Z".to_owned()),
        ended: (!state.is_under_way()).then(|| "2026-11-26T10:00:05.500Z".to_owned()),
        attempts: 2,
        progress: Standing {
            done: 3,
            total: 4,
            message: hostile(),
        },
        trained: 2,
        failed: 1,
        skipped: 1,
        failure: (state == RunState::Failed).then(hostile),
        failure_kind: None,
        ballista_jobs: vec![BallistaJob {
            id: "ab/12".to_owned(),
            name: hostile(),
            state: "running".to_owned(),
        }],
    }
}

/// A line of a model of a batch.
pub(crate) fn model_line(batch: u64, status: Outcome) -> ModelReport {
    let trained = status == Outcome::Trained;
    ModelReport {
        model: "location".to_owned(),
        scope: ReportScope::Batch,
        batch: Some(batch),
        window: None,
        status,
        reason: (status == Outcome::Failed).then(|| format!("feature {HOSTILE} is infinite")),
        rows: 1_000,
        iterations: trained.then_some(7),
        training_cost: trained.then_some(12.5),
        sizes: if trained { vec![600, 400] } else { Vec::new() },
        path: trained.then(|| format!("location/batch_{batch:08}")),
        promotion: None,
    }
}

/// The page of a run with two models of batches and the passes of one over all.
pub(crate) fn run_page(state: RunState) -> RunPage {
    let lines = [
        model_line(1, Outcome::Trained),
        model_line(2, Outcome::Failed),
    ];
    let square = |line: &ModelReport, from: u64| {
        let mut counts = Counts::default();
        *counts.of_mut(Mark::from(line.status)) += 1;
        Square {
            model: line.model.clone(),
            first: line.data(),
            last: None,
            from,
            counts,
            path: line.path.clone(),
        }
    };
    let rows = lines.iter().map(|line| ModelRow {
        line: line.clone(),
        mark: Mark::from(line.status),
        at: "2026-11-26T10:00:02.000Z".to_owned(),
    });
    RunPage {
        run: run(state),
        took: Some(4_500),
        has_executor: true,
        course: Course {
            counts: Counts {
                failed: 1,
                trained: 1,
                ..Counts::default()
            },
            squares: vec![square(&lines[0], 0), square(&lines[1], 1)],
            table: ModelTable {
                rows: rows.collect(),
                size: 50,
                total: 2,
                ..ModelTable::default()
            },
            passes: vec![PassSeries {
                costs: vec![(1, 30.0), (2, 20.0)],
                last: PassReport {
                    model: "whole".to_owned(),
                    pass: 3,
                    step: "lloyd".to_owned(),
                    cost: Some(20.0),
                    moved: Some(0.25),
                },
            }],
            left_out: 0,
        },
        log: format!("the run begins job={HOSTILE}\n"),
        job_file: format!("name = {HOSTILE:?}\n"),
        understood: HOSTILE.to_owned(),
    }
}
