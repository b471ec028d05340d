//! How the times of a stage's tasks are spread, and which task is far from the others.

use gugus_look::count;

use super::record::{Job, Stage, Task, TaskState};
use crate::moment::span;

/// A stage has no usual time before so many of its tasks are done.
const ENOUGH: usize = 3;

/// A task that is far from the others took at least so many times the median.
const FAR: u64 = 2;

/// It also took at least so many milliseconds more than the median, because small differences are noise.
const FAR_MS: u64 = 100;

/// Four places in a sorted list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spread {
    pub(super) least: u64,
    pub(super) median: u64,
    pub(super) p95: u64,
    pub(super) most: u64,
}

impl Spread {
    pub(super) fn of(mut values: Vec<u64>) -> Option<Self> {
        values.sort_unstable();
        let at =
            |percent: usize| values.get((values.len().saturating_sub(1) * percent).div_ceil(100));
        Some(Self {
            least: *values.first()?,
            median: *at(50)?,
            p95: *at(95)?,
            most: *values.last()?,
        })
    }
}

/// From being handed out to the end, for each task that is done.
fn time(task: &Task) -> u64 {
    task.ended.saturating_sub(task.handed)
}

fn done(stage: &Stage) -> impl Iterator<Item = &Task> {
    let tasks = stage.tasks.iter();
    tasks.filter(|task| task.state == TaskState::Done)
}

/// How long the tasks of a stage took that are done.
pub(super) fn times(stage: &Stage) -> Option<Spread> {
    Spread::of(done(stage).map(time).collect())
}

/// Which task is far from the others, and why it may be.
pub(super) fn outlier(job: &Job, stage: &Stage) -> Option<String> {
    let tasks: Vec<&Task> = done(stage).collect();
    let spread = times(stage)?;
    let slowest = tasks.iter().copied().max_by_key(|task| time(task))?;
    let took = time(slowest);
    if tasks.len() < ENOUGH || took < FAR * spread.median || took < spread.median + FAR_MS {
        return None;
    }
    let reasons = reasons(job, &tasks, slowest, spread.median);
    let why = match reasons.as_slice() {
        [] => "Its rows, its executor and its waiting do not explain that".to_owned(),
        reasons => reasons.join(". "),
    };
    Some(format!(
        "Stage {}: task {} took {}, where the median is {}. {why}.",
        stage.id,
        slowest.id,
        span(took),
        span(spread.median),
    ))
}

fn reasons(job: &Job, tasks: &[&Task], slowest: &Task, median: u64) -> Vec<String> {
    let mut reasons = Vec::new();
    let rows = |task: &Task| task.read.filter(|rows| *rows > 0).unwrap_or(task.rows);
    let usual = |of: &dyn Fn(&Task) -> u64| Spread::of(tasks.iter().map(|task| of(task)).collect());
    if let Some(usual) = usual(&rows)
        && is_far(rows(slowest), usual.median)
    {
        let (its, usual) = (count(rows(slowest)), count(usual.median));
        reasons.push(format!(
            "It had more rows: {its}, where the median is {usual}"
        ));
    } else if let Some(usual) = usual(&|task| task.groups)
        && is_far(slowest.groups, usual.median)
    {
        let (its, usual) = (count(slowest.groups), count(usual.median));
        reasons.push(format!(
            "It had more groups of files: {its}, where the median is {usual}"
        ));
    }
    let waited = slowest.started.saturating_sub(slowest.handed);
    if waited * 2 >= time(slowest).saturating_sub(median) && waited > 0 {
        reasons.push(format!("It waited {} before it began", span(waited)));
    }
    let on = |here: bool| {
        let same = tasks
            .iter()
            .filter(|task| task.id != slowest.id && (task.executor == slowest.executor) == here);
        Spread::of(same.map(|task| time(task)).collect())
    };
    if let (Some(here), Some(elsewhere)) = (on(true), on(false))
        && is_far(here.median, elsewhere.median)
    {
        reasons.push(format!(
            "Its executor {} was slow: its other tasks took {} at the median, and those elsewhere {}",
            job.address(&slowest.executor),
            span(here.median),
            span(elsewhere.median)
        ));
    }
    if slowest.again {
        reasons.push("It did again what another task had not finished".to_owned());
    }
    reasons
}

fn is_far(value: u64, median: u64) -> bool {
    value > 0 && value * 2 >= median * 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn places_in_a_list_are_those_of_its_order() {
        let spread = Spread::of((1..=100).rev().collect());
        let expected = Spread {
            least: 1,
            median: 51,
            p95: 96,
            most: 100,
        };
        assert_eq!(spread, Some(expected));
        assert_eq!(Spread::of(vec![7]).map(|spread| spread.p95), Some(7));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn a_task_far_from_the_others_is_named_with_its_reason() {
        let mut job = samples::job();
        let mut stage = samples::stage(1, 6);
        assert_eq!(outlier(&job, &stage), None);
        let slow = &mut stage.tasks[4];
        slow.ended += 5_000;
        let told = |job: &Job, stage: &Stage| outlier(job, stage).unwrap_or_default();
        assert!(
            told(&job, &stage).contains("do not explain"),
            "{}",
            told(&job, &stage)
        );
        stage.tasks[4].read = Some(90_000);
        let text = told(&job, &stage);
        assert!(
            text.starts_with("Stage 1: task 4 took 6.0 s, where the median is 1.0 s."),
            "{text}"
        );
        assert!(
            text.contains("It had more rows: 90,000, where the median is 1,000"),
            "{text}"
        );
        stage.tasks[4].read = Some(1_000);
        stage.tasks[4].started += 4_900;
        assert!(told(&job, &stage).contains("It waited 4.9 s before it began"));
        stage.tasks[4].started -= 4_900;
        // Every second task is on the same executor.
        for task in stage.tasks.iter_mut().step_by(2) {
            task.ended += 1_000;
        }
        job.addresses
            .insert("e0".to_owned(), "10.0.0.1:50060".to_owned());
        assert!(
            told(&job, &stage).contains("Its executor 10.0.0.1:50060 was slow"),
            "{}",
            told(&job, &stage)
        );
    }
}
