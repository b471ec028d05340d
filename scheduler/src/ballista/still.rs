//! Decides which Ballista jobs stand still, and which remedy each gets after how long.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ballista_core::JobId;

use super::job_snapshot::JobSnapshot;

/// After so long without movement, free slots are offered again. Handing out takes milliseconds.
const OFFER_AFTER: Duration = Duration::from_secs(2);

/// After so long without movement, the job is cancelled. Its driver submits it again. A scheduler that is busy with thousands
/// of events still moves every job within a second.
const CANCEL_AFTER: Duration = Duration::from_secs(6);

/// What a job that stands still needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Its groups are offered to the free slots again.
    Offer,
    /// It is cancelled, so that its driver submits it again.
    Cancel,
}

/// The jobs that did not move when they were last looked at.
#[derive(Debug, Default)]
pub(super) struct StandingStill {
    jobs: HashMap<JobId, Still>,
}

#[derive(Debug)]
struct Still {
    movement: u64,
    since: Instant,
    tried: Option<Remedy>,
}

impl StandingStill {
    /// Looks at all running jobs. Gives those that need a remedy, and for how long each has stood still.
    ///
    /// A job stands still if it could go on and does not move: groups wait while slots are free, or no task of the job runs
    /// and none waits. `slots` are those of the executors that take tasks.
    pub(super) fn look(
        &mut self,
        now: Instant,
        slots: &HashMap<String, u32>,
        jobs: &[(JobId, JobSnapshot)],
    ) -> Vec<(JobId, Remedy, Duration)> {
        let taken = |executor: &str| -> u32 {
            let of_job =
                |(_, snapshot): &(JobId, JobSnapshot)| snapshot.taken.get(executor).copied();
            jobs.iter().filter_map(of_job).sum()
        };
        let free = slots.iter().any(|(id, slots)| taken(id) < *slots);
        let mut before = std::mem::take(&mut self.jobs);
        let mut remedies = Vec::new();
        for (id, snapshot) in jobs {
            let works = snapshot
                .taken
                .keys()
                .any(|executor| slots.contains_key(executor));
            // Without executors, a job waits for one; Ballista limits that time.
            let could_go_on = match snapshot.pending.saturating_sub(snapshot.held_back) {
                0 if snapshot.held_back > 0 => false,
                0 => !works && !slots.is_empty(),
                _ => free,
            };
            if !could_go_on {
                continue;
            }
            let mut still = match before.remove(id) {
                Some(still) if still.movement == snapshot.movement => still,
                _ => Still {
                    movement: snapshot.movement,
                    since: now,
                    tried: None,
                },
            };
            let waited = now.duration_since(still.since);
            let remedy = match still.tried {
                None if waited >= OFFER_AFTER => Some(Remedy::Offer),
                Some(Remedy::Offer) if waited >= CANCEL_AFTER => Some(Remedy::Cancel),
                _ => None,
            };
            if let Some(remedy) = remedy {
                still.tried = Some(remedy);
                remedies.push((id.clone(), remedy, waited));
            }
            self.jobs.insert(id.clone(), still);
        }
        remedies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(
        name: &str,
        movement: u64,
        pending: usize,
        taken: &[(&str, u32)],
    ) -> (JobId, JobSnapshot) {
        let taken = taken.iter().map(|(id, slots)| ((*id).to_owned(), *slots));
        let snapshot = JobSnapshot {
            taken: taken.collect(),
            pending,
            movement,
            ..JobSnapshot::default()
        };
        (name.into(), snapshot)
    }

    /// The remedies in each of the first ten seconds, when nothing changes.
    fn remedies(
        slots: &[(&str, u32)],
        jobs: &[(JobId, JobSnapshot)],
    ) -> Vec<(u64, String, Remedy)> {
        let slots = slots.iter().map(|(id, slots)| ((*id).to_owned(), *slots));
        let slots = slots.collect();
        let (began, mut still) = (Instant::now(), StandingStill::default());
        let mut all = Vec::new();
        for second in 0..10 {
            let now = began + Duration::from_secs(second);
            for (id, remedy, waited) in still.look(now, &slots, jobs) {
                assert_eq!(waited, Duration::from_secs(second));
                all.push((second, id.to_string(), remedy));
            }
        }
        all
    }

    #[test]
    fn a_job_that_could_go_on_is_offered_slots_again_and_then_cancelled() {
        let both = |name: &str| {
            vec![
                (2, name.to_owned(), Remedy::Offer),
                (6, name.to_owned(), Remedy::Cancel),
            ]
        };
        let one = [("a", 1)];
        for (what, slots, job) in [
            (
                "groups wait beside a free slot",
                &one[..],
                job("j", 1, 4, &[]),
            ),
            (
                "a task runs, a slot is free",
                &[("a", 1), ("b", 1)],
                job("j", 1, 4, &[("b", 1)]),
            ),
            (
                "tasks run on a lost executor",
                &one,
                job("j", 1, 4, &[("gone", 1)]),
            ),
            ("nothing runs and nothing waits", &one, job("j", 1, 0, &[])),
            (
                "all that runs is lost",
                &one,
                job("j", 1, 0, &[("gone", 1)]),
            ),
        ] {
            assert_eq!(remedies(slots, &[job]), both("j"), "{what}");
        }
    }

    #[test]
    fn a_job_that_works_or_waits_for_its_turn_is_left_alone() {
        let one = [("a", 1)];
        for (what, slots, jobs) in [
            (
                "all is handed out",
                &one[..],
                vec![job("j", 1, 0, &[("a", 1)])],
            ),
            (
                "its own tasks take all slots",
                &one,
                vec![job("j", 1, 4, &[("a", 1)])],
            ),
            (
                "others take all slots",
                &one,
                vec![job("j", 1, 4, &[]), job("k", 1, 0, &[("a", 1)])],
            ),
            (
                "there is no executor",
                &[],
                vec![job("j", 1, 4, &[]), job("k", 1, 0, &[])],
            ),
        ] {
            assert_eq!(remedies(slots, &jobs), [], "{what}");
        }
    }

    #[test]
    fn a_job_that_moves_begins_anew() {
        let slots = HashMap::from([("a".to_owned(), 1)]);
        let (began, mut still) = (Instant::now(), StandingStill::default());
        for second in 0..30 {
            let now = began + Duration::from_secs(second);
            let found = still.look(now, &slots, &[job("j", second, 4, &[])]);
            assert_eq!(found, [], "second {second}");
        }
    }
}
