//! Makes the record of a Ballista job from Ballista's graph of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::serde::protobuf::task_status::Status as TaskStatus;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, TaskInfo};
use datafusion::physical_plan::metrics::MetricsSet;
use gugus_engine::session_config;
use gugus_look::shortened;
use gugus_pages::job::{Job, JobState, Row, Stage, StageState, Task, TaskState};

use super::ledger::Handed;
use super::operators::{leaves, operators, rows_read};
use super::roster::Roster;
use super::secrets::without_secrets;

/// The most characters of a job's failure: a page shows it whole.
const FAILURE: usize = 64 * 1024;

/// The most characters of a task's failure.
const TASK_FAILURE: usize = 2_000;

/// The most tasks of a record. Those that failed or were lost are kept first, then the longest.
const TASKS: usize = 1_000;

/// What Ballista's own text says of a job that was cancelled.
const CANCELLED: &str = "Cancelled";

/// The row of a job, without what its tasks tell.
pub(super) fn row(graph: &dyn ExecutionGraph) -> Row {
    let (state, queued, failure) = state(graph.status().status.as_ref());
    Row {
        state,
        started: graph.start_time(),
        ended: if state.is_final() {
            graph.end_time()
        } else {
            0
        },
        stages_total: graph.stage_count() as u64,
        stages_done: graph.completed_stages() as u64,
        failure,
        ..Row::queued(graph.job_id().to_string(), graph.job_name(), queued)
    }
}

/// What a status says: the state, when the job came, and why it failed.
pub(super) fn state(status: Option<&Status>) -> (JobState, u64, Option<String>) {
    match status {
        None => (JobState::Queued, 0, None),
        Some(Status::Queued(queued)) => (JobState::Queued, queued.queued_at, None),
        Some(Status::Running(running)) => (JobState::Running, running.queued_at, None),
        Some(Status::Successful(done)) => (JobState::Successful, done.queued_at, None),
        Some(Status::Failed(failed)) if failed.error == CANCELLED => {
            (JobState::Cancelled, failed.queued_at, None)
        }
        Some(Status::Failed(failed)) => {
            let why = shortened(&failed.error, FAILURE);
            (JobState::Failed, failed.queued_at, Some(why))
        }
    }
}

/// The whole record of a job, of which these tasks were handed out.
pub(super) fn record(graph: &dyn ExecutionGraph, handed: &[Handed], roster: &Roster) -> Job {
    let mut row = row(graph);
    let mut stages: Vec<Stage> = graph
        .stages()
        .iter()
        .map(|(id, known)| stage(*id, known, handed, &row))
        .collect();
    stages.sort_by_key(|stage| stage.id);
    let tasks = || stages.iter().flat_map(|stage| &stage.tasks);
    row.tasks = tasks().count() as u64;
    let gone = |task: &&Task| matches!(task.state, TaskState::Failed | TaskState::Lost);
    row.tasks_lost = tasks().filter(gone).count() as u64;
    let executors: BTreeSet<&String> = tasks().map(|task| &task.executor).collect();
    let addresses = executors.iter().filter_map(|id| {
        let known = roster.find(id)?;
        Some(((*id).clone(), known.address))
    });
    let addresses: BTreeMap<String, String> = addresses.collect();
    row.executors = executors
        .into_iter()
        .filter(|id| !id.is_empty())
        .cloned()
        .collect();
    for stage in &mut stages {
        keep_few(stage);
    }
    Job {
        settings: settings(graph),
        row,
        stages,
        addresses,
    }
}

/// The settings that are not the cluster's own.
fn settings(graph: &dyn ExecutionGraph) -> BTreeMap<String, String> {
    static OURS: LazyLock<HashMap<String, String>> = LazyLock::new(|| session_config().to_props());
    let all = graph.session_config().to_props();
    let other = all
        .into_iter()
        .filter(|(name, value)| OURS.get(name) != Some(value));
    without_secrets(other.collect())
}

fn stage(id: usize, known: &ExecutionStage, handed: &[Handed], row: &Row) -> Stage {
    let (state, attempt, groups, waiting, metrics, failure) = match known {
        ExecutionStage::UnResolved(stage) => (
            StageState::Waiting,
            stage.stage_attempt_num,
            0,
            0,
            None,
            None,
        ),
        ExecutionStage::Resolved(stage) => (
            StageState::Waiting,
            stage.stage_attempt_num,
            stage.partitions,
            stage.partitions,
            None,
            None,
        ),
        ExecutionStage::Running(stage) => (
            StageState::Running,
            stage.stage_attempt_num,
            stage.partitions,
            stage.available_tasks(),
            stage.stage_metrics.as_deref(),
            None,
        ),
        ExecutionStage::Successful(stage) => (
            StageState::Done,
            stage.stage_attempt_num,
            stage.partitions,
            0,
            Some(stage.stage_metrics.as_slice()),
            None,
        ),
        ExecutionStage::Failed(stage) => (
            StageState::Failed,
            stage.stage_attempt_num,
            stage.partitions,
            0,
            stage.stage_metrics.as_deref(),
            Some(shortened(&stage.error_message, FAILURE)),
        ),
    };
    let metrics = metrics.unwrap_or_default();
    let feeds = known.output_links().iter().map(|to| *to as u64);
    Stage {
        id: id as u64,
        state,
        attempt: attempt as u64,
        feeds: feeds.collect(),
        groups: groups as u64,
        waiting: waiting as u64,
        failure,
        plan: operators(known.plan(), metrics),
        tasks: tasks(id, known, metrics, handed, row),
        left_out: 0,
    }
}

