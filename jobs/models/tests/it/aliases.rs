//! Cases of `aliases.json`.

use std::path::PathBuf;

use futures::future::try_join_all;
use gugus_files::{
    Store,
    conformance::{
        faults::{Fault, Faulty},
        folder, overwrite, remove,
        s3_server::S3Server,
    },
};
use gugus_models::{AliasMove, Aliased, Aliases, BatchRange, Direction, ModelError, ModelStore};
use gugus_spec::{AliasName, BatchNumber, ModelName};

use crate::models::{batch, json_of, keep, model};

pub(crate) fn number(number: u64) -> BatchNumber {
    batch(number).unwrap()
}

fn production() -> AliasName {
    "production".parse().unwrap()
}

pub(crate) fn m() -> ModelName {
    "m".parse().unwrap()
}

/// A store with the models of batches 1 to 3 of `m`.
pub(crate) async fn three(store: &Store) -> ModelStore {
    let models = ModelStore::new(store.clone());
    for number in 1..=3 {
        keep(&models, &model("m", batch(number))).await;
    }
    models
}

/// Lets `production` stand for a batch of `m`.
pub(crate) async fn set(
    models: &ModelStore,
    to: u64,
    direction: Direction,
) -> Result<AliasMove, ModelError> {
    let to = number(to);
    models.set_alias(&m(), &production(), to, direction).await
}

#[tokio::test]
async fn aliases_are_set_moved_and_removed() {
    let store = Store::in_memory();
    let models = three(&store).await;
    assert_eq!(models.aliases(&m()).await.unwrap(), Aliases::default());
    let any = async |to| set(&models, to, Direction::Any).await.unwrap();
    let forward = async |to| set(&models, to, Direction::Forward).await.unwrap();
    assert_eq!(any(2).await, AliasMove::Moved(None));
    let since = models.aliases(&m()).await.unwrap().aliases[&production()].clone();
    assert_eq!(any(2).await, AliasMove::There);
    assert_eq!(forward(1).await, AliasMove::Ahead(number(2)));
    let aliases = models.aliases(&m()).await.unwrap();
    assert_eq!(aliases.aliases[&production()], since, "nothing was written");
    assert_eq!(forward(3).await, AliasMove::Moved(batch(2)));
    assert_eq!(any(1).await, AliasMove::Moved(batch(3)));
    let aliases = models.aliases(&m()).await.unwrap();
    assert_eq!(aliases.batch("production"), batch(1));
    assert_eq!(aliases.batch("latest"), None);
    let json = json_of(&store, "m/aliases.json").await;
    assert_eq!(json["version"], 1);
    assert_eq!(json["aliases"]["production"]["batch"], 1);
    assert_eq!(json.get("pruned"), None);
    let removed = models.remove_alias(&m(), &production()).await.unwrap();
    assert_eq!(removed.unwrap().batch, number(1));
    assert_eq!(
        models.remove_alias(&m(), &production()).await.unwrap(),
        None
    );
    assert_eq!(models.list().await.unwrap()[0].batches.len(), 3);
}

#[tokio::test]
async fn an_alias_needs_a_complete_model() {
    let store = Store::in_memory();
    let models = three(&store).await;
    let refused = async |to| set(&models, to, Direction::Any).await.unwrap_err();
    assert_is!(refused(4).await, ModelError::NotFound { .. });
    remove(&store, "m/batch_00000001/_SUCCESS").await;
    assert_is!(refused(1).await, ModelError::NotFound { .. });
    overwrite(&store, "m/batch_00000002/metadata/part-00000", "{").await;
    assert_is!(refused(2).await, ModelError::Torn { .. });
    assert!(!store.exists("m/aliases.json").await.unwrap());
}

