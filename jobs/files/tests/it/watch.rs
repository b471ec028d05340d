//! Changes are noticed on this machine, and looked for everywhere else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use gugus_files::{Changes, FolderContent, Onto, Store, Watch};
use tokio::time::timeout;

/// Longer than any test waits: what comes sooner was noticed.
const NEVER: Duration = Duration::from_secs(3_600);

/// How long a test waits for a notice.
const DEADLINE: Duration = Duration::from_secs(20);

fn store(folder: &Path) -> Store {
    Store::open(folder.to_str().unwrap()).unwrap()
}

async fn noticed(watch: &mut Watch, what: &str) {
    let changed = timeout(DEADLINE, watch.changed()).await;
    changed.unwrap_or_else(|_| panic!("{what} was not noticed"));
}

/// Takes the notices of what was done before, until none comes any more.
async fn calm(watch: &mut Watch) {
    while timeout(Duration::from_millis(50), watch.changed())
        .await
        .is_ok()
    {}
}

fn content() -> Arc<FolderContent> {
    Arc::new(FolderContent {
        files: vec![("model.json".to_owned(), "{}".into())],
        mark: "_SUCCESS",
        mark_content: "".into(),
    })
}

#[tokio::test]
async fn files_and_folders_are_noticed_when_they_come_go_and_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let mut watch = store.watch(NEVER);
    store.create("batch_1", "rows".into()).await.unwrap();
    noticed(&mut watch, "a file made before anybody waited").await;
    calm(&mut watch).await;

    store.create("batch_2", "rows".into()).await.unwrap();
    noticed(&mut watch, "a second file").await;
    calm(&mut watch).await;
    for (onto, what) in [
        (Onto::Nothing, "a folder in a new folder"),
        (Onto::Anything, "a folder that was replaced"),
    ] {
        store
            .put_folder("model/batch_1", content(), onto)
            .await
            .unwrap();
        noticed(&mut watch, what).await;
        calm(&mut watch).await;
    }
    store
        .put_folder("model/batch_2", content(), Onto::Nothing)
        .await
        .unwrap();
    noticed(&mut watch, "a folder in a folder that is known").await;
    calm(&mut watch).await;
    watch.changes();
    fs::write(folder.path().join("model/aliases.json"), "{}").unwrap();
    noticed(&mut watch, "a file in a folder").await;
    let name = "model/aliases.json".to_owned();
    assert_eq!(watch.changes(), Changes::Names(BTreeSet::from([name])));
    assert_eq!(watch.changes(), Changes::Names(BTreeSet::new()));
    calm(&mut watch).await;
    store.delete("batch_1").await.unwrap();
    noticed(&mut watch, "a file that was removed").await;
}

#[tokio::test]
async fn reading_and_unfinished_files_are_no_change() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    store.create("batch_1", "rows".into()).await.unwrap();
    let mut watch = store.watch(NEVER);
    store.get("batch_1").await.unwrap();
    store.tail("batch_1", 2).await.unwrap();
    fs::write(folder.path().join(".batch_2.1.tmp"), "half").unwrap();
    let changed = timeout(Duration::from_millis(200), watch.changed()).await;
    assert!(changed.is_err(), "nothing changed");
    // The same notices, after what does count.
    store.create("batch_3", "rows".into()).await.unwrap();
    noticed(&mut watch, "a file").await;
}

#[tokio::test]
async fn a_burst_is_one_change_and_a_dropped_wait_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut watch = store(folder.path()).watch(NEVER);
    for number in 0..200 {
        fs::write(folder.path().join(format!("batch_{number}")), "rows").unwrap();
    }
    let mut told = 0;
    while timeout(Duration::from_millis(100), watch.changed())
        .await
        .is_ok()
    {
        told += 1;
    }
    assert!((1..=5).contains(&told), "told {told} times of one burst");

    fs::write(folder.path().join("one_more"), "rows").unwrap();
    // Begun and dropped until the notice is there.
    let began = Instant::now();
    while watch.changed().now_or_never().is_none() {
        assert!(began.elapsed() < DEADLINE, "the change got lost");
        tokio::time::sleep(Duration::from_millis(1)).await;
        if began.elapsed() > Duration::from_millis(100) {
            noticed(&mut watch, "the change").await;
            break;
        }
    }
}

#[tokio::test]
async fn a_folder_that_is_missing_is_noticed_when_it_comes_and_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("data/models");
    let store = store(&deep);
    let mut watch = store.watch(NEVER);
    for time in ["first", "second"] {
        // A sibling is none of ours.
        fs::write(folder.path().join(format!("{time}.txt")), "").unwrap();
        store
            .put_folder("m/batch_1", content(), Onto::Nothing)
            .await
            .unwrap();
        noticed(&mut watch, "the folder").await;
        calm(&mut watch).await;
        store
            .put_folder("m/batch_2", content(), Onto::Nothing)
            .await
            .unwrap();
        noticed(&mut watch, "a folder in it").await;
        calm(&mut watch).await;
        fs::remove_dir_all(folder.path().join("data")).unwrap();
        noticed(&mut watch, "the end of the folder").await;
        calm(&mut watch).await;
        assert_eq!(watch.changes(), Changes::Anything);
    }
}

#[tokio::test]
async fn changes_in_folders_that_are_watched_only_later_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let models: Vec<_> = (0..1_000)
        .map(|number| folder.path().join(format!("m{number}")))
        .collect();
    for model in &models {
        fs::create_dir(model).unwrap();
    }
    // Longer ago than a file system's clock is behind.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut watch = store(folder.path()).watch(NEVER);
    // Most of the folders are not watched yet.
    let mut due = BTreeSet::new();
    for model in &models {
        fs::create_dir(model.join("batch_1")).unwrap();
        due.insert(model.file_name().unwrap().to_str().unwrap().to_owned());
    }
    while !due.is_empty() {
        noticed(&mut watch, "a change").await;
        let Changes::Names(names) = watch.changes() else {
            panic!("the names are known");
        };
        for name in names {
            due.remove(name.split('/').next().unwrap());
        }
    }
    // A folder whose change was told is watched. Later, each change has a name of its own.
    calm(&mut watch).await;
    watch.changes();
    for model in [&models[0], &models[999]] {
        fs::create_dir(model.join("batch_2")).unwrap();
    }
    noticed(&mut watch, "later changes").await;
    let names = ["m0/batch_2", "m999/batch_2"].map(str::to_owned);
    assert_eq!(watch.changes(), Changes::Names(BTreeSet::from(names)));
}

#[tokio::test]
async fn where_nobody_tells_the_store_is_looked_at_again_and_again() {
    let poll = Duration::from_millis(20);
    let mut watch = Store::in_memory().watch(poll);
    let began = Instant::now();
    for _ in 0..3 {
        noticed(&mut watch, "the time").await;
    }
    assert!(began.elapsed() >= 3 * poll);
    assert_eq!(watch.changes(), Changes::Anything);
    let folder = tempfile::tempdir().unwrap();
    let mut watch = store(folder.path()).watch(poll);
    noticed(&mut watch, "the time on this machine").await;
}
