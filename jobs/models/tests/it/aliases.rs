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
use gugus_models::{AliasMove, Aliased, Aliases, Direction, ModelError, ModelStore, Pruned};
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

/// The file that the first version wrote is read for ever.
#[tokio::test]
async fn aliases_of_version_1_are_read() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1_aliases");
    let models = ModelStore::new(folder(&fixtures));
    let aliased = |batch, since: &str| Aliased {
        batch: number(batch),
        since: since.to_owned(),
    };
    let pruned = |first, last| Pruned {
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
