//! Changes of the store are noticed, and the models that answer stay good meanwhile.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gugus_files::{FolderContent, Onto, Store};
use gugus_models::{Existing, ModelStore};
use gugus_serve::Config;
use serde_json::{Value, json};

use crate::folders::{CENTERS, batch, block_on, location, set_alias, write};
use crate::service::Service;

/// Longer than any test waits: what comes sooner was noticed.
const NEVER: Duration = Duration::from_secs(3_600);

/// A service that hears of changes, and never looks for them.
fn by_notices(folder: &Path) -> Service {
    let mut config = Config::new(Store::open(folder.to_str().unwrap()).unwrap());
    config.poll = NEVER;
    Service::start(config)
}

/// Puts a folder in place that looks complete and holds no model.
pub(crate) fn break_model(folder: &Path, model: &str) {
    let store = Store::open(folder.to_str().unwrap()).unwrap();
    let content = Arc::new(FolderContent {
        files: vec![("model.json".to_owned(), r#"{"version": 1}"#.into())],
        mark: "_SUCCESS",
        mark_content: "".into(),
    });
    block_on(store.put_folder(model, content, Onto::Anything)).unwrap();
}

fn record(center: usize) -> Value {
    json!({"LAT": CENTERS[center][0], "LON": CENTERS[center][1]})
}

fn path(batch: &str) -> String {
    format!("/models/location/batches/{batch}/predict")
}

/// How long the condition takes to come true.
#[track_caller]
fn time(service: &Service, what: &str, there: impl Fn(&Service) -> bool) -> Duration {
    let begin = Instant::now();
    while !there(service) {
        assert!(begin.elapsed() < crate::service::DEADLINE, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
    begin.elapsed()
}

#[test]
fn a_folder_tells_of_new_replaced_and_removed_models_at_once() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &location("location", batch(1), &CENTERS));
    let service = by_notices(dir.path());
    assert_eq!(service.cluster(&path("1"), &record(0)), 0);
    let mut times = Vec::new();
    for number in 2..=6 {
        write(dir.path(), &location("location", batch(number), &CENTERS));
        times.push(time(&service, "a new batch", |s| {
            s.post_json(&path(&number.to_string()), &record(0)).status == 200
        }));
        let turned = [CENTERS[1], CENTERS[0]];
        write(dir.path(), &location("location", batch(number), &turned));
        times.push(time(&service, "a replaced batch", |s| {
            s.cluster(&path(&number.to_string()), &record(0)) == 1
        }));
        let latest = service.post_json(&path("latest"), &record(0));
        assert_eq!(latest.header("gugus-batch"), Some(&*number.to_string()));
    }
    write(dir.path(), &location("other", None, &CENTERS));
    times.push(time(&service, "a new model", |s| {
        s.post_json("/models/other/predict", &record(0)).status == 200
    }));
    fs::remove_dir_all(dir.path().join("location/batch_00000006")).unwrap();
    times.push(time(&service, "the end of a batch", |s| {
        s.post_json(&path("6"), &record(0)).status == 404
    }));
    fs::remove_dir_all(dir.path().join("other")).unwrap();
    times.push(time(&service, "the end of a model", |s| {
        s.get("/models/other").status == 404
    }));
    // A machine that runs tests has other things to do at times, but not most of the time.
    times.sort_unstable();
    let median = times[times.len() / 2];
    assert!(median < Duration::from_millis(100), "{times:?}");
}

#[test]
fn a_folder_that_is_copied_into_place_is_noticed_when_it_is_complete() {
    let (dir, away) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(dir.path(), &location("location", batch(1), &CENTERS));
    write(away.path(), &location("location", batch(2), &CENTERS));
    let service = Service::of_folder(dir.path());
    let (from, to) = (
        away.path().join("location/batch_00000002"),
        dir.path().join("location/batch_00000002"),
    );
    let copy = |file: &str| {
        assert_eq!(service.post_json(&path("2"), &record(0)).status, 404);
        fs::copy(from.join(file), to.join(file)).unwrap();
    };
    fs::create_dir_all(&to).unwrap();
    copy("model.json");
    for part in ["data", "metadata"] {
        fs::create_dir_all(to.join(part)).unwrap();
        for file in fs::read_dir(from.join(part)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(part).join(file.file_name())).unwrap();
        }
    }
    copy("_SUCCESS");
    service.wait_for("the copy", |s| {
        s.post_json(&path("2"), &record(0)).status == 200
    });
}

#[test]
fn a_store_that_tells_nothing_is_looked_through_again_and_again() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    let write = |draft| block_on(models.write(&draft, Existing::Replace)).unwrap();
    write(location("location", batch(1), &CENTERS));
    let mut config = Config::new(store);
    config.poll = Duration::from_millis(50);
    let service = Service::start(config);
    assert_eq!(service.cluster(&path("latest"), &record(0)), 0);
    write(location("location", batch(2), &[CENTERS[1], CENTERS[0]]));
    service.wait_for("the new batch", |s| {
        s.cluster(&path("latest"), &record(0)) == 1
    });
    write(location(
        "location",
        batch(2),
        &[CENTERS[1], CENTERS[2], CENTERS[0]],
    ));
    service.wait_for("the replaced batch", |s| {
        s.cluster(&path("latest"), &record(0)) == 2
    });
    block_on(set_alias(&models, "location", "production", 1));
    service.wait_for("the alias", |s| {
        s.post_json(&path("production"), &record(0)).status == 200
    });
}

