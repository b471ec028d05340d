//! The executors of the last day, with those that are gone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ballista_core::serde::protobuf::ExecutorHeartbeat;
use ballista_core::serde::protobuf::executor_status::Status;
use ballista_core::serde::scheduler::ExecutorMetadata;
use gugus_pages::executors::{Executor, ExecutorState, Load};
use tokio::sync::Notify;

use super::log_events::{LogEvents, log_event};
use crate::clock;

/// Without a heartbeat for so many milliseconds, an executor is stale: it sends one every second.
const STALE: u64 = 3_000;

/// After so many milliseconds Ballista has given it up, or does so within a second.
const LOST: u64 = 6_500;

/// How long executors that are gone are listed, in milliseconds.
const DAY: u64 = 24 * 3600 * 1000;

/// The most executors that are gone and listed.
const GONE: usize = 1_000;

/// The executors of the last day.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    log: LogEvents,
    /// How many were lost since this process began.
    lost: AtomicU64,
    all: Mutex<HashMap<String, Executor>>,
    /// Wakes the task that writes executors down: one came or went.
    changed: Notify,
}

impl Roster {
    /// A roster without executors.
    pub(super) fn new(log: LogEvents) -> Self {
        Self {
            log,
            ..Self::default()
        }
    }

    /// How many executors were lost since this process began.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// An executor registered.
    pub(super) fn joined(&self, about: &ExecutorMetadata) {
        let now = clock::now();
        let executor = Executor {
            id: about.id.clone(),
            address: format!("{}:{}", about.host, about.port),
            state: ExecutorState::Ready,
            slots: u64::from(about.specification.vcores),
            since: now,
            heartbeat: now,
            gone: 0,
            load: Load::default(),
        };
        let mut all = self.all();
        let (executor_id, address, slots) = (&executor.id, &executor.address, executor.slots);
        let was_lost = |other: &Executor| {
            other.gone > 0 && other.state != ExecutorState::Left && other.address == *address
        };
        let event = match all.values().any(was_lost) {
            true => "an executor is back",
            false => "an executor registered",
        };
        log_event!(self.log, address, executor_id, slots, "{event}");
        all.insert(executor.id.clone(), executor);
        self.changed.notify_one();
    }

    /// A heartbeat came. The text of its status is what the executor says of itself.
    pub(super) fn beat(&self, beat: &ExecutorHeartbeat) {
        let mut all = self.all();
        let Some(executor) = all.get_mut(&beat.executor_id) else {
            return;
        };
        executor.heartbeat = clock::now();
        let status = beat
            .status
            .as_ref()
            .and_then(|status| status.status.as_ref());
        let (state, text) = match status {
            Some(Status::Active(text)) => (ExecutorState::Ready, text),
            Some(Status::Terminating(text)) => (ExecutorState::Leaving, text),
            _ => return,
        };
        if state == ExecutorState::Leaving && executor.state != state {
            let (address, executor_id) = (&executor.address, &executor.id);
            log_event!(
                self.log,
                address,
                executor_id,
                "an executor drains: it takes no more tasks"
            );
        }
        executor.state = state;
        if let Ok(load) = serde_json::from_str(text) {
            executor.load = load;
        }
    }

