//! Cases of rejected records that are taken again.

use gugus_batches::{
    BatchLog, FedBy, ImportDraft, JumpReason, LogError, Rejects, ReplayDraft, ReplayedFile,
    TopicDraft,
};
use gugus_files::{
    Store,
    conformance::{overwrite, remove},
};

use crate::jumps::draft_jump;
use crate::kit::{
    commit, commit_with_reject, draft, draft_import, found, lose, open, reject, rows, verified,
};

/// A draft that replays these places of these files.
pub(crate) fn draft_replay(parts: &[(&Rejects, &[(i32, i64)])]) -> ReplayDraft {
    let places: Vec<_> = parts
        .iter()
        .flat_map(|(_, places)| places.to_vec())
        .collect();
    let replayed = parts.iter().map(|(rejects, places)| ReplayedFile {
        file: rejects.file.file.clone(),
        rows: places.len() as u64,
    });
    ReplayDraft {
        rows: rows(&places),
        replayed: replayed.collect(),
    }
}

/// How many records of each file are still rejected.
async fn left(log: &BatchLog) -> Vec<u64> {
    log.rejects()
        .await
        .unwrap()
        .iter()
        .map(Rejects::left)
        .collect()
}

/// A log of offsets 0 to 29, of which 3 and 4, 13, and 23 are refused.
async fn with_rejects(store: &Store) -> BatchLog {
    let mut log = open(store).await;
    let two = TopicDraft {
        rows: rows(&[(0, 0), (0, 9)]),
        rejects: vec![reject(0, 4), reject(0, 3)],
        ..draft(0, 0, 10)
    };
    commit(&mut log, &two).await;
    for first in [10, 20] {
        commit_with_reject(&mut log, first, first + 10, first + 3).await;
    }
    log
}

/// Part of one file, then the rest of it with another.
#[tokio::test]
async fn rejected_records_are_replayed() {
    let store = Store::in_memory();
    let mut log = with_rejects(&store).await;
    let before = log.head().unwrap().ends.clone();
    let rejects = log.rejects().await.unwrap();
    let batches: Vec<_> = rejects.iter().map(|r| (r.batch.get(), r.left())).collect();
    assert_eq!(batches, [(1, 2), (2, 1), (3, 1)]);
    let records = log.rejected_records(&rejects[0]).await.unwrap();
    assert_eq!(records, [reject(0, 3), reject(0, 4)]);

    let footer = commit(&mut log, &draft_replay(&[(&rejects[0], &[(0, 4)])])).await;
    assert_eq!(
        (footer.rows, &footer.ranges, &footer.ends),
        (1, &vec![], &before)
    );
    assert_eq!(log.rows(footer.number).await.unwrap(), rows(&[(0, 4)]));
    assert_eq!(log.fed_by(), FedBy::Topic);
    let rejects = log.rejects().await.unwrap();
    assert_eq!(rejects[0].replayed, [(0, 4)].into());
    let rest = draft_replay(&[(&rejects[2], &[(0, 23)]), (&rejects[0], &[(0, 3)])]);
    commit(&mut log, &rest).await;
    assert_eq!(left(&log).await, [0, 1, 0]);
    commit(&mut log, &draft(0, 30, 31)).await;
    let found = found(&store).await;
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(
        (found.records, found.rejected, found.replayed),
        (2 + 9 + 9 + 3 + 1, 1, 3)
    );
}

/// Two replays from the same list: the second loses, makes its list anew, and finds nothing to do.
async fn two_replays_race(store: Store) {
    let mut one = with_rejects(&store).await;
    let mut other = open(&store).await;
    let replay = |rejects: &[Rejects]| draft_replay(&[(&rejects[1], &[(0, 13)])]);
    let (first, second) = (
        replay(&one.rejects().await.unwrap()),
        replay(&other.rejects().await.unwrap()),
    );
    commit(&mut one, &first).await;
    lose(&mut other, &second).await;
    assert_eq!(other.rejects().await.unwrap()[1].left(), 0);
    assert_eq!(verified(&store).await, (2 + 9 + 9 + 1, 3));
}

/// A folder that imports feed is still fed by imports when its newest batch is a replay.
#[tokio::test]
async fn imports_go_on_after_a_replay() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    let import = ImportDraft {
        rows: rows(&[(0, 0), (0, 2)]),
        rejects: vec![reject(0, 1)],
        ..draft_import(0, "aa", 0, 3, true)
    };
    commit(&mut log, &import).await;
    let rejects = log.rejects().await.unwrap();
    let footer = commit(&mut log, &draft_replay(&[(&rejects[0], &[(0, 1)])])).await;
    assert!(footer.imported.is_empty() && footer.feed() == FedBy::Imports);
    let mut log = open(&store).await;
    assert_eq!(log.fed_by(), FedBy::Imports);
    let mixed = log.append(&draft(0, 3, 4)).await;
    assert!(matches!(mixed, Err(LogError::FedBy { .. })), "{mixed:?}");
    commit(&mut log, &draft_import(3, "bb", 0, 2, true)).await;
    assert_eq!(verified(&store).await, (5, 0));
}

