//! Snapshots for the tests of pages.

use std::collections::BTreeMap;

use crate::job::{Figure, Job, JobState, Operator, Row, Stage, StageState, Task, TaskState};

/// A moment in 2026, in milliseconds since 1970.
pub(crate) const NOW: u64 = 1_795_705_200_000;

/// What others may choose as a name.
pub(crate) const HOSTILE: &str = "\"><script>alert('x')</script><img src=x onerror=y>";

pub(crate) fn assert_harmless(page: &str) {
    assert!(
        !page.contains("<script>") && !page.contains("<img src=x"),
        "{page}"
    );
    assert!(page.contains("&lt;script&gt;"), "{page}");
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