    /// Ballista gave an executor up, or it said goodbye.
    pub(super) fn removed(&self, id: &str) {
        let mut all = self.all();
        if let Some(executor) = all.get_mut(id).filter(|executor| executor.gone == 0) {
            executor.gone = clock::now();
            let (address, executor_id) = (&executor.address, &executor.id);
            executor.state = match executor.state {
                ExecutorState::Leaving => {
                    log_event!(self.log, address, executor_id, "an executor left");
                    ExecutorState::Left
                }
                _ => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    let silent = executor.gone.saturating_sub(executor.heartbeat);
                    let silent = Duration::from_millis(silent);
                    tracing::warn!(
                        address,
                        executor_id,
                        ?silent,
                        "an executor is lost; its tasks run again elsewhere"
                    );
                    ExecutorState::Lost
                }
            };
            self.changed.notify_one();
        }
    }

    /// Waits until an executor comes or goes, or has done so since the last call.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Adds those that an earlier scheduler knew.
    pub(crate) fn remember(&self, earlier: Vec<Executor>) {
        let mut all = self.all();
        for mut executor in earlier {
            // An executor that is silent for seconds is written down as lost before it is given up.
            if executor.state.is_here() || executor.gone == 0 {
                executor.gone = executor.heartbeat;
                executor.state = ExecutorState::Before;
            }
            all.entry(executor.id.clone()).or_insert(executor);
        }
    }

    /// All of them: those that are here first, by address; then those that are gone, the last one first.
    pub(crate) fn list(&self) -> Vec<Executor> {
        let now = clock::now();
        let mut all = self.all();
        all.retain(|_, executor| executor.gone == 0 || now.saturating_sub(executor.gone) < DAY);
        let mut list: Vec<Executor> = all.values().map(|executor| seen(executor, now)).collect();
        list.sort_by(|a, b| {
            let key = |of: &Executor| (!of.state.is_here(), std::cmp::Reverse(of.gone));
            (key(a), &a.address, &a.id).cmp(&(key(b), &b.address, &b.id))
        });
        let here = list
            .iter()
            .filter(|executor| executor.state.is_here())
            .count();
        for old in list.iter().skip(here + GONE) {
            all.remove(&old.id);
        }
        list.truncate(here + GONE);
        list
    }

    /// One of them.
    pub(crate) fn find(&self, id: &str) -> Option<Executor> {
        self.all()
            .get(id)
            .map(|executor| seen(executor, clock::now()))
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Executor>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An executor as it looks now: its heartbeat may be late.
fn seen(executor: &Executor, now: u64) -> Executor {
    let silent = now.saturating_sub(executor.heartbeat);
    let state = match executor.state {
        ExecutorState::Ready | ExecutorState::Stale if silent > LOST => ExecutorState::Lost,
        ExecutorState::Ready if silent > STALE => ExecutorState::Stale,
        state => state,
    };
    Executor {
        state,
        ..executor.clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use ballista_core::serde::protobuf::ExecutorStatus;
    use ballista_core::serde::scheduler::{
        ExecutorOperatingSystemSpecification, ExecutorSpecification,
    };

    use super::*;

    fn metadata(id: &str) -> ExecutorMetadata {
        ExecutorMetadata {
            id: id.to_owned(),
            host: "10.0.0.1".to_owned(),
            port: 50060,
            grpc_port: 50060,
            specification: ExecutorSpecification { vcores: 4 },
            os_info: ExecutorOperatingSystemSpecification::default(),
        }
    }

    fn beat(id: &str, status: Status) -> ExecutorHeartbeat {
        ExecutorHeartbeat {
            executor_id: id.to_owned(),
            status: Some(ExecutorStatus {
                status: Some(status),
            }),
            ..ExecutorHeartbeat::default()
        }
    }

    #[test]
    fn who_is_silent_is_lost_and_who_says_goodbye_left() {
        let roster = Roster::default();
        for id in ["a", "b", "c"] {
            roster.joined(&metadata(id));
        }
        let load = r#"{"version":"0.1.0","running":2}"#;
        roster.beat(&beat("a", Status::Active(load.to_owned())));
        roster.beat(&beat("b", Status::Terminating(String::new())));
        let told = roster.find("a").unwrap();
        assert_eq!(
            (told.load.running, told.address.as_str()),
            (2, "10.0.0.1:50060")
        );
        for id in ["b", "c"] {
            roster.removed(id);
        }
        let state = |id: &str| roster.find(id).unwrap().state;
        assert_eq!(state("a"), ExecutorState::Ready);
        assert_eq!(state("b"), ExecutorState::Left);
        assert_eq!(state("c"), ExecutorState::Lost);
        roster.removed("c");
        assert_eq!(roster.lost(), 1, "once, and not the one that left");
        assert_eq!(roster.list()[0].id, "a");
    }

    #[test]
    fn a_late_heartbeat_shows_before_ballista_gives_the_executor_up() {
        let roster = Roster::default();
        roster.joined(&metadata("a"));
        let executor = roster.find("a").unwrap();
        let after = |silent| seen(&executor, executor.heartbeat + silent).state;
        assert_eq!(after(1_000), ExecutorState::Ready);
        assert_eq!(after(4_000), ExecutorState::Stale);
        assert_eq!(after(7_000), ExecutorState::Lost);
    }

    #[test]
    fn executors_of_an_earlier_scheduler_are_told_apart_and_forgotten_after_a_day() {
        let (first, second) = (Roster::default(), Roster::default());
        first.joined(&metadata("a"));
        first.joined(&metadata("b"));
        first.removed("b");
        let mut earlier = first.list();
        earlier[1].gone = clock::now() - 2 * DAY;
        second.remember(earlier);
        let states: Vec<_> = second
            .list()
            .into_iter()
            .map(|of| (of.id, of.state))
            .collect();
        assert_eq!(states, [("a".to_owned(), ExecutorState::Before)]);
    }

    #[test]
    fn an_executor_that_was_silent_at_the_end_was_there_before() {
        let (first, second) = (Roster::default(), Roster::default());
        first.joined(&metadata("a"));
        let executor = first.find("a").unwrap();
        let silent = seen(&executor, executor.heartbeat + LOST + 1);
        assert_eq!((silent.state, silent.gone), (ExecutorState::Lost, 0));
        second.remember(vec![silent]);
        let found = second.find("a").unwrap();
        assert_eq!(
            (found.state, found.gone),
            (ExecutorState::Before, executor.heartbeat)
        );
    }

    #[tokio::test]
    async fn whoever_writes_executors_down_is_told_at_once() {
        let roster = Roster::default();
        let is_told = async || {
            tokio::time::timeout(Duration::ZERO, roster.changed())
                .await
                .is_ok()
        };
        assert!(!is_told().await);
        roster.joined(&metadata("a"));
        assert!(is_told().await);
        assert!(!is_told().await);
        roster.removed("a");
        assert!(is_told().await);
    }
}