/// The tasks of a stage: those that its graph has, and those that it forgot when the stage was begun again.
fn tasks(
    stage: usize,
    known: &ExecutionStage,
    metrics: &[MetricsSet],
    handed: &[Handed],
    row: &Row,
) -> Vec<Task> {
    let leaves = leaves(known.plan());
    let infos = known.task_infos().unwrap_or_default();
    let handed: Vec<&Handed> = handed
        .iter()
        .filter(|handed| handed.stage == stage)
        .collect();
    // A stage that was begun again counts its tasks anew, so the last with a number is the one that the graph has.
    let last: HashMap<usize, usize> = handed
        .iter()
        .enumerate()
        .map(|(at, handed)| (handed.task, at))
        .collect();
    let mut given: HashSet<usize> = HashSet::new();
    let mut tasks = Vec::new();
    let mut in_graph = vec![false; infos.len()];
    for (at, handed_out) in handed.iter().enumerate() {
        let again = handed_out.groups.iter().any(|group| given.contains(group));
        given.extend(&handed_out.groups);
        let info = infos
            .get(handed_out.task)
            .filter(|_| last.get(&handed_out.task) == Some(&at));
        let task = match info {
            Some(info) => {
                if let Some(found) = in_graph.get_mut(handed_out.task) {
                    *found = true;
                }
                of_graph(info, &handed_out.executor, again, metrics, &leaves)
            }
            None => forgotten(handed_out, again),
        };
        tasks.push((task, &handed_out.groups));
    }
    for (info, _) in infos.iter().zip(in_graph).filter(|(_, found)| !*found) {
        let groups = &info.global_input_partition_ids;
        let again = groups.iter().any(|group| given.contains(group));
        tasks.push((of_graph(info, "", again, metrics, &leaves), groups));
    }
    // Nobody tells when a lost task ended: at the latest when its groups were handed out again.
    let retries: Vec<(u64, &Vec<usize>)> = tasks
        .iter()
        .map(|(task, groups)| (task.handed, *groups))
        .collect();
    let mut all: Vec<Task> = Vec::with_capacity(tasks.len());
    for (mut task, groups) in tasks {
        if task.ended == 0 && task.state != TaskState::Running {
            let again = retries.iter().filter(|(handed, others)| {
                *handed > task.handed && others.iter().any(|group| groups.contains(group))
            });
            task.ended = again.map(|(handed, _)| *handed).min().unwrap_or(row.ended);
        }
        all.push(task);
    }
    all
}

/// A task as its stage's graph has it. Spans are by the executor's clock, moments by ours.
fn of_graph(
    info: &TaskInfo,
    executor: &str,
    again: bool,
    metrics: &[MetricsSet],
    leaves: &[usize],
) -> Task {
    let moment = |of: u128| u64::try_from(of).unwrap_or(0);
    let handed = moment(info.scheduled_time);
    let ended = moment(info.finish_time);
    let ran = moment(info.end_exec_time).saturating_sub(moment(info.start_exec_time));
    let mut task = Task {
        id: info.task_id as u64,
        executor: executor.to_owned(),
        state: TaskState::Running,
        again,
        handed,
        started: if ended > 0 {
            ended.saturating_sub(ran).max(handed)
        } else {
            handed
        },
        ended,
        groups: info.global_input_partition_ids.len() as u64,
        read: None,
        rows: 0,
        bytes: 0,
        failure: None,
    };
    match &info.task_status {
        TaskStatus::Running(running) => running.executor_id.clone_into(&mut task.executor),
        TaskStatus::Successful(done) => {
            done.executor_id.clone_into(&mut task.executor);
            task.state = TaskState::Done;
            task.read = rows_read(metrics, leaves, &info.global_input_partition_ids);
            task.rows = done.partitions.iter().map(|part| part.num_rows).sum();
            task.bytes = done.partitions.iter().map(|part| part.num_bytes).sum();
        }
        TaskStatus::Failed(failed) => {
            task.state = match failed.failed_reason {
                Some(FailedReason::ResultLost(_) | FailedReason::ExecutorLost(_)) => {
                    TaskState::Lost
                }
                Some(FailedReason::TaskKilled(_)) => TaskState::Cancelled,
                _ => TaskState::Failed,
            };
            task.failure = Some(match task.state {
                TaskState::Lost => "its executor was lost".to_owned(),
                _ => shortened(&failed.error, TASK_FAILURE),
            });
        }
    }
    task
}

/// A task that Ballista forgot, because it began the task's stage again.
fn forgotten(handed: &Handed, again: bool) -> Task {
    Task {
        id: handed.task as u64,
        executor: handed.executor.clone(),
        state: TaskState::Lost,
        again,
        handed: handed.at,
        started: handed.at,
        ended: 0,
        groups: handed.groups.len() as u64,
        read: None,
        rows: 0,
        bytes: 0,
        failure: Some(
            "its stage was begun again, because results that the stage reads were lost".to_owned(),
        ),
    }
}

/// Keeps a bounded number of tasks: what went wrong, and the longest.
fn keep_few(stage: &mut Stage) {
    if stage.tasks.len() <= TASKS {
        return;
    }
    stage.left_out = (stage.tasks.len() - TASKS) as u64;
    let well =
        |task: &Task| matches!(task.state, TaskState::Done | TaskState::Running) && !task.again;
    stage
        .tasks
        .sort_by_key(|task| (well(task), std::cmp::Reverse(task.ran(0))));
    stage.tasks.truncate(TASKS);
    stage.tasks.sort_by_key(|task| (task.handed, task.id));
}
