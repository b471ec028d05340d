//! Handing out the tasks of one stage.

use std::sync::Arc;

use ballista_core::JobId;
use ballista_core::config::BallistaConfig;
use ballista_core::execution_plans::{RangeShuffleReaderExec, ShuffleReaderExec};
use ballista_core::serde::protobuf::AvailableVcores;
use ballista_core::serde::scheduler::TaskKey;
use ballista_scheduler::cluster::BoundTask;
use ballista_scheduler::state::execution_graph::{TaskDescription, create_task_info};
use ballista_scheduler::state::execution_stage::RunningStage;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use gugus_features::AllPassExec;

use super::ledger::{Handed, Ledger};
use super::tried_executors::{Part, TriedExecutors};
use crate::clock;

/// An executor and the number of its slots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Host {
    pub(super) id: String,
    pub(super) slots: u32,
}

/// One stage that is handed out.
pub(super) struct Binding<'a> {
    pub(super) job: &'a JobId,
    pub(super) session: &'a str,
    pub(super) stage: &'a mut RunningStage,
    pub(super) bound: &'a mut Vec<BoundTask>,
    pub(super) tried: &'a mut TriedExecutors,
    pub(super) ledger: &'a Ledger,
}

impl Binding<'_> {
    /// Whether decoded rows of this stage stay on its executors, so that a later pass wants them there.
    pub(super) fn keeps_rows(&self) -> bool {
        fn below(plan: &Arc<dyn ExecutionPlan>) -> bool {
            plan.name() == AllPassExec::NAME || plan.children().into_iter().any(below)
        }
        below(&self.stage.plan)
    }

    /// Hands out groups that came back, each to an executor that has not had it. Where all have, any executor will do: such
    /// groups are pending again. Gives the groups that wait for an executor that is busy.
    pub(super) fn elsewhere(
        &mut self,
        budgets: &mut [AvailableVcores],
        hosts: &[Host],
    ) -> Vec<usize> {
        let groups = self.stage.pending.next_slice(usize::MAX);
        let came_back = |group: &usize| self.tried.anyone(self.part(*group));
        let (back, mut left): (Vec<usize>, Vec<usize>) = groups.into_iter().partition(came_back);
        let mut units: Vec<Vec<usize>> = back.into_iter().map(|group| vec![group]).collect();
        // One task has all groups of such a stage.
        if !units.is_empty() && collapses(&self.stage.plan) {
            left.splice(0..0, units.drain(..).flatten());
            units.push(std::mem::take(&mut left));
        }
        let mut waiting = Vec::new();
        for unit in units {
            let parts: Vec<Part> = unit.iter().map(|group| self.part(*group)).collect();
            let is_new = |id: &str| !parts.iter().any(|part| self.tried.by(*part, id));
            let free = budgets
                .iter()
                .position(|budget| budget.vcores > 0 && is_new(&budget.executor_id));
            match free.and_then(|place| budgets.get_mut(place)) {
                Some(budget) => self.bind(unit, 1, budget),
                None if hosts.iter().any(|host| is_new(&host.id)) => waiting.extend(unit),
                None => left.extend(unit),
            }
        }
        self.stage.pending.reschedule(left);
        waiting
    }

    /// Keeps groups for the next time.
    pub(super) fn hold_back(&mut self, waiting: Vec<usize>) {
        self.tried.held_back += waiting.len();
        self.stage.pending.reschedule(waiting);
    }

    fn part(&self, group: usize) -> Part {
        (self.stage.stage_id, self.stage.stage_attempt_num, group)
    }

    /// A task for each group: at its home if that is free, else wherever most is free.
    pub(super) fn at_home(&mut self, budgets: &mut [AvailableVcores], hosts: &[Host]) {
        let total = self.stage.partitions;
        let mut others = Vec::new();
        for group in self.stage.pending.next_slice(usize::MAX) {
            let home = home(group, total, hosts);
            let budget = budgets
                .iter_mut()
                .find(|budget| budget.vcores > 0 && Some(budget.executor_id.as_str()) == home);
            match budget {
                Some(budget) => self.bind(vec![group], 1, budget),
                None => others.push(group),
            }
        }
        let mut others = others.into_iter();
        while let Some(budget) = freest(budgets) {
            match others.next() {
                Some(group) => self.bind(vec![group], 1, budget),
                None => break,
            }
        }
        self.stage.pending.reschedule(others);
    }

    /// As Ballista's "bias": a task takes as many groups as its executor has free slots, unless the stage brings
    /// everything together, which only one task can do.
    pub(super) fn anywhere(&mut self, budgets: &mut [AvailableVcores]) {
        let collapses = collapses(&self.stage.plan);
        let options = self.stage.session_config.options();
        let most = match options.extensions.get::<BallistaConfig>() {
            Some(settings) if settings.max_partitions_per_task() > 0 => {
                settings.max_partitions_per_task()
            }
            _ => usize::MAX,
        };
        while let Some(budget) = freest(budgets) {
            let free = usize::try_from(budget.vcores).unwrap_or(usize::MAX);
            let wanted = if collapses {
                usize::MAX
            } else {
                free.min(most)
            };
            let groups = self.stage.pending.next_slice(wanted);
            if groups.is_empty() {
                return;
            }
            let slots = match collapses {
                true => 1,
                false => u32::try_from(groups.len()).unwrap_or(u32::MAX),
            };
            self.bind(groups, slots, budget);
        }
    }

    /// Makes a task of `groups` that takes `slots` of an executor's.
    fn bind(&mut self, groups: Vec<usize>, slots: u32, budget: &mut AvailableVcores) {
        for group in &groups {
            self.tried.note(self.part(*group), &budget.executor_id);
        }
        let stage = &mut *self.stage;
        // A task's number is its place in the list, which only grows.
        let task_id = stage.task_infos.len();
        let failures = groups
            .iter()
            .filter_map(|group| stage.task_failure_numbers.get(*group));
        let task_attempt = failures.max().copied().unwrap_or(0);
        let mut info = create_task_info(budget.executor_id.clone(), task_id);
        info.global_input_partition_ids.clone_from(&groups);
        info.vcores_consumed = slots;
        stage.task_infos.push(info);
        let handed = Handed {
            stage: stage.stage_id,
            task: task_id,
            executor: budget.executor_id.clone(),
            groups: groups.clone(),
            at: clock::now(),
        };
        self.ledger.note(self.job, handed);
        budget.vcores = budget.vcores.saturating_sub(slots);
        let task = TaskDescription {
            session_id: self.session.to_owned(),
            key: TaskKey {
                job_id: self.job.clone(),
                stage_id: stage.stage_id,
                task_id,
            },
            stage_attempt_num: stage.stage_attempt_num,
            task_attempt,
            global_input_partition_ids: groups,
            vcores_consumed: slots,
            plan: Arc::clone(&stage.plan),
            session_config: Arc::clone(&stage.session_config),
        };
        self.bound.push((budget.executor_id.clone(), task));
    }
}

