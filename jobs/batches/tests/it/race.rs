//! Writers that race: with faults drawn at random in memory, in threads and in processes that are killed on a folder.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use gugus_batches::{Appended, BatchLog, LogError};
use gugus_files::{
    Store,
    conformance::faults::{Fault, Faulty},
};
use proptest::prelude::*;

use crate::kit::{self, draft, draft_with_reject, found, spans};

/// Names the folder to a process of ours that is a writer.
const FOLDER: &str = "GUGUS_STORE_RACE_FOLDER";
const PARTITIONS: i32 = 3;

/// Appends to partition after partition until each is at `goal`. Returns how often it lost.
async fn write_until(log: &mut BatchLog, goal: i64, width: i64) -> Result<u32, LogError> {
    let mut losses = 0;
    loop {
        let behind = (0..PARTITIONS)
            .map(|p| (log.end_of(p).unwrap_or(0), p))
            .min()
            .filter(|(end, _)| *end < goal);
        let Some((first, partition)) = behind else {
            return Ok(losses);
        };
        let next = goal.min(first + width);
        let draft = if first % 2 == 0 {
            draft_with_reject(partition, first, next, first)
        } else {
            draft(partition, first, next)
        };
        if let Appended::Lost { .. } = log.append(&draft).await? {
            losses += 1;
        }
    }
}

async fn check(store: &Store, goal: i64) {
    let found = found(store).await;
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(
        spans(&found),
        (0..PARTITIONS).map(|p| (p, 0, goal)).collect::<Vec<_>>()
    );
    assert_eq!(
        found.records + found.rejected,
        goal as u64 * PARTITIONS as u64
    );
}

#[test]
fn threads_race_on_a_folder() {
    const GOAL: i64 = 120;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    std::thread::scope(|scope| {
        for width in [3, 4, 5, 7] {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    let mut log = kit::open(&Store::open(path).unwrap()).await;
                    write_until(&mut log, GOAL, width).await.unwrap();
                });
            });
        }
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(check(&Store::open(path).unwrap(), GOAL));
    assert_eq!(temporary_files(folder.path()), 0);
}

fn temporary_files(folder: &Path) -> usize {
    let names = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with('.')).count()
}

/// No test by itself: the processes of the next test run it.
#[test]
fn writer_process() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut log = kit::open(&Store::open(&folder).unwrap()).await;
        write_until(&mut log, PROCESS_GOAL, 2).await.unwrap();
    });
}

const PROCESS_GOAL: i64 = 150;

fn spawn_writer(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "race::writer_process"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Three processes write; one of them is killed and replaced, ten times, each time after a few more commits.
#[test]
fn killed_processes_leave_a_whole_log() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().to_str().unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut writers: Vec<Child> = (0..3).map(|_| spawn_writer(folder.path())).collect();
    let deadline = Instant::now() + Duration::from_secs(120);
    for kill in 0..10_usize {
        while runtime.block_on(async {
            BatchLog::read(store.clone())
                .await
                .unwrap()
                .numbers()
                .await
                .unwrap()
                .len()
        }) < 10 * (kill + 1)
        {
            assert!(
                Instant::now() < deadline,
                "the writers came to a halt before kill {kill}"
            );
            std::thread::yield_now();
        }
        let victim = &mut writers[kill % 3];
        victim.kill().unwrap();
        victim.wait().unwrap();
        *victim = spawn_writer(folder.path());
    }
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    runtime.block_on(check(&store, PROCESS_GOAL));
}

fn faults(longest: usize) -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        3 => Just(Fault::None),
        2 => Just(Fault::Refused),
        2 => Just(Fault::AnswerLost),
        1 => Just(Fault::Late),
    ];
    prop::collection::vec(fault, 0..longest)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Three writers share one set of objects, each with its own faults. A writer that fails opens the log anew.
    #[test]
    fn faults_never_lose_or_double_an_offset(plans in prop::collection::vec((faults(40), faults(10)), 3)) {
        const GOAL: i64 = 40;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let inner = Store::in_memory().object_store();
            let writers = plans.iter().enumerate().map(|(index, (writes, reads))| {
                let inner = Arc::clone(&inner);
                async move {
                    let faulty = Faulty::new(inner, writes, reads);
                    loop {
                        let job = kit::JOB.parse().unwrap();
                        let Ok(log) = BatchLog::open(faulty.store(), &job, kit::TOPIC).await else { continue };
                        let mut log = log.retrying(kit::IMPATIENT);
                        // Faults are used up, so this ends.
                        if write_until(&mut log, GOAL, 3 + index as i64).await.is_ok() {
                            break;
                        }
                    }
                }
            });
            futures::future::join_all(writers).await;
            check(&Store::on_objects(inner, "".into(), "memory:///"), GOAL).await;
        });
    }
}
