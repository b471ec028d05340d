//! What a Ballista job looks like at one moment: which slots it takes, what it still has to hand out, and a figure that changes
//! when it moves.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use ballista_core::serde::protobuf::RunningTask;
use ballista_core::serde::protobuf::task_status::Status;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::ExecutionStage;

/// A running Ballista job at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct JobSnapshot {
    /// The slots that its running tasks take, by executor.
    pub(super) taken: HashMap<String, u32>,
    /// How many of its tasks run.
    pub(super) running: usize,
    /// How many groups of files or rows wait for a task.
    pub(super) pending: usize,
    /// How many of them wait for an executor that has not had them.
    pub(super) held_back: usize,
    /// Differs from one moment to the next if a stage began, ended or was rolled back, or a task began or ended.
    pub(super) movement: u64,
    /// Each stage in a few words, for the log.
    pub(super) stages: Vec<String>,
}

impl JobSnapshot {
    pub(super) fn of(graph: &dyn ExecutionGraph) -> Self {
        let mut snapshot = Self::default();
        let mut movement = DefaultHasher::new();
        let mut stages: Vec<_> = graph.stages().iter().collect();
        stages.sort_unstable_by_key(|(id, _)| **id);
        for (id, stage) in stages {
            let mut waiting = 0;
            let mut running = 0;
            match stage {
                ExecutionStage::Running(stage) => {
                    waiting = stage.available_tasks();
                    stage.stage_attempt_num.hash(&mut movement);
                    for task in &stage.task_infos {
                        std::mem::discriminant(&task.task_status).hash(&mut movement);
                        if let Status::Running(RunningTask { executor_id }) = &task.task_status {
                            running += 1;
                            *snapshot.taken.entry(executor_id.clone()).or_default() +=
                                task.vcores_consumed;
                        }
                    }
                }
                ExecutionStage::Resolved(stage) => waiting = stage.partitions,
                _ => {}
            }
            (id, stage.variant_name(), waiting).hash(&mut movement);
            snapshot.running += running;
            snapshot.pending += waiting;
            let state = stage.variant_name().to_lowercase();
            snapshot.stages.push(format!(
                "stage {id} {state}, {running} tasks run, {waiting} groups wait"
            ));
        }
        snapshot.movement = movement.finish();
        snapshot
    }
}
