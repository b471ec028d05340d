//! The stages of a job as a graph: each stands to the right of all that it reads from.

use std::collections::BTreeMap;

use gugus_look::{drawing, quantity};
use maud::{Markup, html};

use super::record::{Stage, StageState, TaskState};

/// The most stages that are drawn; the table has all of them.
const DRAWN: usize = 60;

const WIDTH: usize = 170;
const HEIGHT: usize = 58;
const ACROSS: usize = 220;
const DOWN: usize = 74;

/// The column of each stage: one more than the largest of those that it reads from.
fn columns(stages: &[Stage]) -> BTreeMap<u64, usize> {
    let mut columns: BTreeMap<u64, usize> = stages.iter().map(|stage| (stage.id, 0)).collect();
    // In a graph without circles, no way is longer than the number of stages.
    for _ in 0..stages.len() {
        let mut moved = false;
        for stage in stages {
            let here = columns.get(&stage.id).copied().unwrap_or(0);
            for reader in &stage.feeds {
                if let Some(there) = columns.get_mut(reader)
                    && *there <= here
                    && here + 1 < stages.len()
                {
                    *there = here + 1;
                    moved = true;
                }
            }
        }
        if !moved {
            break;
        }
    }
    columns
}

pub(super) fn graph(stages: &[Stage]) -> Markup {
    let stages = stages.get(..DRAWN).unwrap_or(stages);
    let columns = columns(stages);
    let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
    let mut places: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    for (id, column) in &columns {
        let row = rows.entry(*column).or_default();
        places.insert(*id, (4 + column * ACROSS, 4 + *row * DOWN));
        *row += 1;
    }
    let width = 8 + WIDTH + columns.values().max().unwrap_or(&0) * ACROSS;
    let height = 8 + HEIGHT + (rows.values().max().unwrap_or(&1).saturating_sub(1)) * DOWN;
    let graph = html! {
        svg.fixed role="img" aria-label="Stages, from those that read files to the last one" width=(width) height=(height) viewBox=(format!("0 0 {width} {height}")) {
            @for stage in stages { @for reader in &stage.feeds {
                @if let (Some((x, y)), Some((to, down))) = (places.get(&stage.id), places.get(reader)) {
                    path.link d=(link((x + WIDTH, y + HEIGHT / 2), (*to, down + HEIGHT / 2))) {}
                }
            } }
            @for stage in stages { @if let Some((x, y)) = places.get(&stage.id) {
                g class={ "stage " (stage.state.word()) } {
                    rect x=(x) y=(y) width=(WIDTH) height=(HEIGHT) rx="6" {}
                    text.name x=(x + 10) y=(y + 18) { (stage.state.tone().sign()) " Stage " (stage.id) }
                    text x=(x + 10) y=(y + 34) { (first(stage)) }
                    text x=(x + 10) y=(y + 50) { (progress(stage)) }
                }
            } }
        }
    };
    drawing("Graph of stages", &graph)
}

/// A curve from one place to another, level at both ends.
fn link((x, y): (usize, usize), (to, down): (usize, usize)) -> String {
    let (first, second) = (x + 25, to.saturating_sub(25));
    format!("M{x} {y}C{first} {y} {second} {down} {to} {down}")
}

/// What a stage mainly does: the operator below those that only write or gather.
fn first(stage: &Stage) -> String {
    let names = stage
        .plan
        .iter()
        .filter_map(|operator| operator.text.split([':', ' ']).next());
    let mut telling =
        names.filter(|name| !name.contains("Shuffle") && !name.starts_with("Coalesce"));
    gugus_look::shortened(telling.next().unwrap_or(""), 22)
}

/// How far it is, in words.
pub(super) fn progress(stage: &Stage) -> String {
    let count = |state| {
        stage
            .tasks
            .iter()
            .filter(|task| task.state == state)
            .count() as u64
    };
    let done = quantity(count(TaskState::Done), "task", "tasks");
    match stage.state {
        StageState::Waiting => "waits for others".to_owned(),
        StageState::Running => format!("{done} done, {} running", count(TaskState::Running)),
        StageState::Done | StageState::Failed => format!("{done} done"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_stage_stands_right_of_all_that_it_reads_from() {
        let mut stages = [1, 2, 3, 4].map(|id| samples::stage(id, 1));
        for (stage, feeds) in stages
            .iter_mut()
            .zip([vec![2, 4], vec![3], vec![4], vec![]])
        {
            stage.feeds = feeds;
        }
        let found: Vec<usize> = columns(&stages).into_values().collect();
        assert_eq!(found, [0, 1, 2, 3]);
        let text = graph(&stages).into_string();
        assert_eq!(text.matches("class=\"link\"").count(), 4, "{text}");
    }

    #[test]
    fn a_circle_ends_too() {
        let mut stages = [1, 2].map(|id| samples::stage(id, 1));
        stages[0].feeds = vec![2];
        stages[1].feeds = vec![1];
        assert!(columns(&stages).into_values().all(|column| column < 2));
    }
}