#[tokio::test]
async fn other_files_are_refused_with_words() {
    let store = Store::in_memory();
    let models = three(&store).await;
    for (text, words) in [
        ("{", "remove it"),
        (r#"{"version": 2, "aliases": {}}"#, "upgrade gugus"),
        (
            r#"{"version": 1, "aliases": {"7": {"batch": 1, "since": ""}}}"#,
            "means a batch",
        ),
        (
            r#"{"version": 1, "aliases": {"a": {"batch": 0, "since": ""}}}"#,
            "not what gugus writes",
        ),
    ] {
        overwrite(&store, "m/aliases.json", text).await;
        let refused = models.aliases(&m()).await.unwrap_err().to_string();
        assert!(
            refused.contains(words) && refused.contains("m/aliases.json"),
            "{refused}"
        );
        assert!(set(&models, 1, Direction::Any).await.is_err());
    }
}

/// Eight writers set an alias each, at the same time.
async fn nobody_loses_an_alias(store: Store) {
    let models = three(&store).await;
    let (models, model) = (&models, &m());
    let set = |writer: u64| async move {
        let alias = format!("a{writer}").parse().unwrap();
        let to = number(writer % 3 + 1);
        models.set_alias(model, &alias, to, Direction::Any).await
    };
    try_join_all((0..8).map(set)).await.unwrap();
    let aliases = models.aliases(model).await.unwrap();
    for writer in 0..8 {
        assert_eq!(aliases.batch(&format!("a{writer}")), batch(writer % 3 + 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_loses_an_alias_in_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    nobody_loses_an_alias(folder(dir.path())).await;
    let left = gugus_files::conformance::names(&dir.path().join("m"));
    assert_eq!(left.len(), 4, "three models and aliases.json: {left:?}");
}

#[tokio::test]
async fn nobody_loses_an_alias_in_a_bucket() {
    let Some(server) = S3Server::start("aliases over S3") else {
        return;
    };
    nobody_loses_an_alias(server.fresh()).await;
    nobody_loses_an_alias(server.open("s3://gugus/lost-answers/aliases")).await;
}

/// A write whose answer is lost counts, whether it took effect or not.
#[tokio::test]
async fn a_lost_answer_is_looked_up() {
    let store = Store::in_memory();
    three(&store).await;
    for fault in [Fault::Refused, Fault::AnswerLost] {
        let faulty = Faulty::new(store.object_store(), &[fault], &[]);
        let models = ModelStore::new(faulty.store());
        set(&models, 2, Direction::Any).await.unwrap();
        assert_eq!(
            models.aliases(&m()).await.unwrap().batch("production"),
            batch(2)
        );
        remove(&store, "m/aliases.json").await;
    }
}

/// Somebody removes the file just when a writer that has read it is about to write. The writer begins with an empty file.
#[tokio::test]
async fn a_file_that_is_removed_meanwhile_is_an_empty_one() {
    let store = Store::in_memory();
    let others = three(&store).await;
    let (model, canary) = (m(), "canary".parse().unwrap());
    let begin = async || {
        set(&others, 2, Direction::Forward).await.unwrap();
        let any = Direction::Any;
        others.set_alias(&model, &canary, number(1), any).await
    };
    let faulty = Faulty::new(store.object_store(), &[], &[]);
    let models = ModelStore::new(faulty.store());
    let is_gone = |store: &Store| {
        let store = store.clone();
        async move { remove(&store, "m/aliases.json").await }
    };

    begin().await.unwrap();
    faulty.before_next_write(is_gone(&store));
    let moved = set(&models, 3, Direction::Forward).await.unwrap();
    assert_eq!(moved, AliasMove::Moved(None), "what it stood for is gone");
    let aliases = others.aliases(&m()).await.unwrap();
    assert_eq!(aliases.batch("production"), batch(3));
    assert_eq!(aliases.aliases.len(), 1, "{aliases:?}");

    // What was to be removed is gone, and nothing is written in place of it.
    begin().await.unwrap();
    faulty.before_next_write(is_gone(&store));
    let removed = models.remove_alias(&model, &canary).await.unwrap();
    assert_eq!(removed, None);
    assert!(!store.exists("m/aliases.json").await.unwrap());
}

/// Somebody removes the file again and again while others write. Each of them succeeds, and the last one counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_outlive_a_file_that_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let models = three(&folder(dir.path())).await;
    let file = dir.path().join("m/aliases.json");
    for round in 0..50 {
        let gone = async {
            let _ = std::fs::remove_file(&file);
        };
        let set = |to| set(&models, to, Direction::Any);
        let (one, other, ()) = futures::join!(set(1 + round % 3), set(1 + (round + 1) % 3), gone);
        one.unwrap();
        other.unwrap();
    }
    set(&models, 2, Direction::Any).await.unwrap();
    let aliases = models.aliases(&m()).await.unwrap();
    assert_eq!(aliases.batch("production"), batch(2));
}

#[tokio::test]
async fn judged_batches_are_remembered_for_each_alias() {
    let store = Store::in_memory();
    let models = three(&store).await;
    let canary: AliasName = "canary".parse().unwrap();
    let judged = async |alias: &AliasName, batches: &[u64]| {
        let batches: Vec<BatchRange> = batches.iter().map(|n| number(*n).into()).collect();
        models.note_judged(&m(), alias, &batches).await.unwrap();
        models.aliases(&m()).await.unwrap()
    };
    let aliases = judged(&production(), &[]).await;
    assert_eq!(aliases.judged[&production()], [], "from now on");
    let aliases = judged(&production(), &[5, 7, 6, 9]).await;
    let ranges = |aliases: &Aliases| {
        let ranges = aliases.judged[&production()].iter();
        let ranges = ranges.map(|range| (range.first.get(), range.last.get()));
        ranges.collect::<Vec<_>>()
    };
    assert_eq!(ranges(&aliases), [(5, 7), (9, 9)]);
    assert!(aliases.is_judged(&production(), number(6)));
    assert!(!aliases.is_judged(&production(), number(8)));
    assert!(!aliases.is_judged(&canary, number(6)));
    assert!(!aliases.judged.contains_key(&canary));

    // An alias that moves forward leaves nothing behind, and one that is moved back by hand does not come back by itself.
    set(&models, 3, Direction::Forward).await.unwrap();
    set(&models, 1, Direction::Any).await.unwrap();
    let aliases = judged(&production(), &[]).await;
    assert_eq!(ranges(&aliases), [(1, 3), (5, 7), (9, 9)]);

    // Batches without a model are gaps, of which the oldest are closed.
    let odd: Vec<u64> = (0..2_000).map(|n| 11 + 2 * n).collect();
    let aliases = judged(&production(), &odd).await;
    assert_eq!(ranges(&aliases).len(), 1_000);
    assert_eq!(ranges(&aliases)[0].0, 1);
    assert!(!aliases.is_judged(&production(), number(4_008)));
    assert!(aliases.is_judged(&production(), number(4_009)));
}

/// The file that the first version wrote is read for ever.
#[tokio::test]
async fn aliases_of_version_1_are_read() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1_aliases");
    let models = ModelStore::new(folder(&fixtures));
    let aliased = |batch, since: &str| Aliased {
        batch: number(batch),
        since: since.to_owned(),
    };
    let pruned = |first, last| BatchRange {
        first: number(first),
        last: number(last),
    };
    let expected = Aliases {
        version: 1,
        aliases: [
            (
                "canary".parse().unwrap(),
                aliased(12, "2026-11-26T18:30:00.001Z"),
            ),
            (production(), aliased(7, "2026-11-26T18:00:00Z")),
        ]
        .into(),
        pruned: vec![pruned(1, 6), pruned(8, 9)],
        ..Aliases::default()
    };
    let aliases = models.aliases(&"location".parse().unwrap()).await.unwrap();
    assert_eq!(aliases, expected);
    for (batch, is) in [
        (1, true),
        (6, true),
        (7, false),
        (8, true),
        (9, true),
        (10, false),
    ] {
        assert_eq!(aliases.is_pruned(number(batch)), is, "{batch}");
    }
}