#[test]
fn a_model_that_is_replaced_by_a_broken_one_answers_on_and_the_reason_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for number in [1, 2] {
        write(dir.path(), &location("location", batch(number), &CENTERS));
    }
    write(dir.path(), &location("alone", batch(1), &CENTERS));
    let service = by_notices(dir.path());
    let alone = "/models/alone/batches/latest/predict";
    assert_eq!(service.cluster(&path("2"), &record(2)), 2);
    assert_eq!(service.cluster(alone, &record(2)), 2);
    break_model(dir.path(), "location/batch_00000002");
    break_model(dir.path(), "alone/batch_00000001");
    let reasons = |s: &Service| s.get("/models").json()["unusable"].clone();
    service.wait_for("the reasons", |s| {
        reasons(s).as_array().is_some_and(|all| all.len() == 2)
    });
    let named = reasons(&service);
    assert_eq!(named[0]["folder"], "alone/batch_00000001");
    assert_eq!(named[1]["folder"], "location/batch_00000002");
    assert!(
        named[1]["reason"]
            .as_str()
            .unwrap()
            .contains("not what gugus writes"),
        "{named}"
    );

    // The exact batch answers from memory. `latest` prefers a model that the store has, and takes this one if there is none.
    assert_eq!(service.cluster(&path("2"), &record(2)), 2);
    let latest = service.post_json(&path("latest"), &record(2));
    assert_eq!(latest.header("gugus-batch"), Some("1"));
    assert_eq!(service.cluster(alone, &record(2)), 2);

    write(
        dir.path(),
        &location("location", batch(2), &[CENTERS[2], CENTERS[0]]),
    );
    service.wait_for("the good model", |s| s.cluster(&path("2"), &record(2)) == 0);
    let latest = service.post_json(&path("latest"), &record(2));
    assert_eq!(latest.header("gugus-batch"), Some("2"));
    assert_eq!(reasons(&service).as_array().unwrap().len(), 1);
}

#[test]
fn a_model_that_is_being_written_again_in_a_bucket_answers_on() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    let write = |draft| block_on(models.write(&draft, Existing::Replace)).unwrap();
    write(location("location", batch(1), &CENTERS));
    write(location("location", batch(2), &CENTERS));
    let mut config = Config::new(store.clone());
    config.poll = Duration::from_millis(20);
    let service = Service::start(config);
    assert_eq!(service.cluster(&path("latest"), &record(0)), 0);
    // A writer removes the mark first and writes it last.
    block_on(store.delete("location/batch_00000002/_SUCCESS")).unwrap();
    service.wait_for("the unfinished folder", |s| {
        s.get("/models").json()["unusable"][0]["folder"] == "location/batch_00000002"
    });
    for batch in ["2", "latest"] {
        let answer = service.post_json(&path(batch), &record(0));
        assert_eq!(answer.header("gugus-batch"), Some("2"));
    }
    write(location("location", batch(2), &[CENTERS[1], CENTERS[0]]));
    service.wait_for("the new model", |s| {
        s.cluster(&path("latest"), &record(0)) == 1
    });
}

#[test]
fn an_alias_stands_wherever_the_number_of_a_batch_may() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &location("location", batch(1), &CENTERS));
    write(
        dir.path(),
        &location("location", batch(2), &[CENTERS[1], CENTERS[0]]),
    );
    let models = ModelStore::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    let alias = |name: &str, number| block_on(set_alias(&models, "location", name, number));
    alias("production", 1);
    let service = by_notices(dir.path());
    assert_eq!(service.cluster(&path("production"), &record(0)), 0);
    let shown = service.get("/models/location/batches/production").json();
    assert_eq!(shown["batch"], 1);
    let listed = service.get("/models").json();
    assert_eq!(listed["models"][0]["aliases"], json!({"production": 1}));
    let listed = service.get("/models/location").json();
    assert_eq!(listed["aliases"], json!({"production": 1}));
    let point = |model: Value| {
        let point = json!({"lat": CENTERS[0][0], "lon": CENTERS[0][1], "model": model});
        service.post_json("/predict_cluster/", &point)
    };
    assert_eq!(point(json!("production")).cluster(), 0);
    assert_eq!(point(json!("latest")).cluster(), 1);
    assert_eq!(point(json!("1")).cluster(), 0);
    point(json!("staging")).refused("404 unknown_batch: staging, GET /models");
    point(json!("no alias")).refused("422 wrong_value: model");
    service
        .post_json(&path("staging"), &record(0))
        .refused("404 unknown_batch: staging, an alias");

    alias("production", 2);
    alias("staging", 1);
    service.wait_for("the alias that moved", |s| {
        s.cluster(&path("production"), &record(0)) == 1
    });
    service.wait_for("the new alias", |s| {
        s.post_json(&path("staging"), &record(0)).status == 200
    });
    assert_eq!(service.cluster(&path("staging"), &record(0)), 0);

    // Never another model, and never nothing said.
    fs::remove_dir_all(dir.path().join("location/batch_00000002")).unwrap();
    service.wait_for("the end of the model", |s| {
        s.post_json(&path("production"), &record(0)).status == 404
    });
    service
        .post_json(&path("production"), &record(0))
        .refused("404 unknown_batch: production, batch 2, gone");

    // Aliases that cannot be read are as they were.
    fs::write(dir.path().join("location/aliases.json"), "{").unwrap();
    service.wait_for("the reason", |s| {
        s.get("/models").json()["unusable"][0]["folder"] == "location/aliases.json"
    });
    assert_eq!(service.cluster(&path("staging"), &record(0)), 0);
    fs::remove_file(dir.path().join("location/aliases.json")).unwrap();
    service.wait_for("the end of the aliases", |s| {
        s.post_json(&path("staging"), &record(0)).status == 404
    });
    assert_eq!(service.get("/models").json().get("unusable"), None);
}
