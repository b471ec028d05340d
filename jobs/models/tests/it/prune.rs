//! Cases of pruning models.

use std::{
    num::NonZeroU64,
    ops::ControlFlow,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use gugus_files::{
    Store,
    conformance::{faults::Faulty, folder, names, overwrite, remove},
};
use gugus_models::{AliasMove, Direction, Existing, Keep, ModelError, ModelStore, Prune};
use gugus_spec::BatchNumber;

use crate::{
    aliases::{m, number, set, three},
    models::{batch, keep, model},
};

fn newest(count: u64) -> Keep {
    Keep::Newest(NonZeroU64::new(count).unwrap())
}

async fn prune(models: &ModelStore, keep: Keep, mode: Prune) -> Vec<u64> {
    let go_on = |_| ControlFlow::Continue(());
    let pruned = models.prune(&m(), keep, mode, go_on).await.unwrap();
    pruned.into_iter().map(BatchNumber::get).collect()
}

async fn batches(models: &ModelStore) -> Vec<u64> {
    let listed = models.list().await.unwrap();
    let of_m = listed.into_iter().find(|of| of.model == "m").unwrap();
    of_m.batches.iter().map(|batch| batch.get()).collect()
}

/// A store with the models of batches 1 to 9 of `m`, without 4, and of all batches.
async fn nine(store: &Store) -> ModelStore {
    let models = three(store).await;
    for number in 5..=9 {
        keep(&models, &model("m", batch(number))).await;
    }
    keep(&models, &model("m", None)).await;
    models
}

#[tokio::test]
async fn old_models_go_and_the_newest_and_aliased_stay() {
    let dir = tempfile::tempdir().unwrap();
    for store in [Store::in_memory(), folder(dir.path())] {
        let models = nine(&store).await;
        set(&models, 2, Direction::Any).await.unwrap();
        assert_eq!(prune(&models, newest(3), Prune::DryRun).await, [1, 3, 5, 6]);
        assert_eq!(batches(&models).await.len(), 8, "a dry run removes nothing");
        assert!(!models.aliases(&m()).await.unwrap().is_pruned(number(1)));
        assert_eq!(prune(&models, newest(3), Prune::Delete).await, [1, 3, 5, 6]);
        assert_eq!(batches(&models).await, [2, 7, 8, 9]);
        assert!(prune(&models, newest(3), Prune::Delete).await.is_empty());
        assert!(models.read("m", None).await.is_ok(), "that over all stays");
        let aliases = models.aliases(&m()).await.unwrap();
        let is_pruned = (1..=9).filter(|batch| aliases.is_pruned(number(*batch)));
        assert_eq!(is_pruned.collect::<Vec<_>>(), [1, 3, 4, 5, 6]);
        let refused = set(&models, 3, Direction::Any).await.unwrap_err();
        assert_is!(refused, ModelError::Pruned { .. });
        // Without its alias the model is old like others.
        set(&models, 9, Direction::Any).await.unwrap();
        assert_eq!(prune(&models, newest(1), Prune::Delete).await, [2, 7, 8]);
        assert_eq!(models.aliases(&m()).await.unwrap().pruned.len(), 1);
        assert_eq!(batches(&models).await, [9]);
    }
    let left = names(&dir.path().join("m"));
    assert_eq!(left, ["aliases.json", "all", "batch_00000009"]);
}

#[tokio::test]
async fn models_go_by_their_age() {
    let dir = tempfile::tempdir().unwrap();
    let models = nine(&folder(dir.path())).await;
    let hours = |hours: u64| SystemTime::now() - Duration::from_secs(hours * 3600);
    for number in [1, 3, 9] {
        let mark = format!("m/batch_{number:08}/_SUCCESS");
        let mark = std::fs::File::options()
            .write(true)
            .open(dir.path().join(mark));
        mark.unwrap().set_modified(hours(5)).unwrap();
    }
    let since = Keep::Since(hours(4));
    assert_eq!(prune(&models, since, Prune::Delete).await, [1, 3]);
    assert_eq!(
        prune(
            &models,
            Keep::Since(SystemTime::now() + Duration::from_secs(60)),
            Prune::Delete
        )
        .await,
        [2, 5, 6, 7, 8]
    );
    assert_eq!(batches(&models).await, [9], "the newest stays at any age");
}

/// A prune that was killed has written down what it was about to remove. The next one removes that, whatever it keeps.
#[tokio::test]
async fn a_prune_that_was_cut_off_is_finished_by_the_next() {
    let store = Store::in_memory();
    let models = nine(&store).await;
    let pruned = r#"{"version": 1, "aliases": {}, "pruned": [{"first": 1, "last": 6}]}"#;
    overwrite(&store, "m/aliases.json", pruned).await;
    // Killed within the removal of another, after its mark was gone.
    remove(&store, "m/batch_00000002/_SUCCESS").await;
    let refused = set(&models, 3, Direction::Any).await.unwrap_err();
    assert_is!(refused, ModelError::Pruned { .. });
    assert_eq!(
        prune(&models, newest(100), Prune::Delete).await,
        [1, 2, 3, 5, 6]
    );
    assert!(!store.exists("m/batch_00000002/model.json").await.unwrap());
    assert_eq!(batches(&models).await, [7, 8, 9]);
}

/// An alias is set to a batch just when a prune is about to write that this batch is pruned.
#[tokio::test]
async fn an_alias_that_is_set_during_a_prune_keeps_its_model() {
    let store = Store::in_memory();
    let others = nine(&store).await;
    let faulty = Faulty::new(store.object_store(), &[], &[]);
    let models = ModelStore::new(faulty.store());
    let setting = others.clone();
    faulty.before_next_write(async move {
        let moved = set(&setting, 5, Direction::Any).await.unwrap();
        assert_eq!(moved, AliasMove::Moved(None));
    });
    assert_eq!(prune(&models, newest(3), Prune::Delete).await, [1, 2, 3, 6]);
    assert!(others.read("m", batch(5)).await.is_ok());
}

/// A prune ends just when an alias is about to be written, after its model was seen to be complete.
#[tokio::test]
async fn an_alias_is_refused_for_a_model_that_goes_meanwhile() {
    let store = Store::in_memory();
    let others = nine(&store).await;
    let faulty = Faulty::new(store.object_store(), &[], &[]);
    let models = ModelStore::new(faulty.store());
    faulty.before_next_write(async move {
        assert_eq!(prune(&others, newest(3), Prune::Delete).await.len(), 5);
    });
    let refused = set(&models, 5, Direction::Any).await.unwrap_err();
    assert_is!(refused, ModelError::Pruned { .. });
    assert_eq!(
        models.aliases(&m()).await.unwrap().batch("production"),
        None
    );
}

/// A prune that is told to stop removes the rest another time.
#[tokio::test]
async fn a_prune_that_is_stopped_says_how_far_it_came() {
    let models = ModelStore::new(Store::in_memory());
    for number in 1..=40 {
        keep(&models, &model("m", batch(number))).await;
    }
    let stop = |_| ControlFlow::Break(());
    let first = models.prune(&m(), newest(1), Prune::Delete, stop).await;
    let first = first.unwrap().len();
    assert!((1..39).contains(&first), "{first}");
    assert_eq!(batches(&models).await.len(), 40 - first);
    let rest = prune(&models, newest(40), Prune::Delete).await;
    assert_eq!(rest.len(), 39 - first);
    assert_eq!(batches(&models).await, [40]);
}

/// Sees that the alias stands for a model that can be read.
async fn see_the_alias(models: &ModelStore) {
    let alias = async || models.aliases(&m()).await.unwrap().batch("production");
    let before = alias().await;
    let read = models.read("m", before.unwrap()).await;
    // The alias may have moved on since, and the model been pruned.
    if let Err(error) = read {
        assert_ne!(alias().await, before, "{error}");
    }
}

/// One moves an alias over all batches, one prunes, one trains new models and old ones again, all at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alias_never_stands_for_nothing() {
    const BATCHES: u64 = 40;
    let dir = tempfile::tempdir().unwrap();
    let models = ModelStore::new(folder(dir.path()));
    keep(&models, &model("m", batch(1))).await;
    set(&models, 1, Direction::Any).await.unwrap();
    let ended = AtomicBool::new(false);
    let train = async {
        for number in 2..=BATCHES {
            keep(&models, &model("m", batch(number))).await;
            let again = model("m", batch(number.div_ceil(2)));
            models.write(&again, Existing::Replace).await.unwrap();
            see_the_alias(&models).await;
        }
    };
    let alias = async {
        let mut at = 1;
        while at < BATCHES {
            let from = at;
            for number in from..=BATCHES {
                match set(&models, number, Direction::Any).await {
                    Ok(_) => at = number,
                    Err(ModelError::Pruned { .. } | ModelError::NotFound { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
                see_the_alias(&models).await;
            }
        }
        ended.store(true, Ordering::Relaxed);
    };
    let pruning = async {
        while !ended.load(Ordering::Relaxed) {
            prune(&models, newest(2), Prune::Delete).await;
            see_the_alias(&models).await;
        }
    };
    let all = async { futures::join!(train, alias, pruning) };
    let in_time = tokio::time::timeout(Duration::from_secs(60), all).await;
    in_time.unwrap();
    let last = models.aliases(&m()).await.unwrap().batch("production");
    assert_eq!(last, batch(BATCHES));
    models.read("m", batch(BATCHES)).await.unwrap();
}
