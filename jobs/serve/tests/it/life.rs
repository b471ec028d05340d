//! Models come, change, break and go, while clients ask without pause.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gugus_files::Store;
use gugus_models::{Extent, ModelStore};
use gugus_serve::Config;
use gugus_spec::BatchNumber;
use serde_json::{Value, json};

use crate::folders::{CENTERS, batch, block_on, location, set_alias, write};
use crate::noticed::break_model;
use crate::service::{DEADLINE, Service};

/// How long models change.
const LENGTH: Duration = Duration::from_secs(4);

/// How many changes have to be made at least.
const LEAST: u64 = 20;

/// How many batches a model has at a time. Older ones are removed.
const KEPT: u64 = 5;

/// The paths of models that are good all the time, and what each has to answer: the model of one batch that never changes,
/// one that is written again with the same centers, one that is broken after it was asked, the newest one, and an alias.
const GOOD: [&str; 5] = [
    "/models/still/batches/1/predict",
    "/models/again/batches/1/predict",
    "/models/broken/batches/1/predict",
    "/models/moving/batches/latest/predict",
    "/models/moving/batches/production/predict",
];

#[test]
fn no_answer_of_a_good_model_fails_while_others_come_change_break_and_go() {
    let dir = tempfile::tempdir().unwrap();
    for model in ["still", "again", "broken", "moving"] {
        write(dir.path(), &location(model, batch(1), &CENTERS));
    }
    let models = ModelStore::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    block_on(set_alias(&models, "moving", "production", 1));
    let mut config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    // The whole store is looked through at the same time.
    config.poll = Duration::from_millis(100);
    let service = Service::start(config);
    let (end, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let ask = |path: &str| {
        for center in (0..CENTERS.len()).cycle() {
            if end.load(Ordering::Relaxed) {
                return;
            }
            let record: Value = json!({"LAT": CENTERS[center][0], "LON": CENTERS[center][1]});
            let answer = service.post_json(path, &record);
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, 200, "{path}: {text}");
            assert_eq!(answer.cluster(), center as u64, "{path}");
            asked.fetch_add(1, Ordering::Relaxed);
        }
    };
    GOOD.iter().for_each(|path| {
        assert_eq!(
            service.post_json(path, &json!({"LAT": 1, "LON": 1})).status,
            200,
            "{path}"
        );
    });
    let changes = std::thread::scope(|scope| {
        let asking: Vec<_> = GOOD.iter().map(|path| scope.spawn(|| ask(path))).collect();
        let changes = change(dir.path(), &models, &|| {
            asking.iter().any(|it| it.is_finished())
        });
        end.store(true, Ordering::Relaxed);
        changes
    });
    let asked = asked.into_inner();
    assert!(
        changes > LEAST && asked > 200,
        "{changes} changes, {asked} answers"
    );
    // Each look tells what had come and gone when it began, and the last change may be later.
    service.wait_for("the list of what is left", |service| {
        service.get("/models/moving").json()["batches"] == json!(left(changes))
    });
}

/// The batches of the model `moving` after change `last`.
fn left(last: u64) -> Vec<u64> {
    (last + 1 - KEPT..=last).collect()
}

/// Changes models for a while, or until `stop`, and counts the changes.
fn change(folder: &Path, models: &ModelStore, stop: &dyn Fn() -> bool) -> u64 {
    let begin = Instant::now();
    let mut number = 1;
    // A busy machine gets more time for its changes.
    while (begin.elapsed() < LENGTH || number <= LEAST) && begin.elapsed() < DEADLINE && !stop() {
        number += 1;
        write(folder, &location("moving", batch(number), &CENTERS));
        write(folder, &location("again", batch(1), &CENTERS));
        break_model(folder, "broken/batch_00000001");
        write(
            folder,
            &location(&format!("other_{number}"), None, &CENTERS),
        );
        block_on(set_alias(models, "moving", "production", number));
        // Only what no alias stands for, as `models prune` does.
        if let Some(old) = number.checked_sub(KEPT).and_then(BatchNumber::new) {
            let old = ModelStore::folder(&"moving".parse().unwrap(), &Extent::Batch(old));
            std::fs::remove_dir_all(folder.join(old)).unwrap();
            std::fs::remove_dir_all(folder.join(format!("other_{}", number - KEPT))).ok();
        }
    }
    number
}
