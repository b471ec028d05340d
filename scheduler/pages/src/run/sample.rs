//! A run for tests.

use gugus_progress::{ModelReport, Outcome, PassReport, Standing};

use super::course::{Course, ModelRow, ModelTable, PassSeries, Square};
use super::mark::{Counts, Mark};
use super::page::RunPage;
use super::record::{BallistaJob, Run};
use super::state::RunState;

/// A name that would be markup, were it not text.
pub(crate) const HOSTILE: &str = "\"><script>alert('x')</script>";

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
        submitted: "2026-11-26T10:00:00.000Z".to_owned(),
        started: Some("2026-11-26T10:00:01.000Z".to_owned()),
        ended: state
            .is_final()
            .then(|| "2026-11-26T10:00:05.500Z".to_owned()),
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
pub(crate) fn line(batch: u64, status: Outcome) -> ModelReport {
    let trained = status == Outcome::Trained;
    ModelReport {
        model: "location".to_owned(),
        scope: "batch".to_owned(),
        batch: Some(batch),
        window: None,
        status,
        reason: (status == Outcome::Failed).then(|| format!("feature {HOSTILE} is infinite")),
        rows: 1_000,
        iterations: trained.then_some(7),
        training_cost: trained.then_some(12.5),
        sizes: if trained { vec![600, 400] } else { Vec::new() },
        path: trained.then(|| format!("location/batch_{batch:08}")),
    }
}

/// The page of a run with two models of batches and the passes of one over all.
pub(crate) fn page(state: RunState) -> RunPage {
    let lines = [line(1, Outcome::Trained), line(2, Outcome::Failed)];
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