/// Contradictory replays are refused, or verifying reports them if an append cannot see them.
#[tokio::test]
async fn contradictory_replays_are_refused_or_show() {
    let store = Store::in_memory();
    let mut empty = open(&store).await;
    let mut log = with_rejects(&store).await;
    let rejects = log.rejects().await.unwrap();
    let good = draft_replay(&[(&rejects[0], &[(0, 3), (0, 4)])]);
    assert!(matches!(
        empty.append(&good).await,
        Err(LogError::Draft { .. })
    ));
    let file = |file: &str, rows| {
        vec![ReplayedFile {
            file: file.to_owned(),
            rows,
        }]
    };
    let name = rejects[0].file.file.as_str();
    let with = |replayed| ReplayDraft {
        replayed,
        ..good.clone()
    };
    let cases = [
        ("miscounted", with(file(name, 3))),
        ("twice", with([file(name, 1), file(name, 1)].concat())),
        (
            "nothing of it",
            with([file(name, 2), file("rejected/x.parquet", 0)].concat()),
        ),
        ("elsewhere", with(file("../x.parquet", 2))),
        (
            "no rows",
            ReplayDraft {
                rows: rows(&[]),
                ..with(file(name, 0))
            },
        ),
        (
            "one record twice",
            ReplayDraft {
                rows: rows(&[(0, 3), (0, 3)]),
                ..good.clone()
            },
        ),
    ];
    for (what, draft) in cases {
        let refused = log.append(&draft).await;
        assert!(
            matches!(
                refused,
                Err(LogError::Draft { .. } | LogError::RejectPath { .. })
            ),
            "{what}: {refused:?}"
        );
    }
    assert_eq!(verified(&store).await, (20, 4));

    commit(&mut log, &draft_replay(&[(&rejects[0], &[(0, 3)])])).await;
    let replays = [
        (
            draft_replay(&[(&rejects[0], &[(0, 3)])]),
            "offset 3 of partition 0 is replayed a second time",
        ),
        (
            draft_replay(&[(&rejects[1], &[(0, 14)])]),
            "offset 14 of partition 0 is in none of the files that it replays (0 more)",
        ),
        (
            ReplayDraft {
                replayed: file("rejected/x.parquet", 1),
                ..draft_replay(&[(&rejects[2], &[(0, 23)])])
            },
            "it replays rejected/x.parquet, which no batch before names",
        ),
    ];
    for (replay, problem) in replays {
        let file = commit(&mut log, &replay).await.number.file_name();
        let problems = found(&store).await.problems;
        let expected = format!("{file}: {problem}");
        assert!(problems.contains(&expected), "{problem} in {problems:?}");
    }
}

/// A reject file that is not as its batch says is not replayed; one that was pruned cannot be checked.
#[tokio::test]
async fn reject_files_are_checked_before_a_replay() {
    let store = Store::in_memory();
    let mut log = with_rejects(&store).await;
    let rejects = log.rejects().await.unwrap();
    commit(&mut log, &draft_replay(&[(&rejects[0], &[(0, 3)])])).await;
    overwrite(&store, &rejects[1].file.file, &b"other"[..]).await;
    let refused = log.rejected_records(&rejects[1]).await;
    assert_is!(refused, Err(LogError::Checksum { batch, .. }) if batch.get() == 2);
    for pruned in &rejects[..2] {
        remove(&store, &pruned.batch.file_name()).await;
        remove(&store, &pruned.file.file).await;
    }
    let left: Vec<_> = log
        .rejects()
        .await
        .unwrap()
        .iter()
        .map(|r| r.batch.get())
        .collect();
    assert_eq!(left, [3]);
    let found = found(&store).await;
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(
        (found.records, found.rejected, found.replayed),
        (9 + 1, 1, 1)
    );
}

/// Offsets come again when a topic is made anew, so a reject file has a generation.
#[tokio::test]
async fn generations_are_told_apart() {
    let store = Store::in_memory();
    let mut log = with_rejects(&store).await;
    let anew = TopicDraft {
        rejects: vec![reject(0, 3)],
        rows: rows(&[(0, 2)]),
        ..draft_jump(0, 30, 2, 5, JumpReason::Recreated)
    };
    commit(&mut log, &anew).await;
    let rejects = log.rejects().await.unwrap();
    let generations: Vec<_> = rejects.iter().map(|r| r.generation).collect();
    assert_eq!(generations, [0, 0, 0, 1]);
    // The same place of both, one after the other.
    for index in [0, 3] {
        let rejects = log.rejects().await.unwrap();
        commit(&mut log, &draft_replay(&[(&rejects[index], &[(0, 3)])])).await;
    }
    assert_eq!(left(&log).await, [1, 1, 1, 0]);
    assert_eq!(verified(&store).await, (20 + 1 + 2, 3));
}

crate::kit::in_memory_and_on_s3!(two_replays_race);