/// The executor with the most free slots, if any has one.
fn freest(budgets: &mut [AvailableVcores]) -> Option<&mut AvailableVcores> {
    // The first of several, so that an executor is filled before the next: of equals, `max_by_key` gives the last.
    let free = budgets.iter_mut().rev().filter(|budget| budget.vcores > 0);
    free.max_by_key(|budget| budget.vcores)
}

/// Where a group of `total` belongs.
fn home(group: usize, total: usize, hosts: &[Host]) -> Option<&str> {
    let slots: u64 = hosts.iter().map(|host| u64::from(host.slots)).sum();
    let mut slot = u128::from(slots) * group as u128 / (total.max(1) as u128);
    for host in hosts {
        match slot.checked_sub(u128::from(host.slots)) {
            Some(left) => slot = left,
            None => return Some(&host.id),
        }
    }
    None
}

/// Whether a stage brings all of its input together somewhere: a task that had only a part of it would give a part of the
/// result. What a stage reads from others comes together there already.
fn collapses(plan: &Arc<dyn ExecutionPlan>) -> bool {
    fn below(node: &Arc<dyn ExecutionPlan>) -> bool {
        if node.is::<ShuffleReaderExec>() || node.is::<RangeShuffleReaderExec>() {
            return false;
        }
        if node.output_partitioning().partition_count() == 1 {
            return true;
        }
        matches!(node.children().as_slice(), [child] if below(child))
    }
    matches!(plan.children().as_slice(), [child] if below(child))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::collections::HashMap;

    use datafusion::arrow::datatypes::Schema;
    use datafusion::physical_plan::empty::EmptyExec;
    use datafusion::prelude::SessionConfig;

    use super::*;

    fn hosts(slots: &[u32]) -> Vec<Host> {
        let host = |(number, slots): (usize, &u32)| Host {
            id: format!("e{number}"),
            slots: *slots,
        };
        slots.iter().enumerate().map(host).collect()
    }

    fn homes(total: usize, slots: &[u32]) -> Vec<String> {
        let hosts = hosts(slots);
        (0..total)
            .map(|group| home(group, total, &hosts).unwrap().to_owned())
            .collect()
    }

    #[test]
    fn every_executor_is_home_to_as_much_as_it_has_slots_for() {
        assert_eq!(homes(4, &[2, 2]), ["e0", "e0", "e1", "e1"]);
        assert_eq!(homes(4, &[3, 1]), ["e0", "e0", "e0", "e1"]);
        assert_eq!(homes(2, &[2, 2]), ["e0", "e1"]);
        assert_eq!(homes(7, &[1]), ["e0"; 7]);
        for total in [1, 7, 64] {
            let all = homes(total, &[2, 4, 1]);
            assert!(all.is_sorted() && all.len() == total, "{all:?}");
        }
        assert_eq!(home(0, 3, &[]), None);
    }

    #[test]
    fn the_freest_executor_is_the_first_of_those_with_the_most() {
        let offer = |id: &str, vcores| AvailableVcores {
            executor_id: id.to_owned(),
            vcores,
        };
        let mut budgets = [offer("a", 0), offer("b", 2), offer("c", 2)];
        let found = freest(&mut budgets).unwrap();
        assert_eq!(found.executor_id, "b");
        found.vcores = 0;
        assert_eq!(freest(&mut budgets).unwrap().executor_id, "c");
        budgets[2].vcores = 0;
        assert!(freest(&mut budgets).is_none());
    }

    #[test]
    fn a_group_that_comes_back_goes_elsewhere_and_waits_for_that() {
        let plan = Arc::new(EmptyExec::new(Arc::new(Schema::empty())));
        let (config, hosts) = (Arc::new(SessionConfig::new()), hosts(&[1, 1]));
        let mut stage = RunningStage::new(1, 0, plan, 2, Vec::new(), HashMap::new(), config);
        let (job, mut tried) = (JobId::from("job"), TriedExecutors::default());
        let ledger = Ledger::default();
        let mut give = |free: [u32; 2], failed: Option<usize>| {
            if let Some(task) = failed {
                stage.reset_task_info(task);
            }
            let offer = |(host, vcores): (&Host, u32)| AvailableVcores {
                executor_id: host.id.clone(),
                vcores,
            };
            let mut budgets: Vec<_> = hosts.iter().zip(free).map(offer).collect();
            let (mut bound, before) = (Vec::new(), tried.held_back);
            let mut binding = Binding {
                job: &job,
                session: "session",
                stage: &mut stage,
                bound: &mut bound,
                tried: &mut tried,
                ledger: &ledger,
            };
            let waiting = binding.elsewhere(&mut budgets, &hosts);
            binding.anywhere(&mut budgets);
            binding.hold_back(waiting);
            let given = bound.into_iter();
            let given = given.map(|(id, task)| (id, task.global_input_partition_ids));
            (given.collect::<Vec<_>>(), tried.held_back - before)
        };
        let to = |id: &str, group: usize| vec![(id.to_owned(), vec![group])];
        assert_eq!(give([1, 0], None), (to("e0", 0), 0));
        // It failed on e0, and e1 is busy: the other group is handed out.
        assert_eq!(give([1, 0], Some(0)), (to("e0", 1), 1));
        assert_eq!(give([1, 1], None), (to("e1", 0), 0));
        // Both had it: either will do.
        assert_eq!(give([1, 0], Some(2)), (to("e0", 0), 0));
        let handed = ledger.of(&job);
        let executors: Vec<&str> = handed.iter().map(|task| task.executor.as_str()).collect();
        assert_eq!(executors, ["e0", "e0", "e1", "e0"]);
        ledger.forget(&job);
        assert!(ledger.of(&job).is_empty());
    }
}
