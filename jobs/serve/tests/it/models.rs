//! The models that can be asked, and changes of them.

use std::fs;
use std::path::Path;

use gugus_files::Store;
use gugus_serve::Config;
use serde_json::json;

use crate::folders::{CENTERS, batch, by_sql, location, month, write, write_as_spark};
use crate::service::Service;

#[test]
fn models_and_their_batches_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    for number in [10, 2, 1] {
        write(dir.path(), &location("location", batch(number), &CENTERS));
    }
    write(dir.path(), &by_sql("over_all", None));
    write_as_spark(dir.path(), "kmeans_model_batch_7", &CENTERS);
    fs::write(dir.path().join("README"), b"models").unwrap();
    let service = Service::of_folder(dir.path());
    let answer = service.get("/models");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        answer.json(),
        json!({"models": [
            {"model": "kmeans_model", "batches": [7]},
            {"model": "location", "batches": [1, 2, 10]},
            {"model": "over_all", "batches": []},
        ]})
    );

    let model = service.get("/models/location").json();
    assert_eq!(
        model,
        json!({"model": "location", "batches": [1, 2, 10], "all": null})
    );
    assert_eq!(
        service.get("/models/over_all").json()["all"]["where"],
        "\"AREA\" IS NOT NULL AND \"Vict Age\" > 0"
    );

    let trained = service.get("/models/location/batches/latest").json();
    assert_eq!(trained["batch"], 10);
    assert_eq!(trained["centers"], json!(CENTERS));
    assert_eq!(
        trained["features"][0],
        json!({"name": "LAT", "sql": "\"LAT\""})
    );
    assert_eq!(
        trained["columns"][1],
        json!({"name": "LON", "type": "float64", "required": true})
    );
    assert_eq!(trained["params"]["init_mode"], "k-means||");
    assert_eq!(
        (
            &trained["rows"],
            &trained["iterations"],
            &trained["training_cost"]
        ),
        (&json!(100), &json!(7), &json!(1.25))
    );

    let sparks = service.get("/models/kmeans_model/batches/7").json();
    assert_eq!(sparks["centers"], json!(CENTERS));
    assert_eq!(
        (&sparks["features"], &sparks["params"], &sparks["k"]),
        (&json!([]), &json!(null), &json!(3))
    );

    service
        .get("/models/nope")
        .refused("404 unknown_model: nope");
    service
        .get("/models/location/batches/3")
        .refused("404 unknown_batch: batch 3");
    service
        .get("/models/..%2f..%2fetc")
        .refused("404 unknown_model: ..");
    service
        .get("/models/over_all/batches/latest")
        .refused("404 unknown_batch: no batches");
}

#[test]
fn a_folder_that_is_not_there_yet_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("later/models");
    let service = Service::of_folder(&folder);
    assert_eq!(service.get("/models").json(), json!({"models": []}));
    assert_eq!(service.get("/health").json()["models"], 0);
    write(&folder, &location("location", batch(1), &CENTERS));
    service.wait_for("the first model", |s| {
        s.get("/models").json()["models"] != json!([])
    });
}

#[test]
fn a_file_in_place_of_the_folder_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("models");
    fs::write(&file, b"").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Config::new(Store::open(file.to_str().unwrap()).unwrap());
    let ready = |_| panic!("it is not ready");
    let error = runtime
        .block_on(gugus_serve::run(
            listener,
            config,
            ready,
            Default::default(),
        ))
        .unwrap_err();
    assert!(matches!(error, gugus_serve::Error::Models(_)), "{error}");
}

#[test]
fn a_retrained_model_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &location("location", batch(1), &CENTERS));
    write_as_spark(dir.path(), "old_batch_1", &CENTERS);
    let service = Service::of_folder(dir.path());
    let record = json!({"LAT": CENTERS[0][0], "LON": CENTERS[0][1]});
    let numbers = json!({"features": CENTERS[0]});
    let cluster = |s: &Service| s.cluster("/models/location/batches/latest/predict", &record);
    let old = |s: &Service| s.cluster("/models/old/batches/1/predict", &numbers);
    assert_eq!((cluster(&service), old(&service)), (0, 0));

    write(
        dir.path(),
        &location("location", batch(1), &[CENTERS[1], CENTERS[0]]),
    );
    service.wait_for("the retrained model", |s| cluster(s) == 1);

    write(
        dir.path(),
        &location("location", batch(2), &[CENTERS[1], CENTERS[2], CENTERS[0]]),
    );
    service.wait_for("the next batch", |s| cluster(s) == 2);

    fs::remove_dir_all(dir.path().join("old_batch_1")).unwrap();
    write_as_spark(dir.path(), "old_batch_1", &[CENTERS[2], CENTERS[0]]);
    service.wait_for("Spark's new model", |s| {
        s.post_json("/models/old/batches/1/predict", &numbers)
            .json()["cluster"]
            == 1
    });

    fs::remove_dir_all(dir.path().join("location")).unwrap();
    service.wait_for("the end of the model", |s| {
        s.get("/models/location").status == 404
    });
    service
        .post_json("/models/location/batches/1/predict", &record)
        .refused("404 unknown_model: location");
}

#[test]
fn a_model_that_cannot_be_used_is_named_and_the_others_are_served() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &location("good", batch(1), &CENTERS));
    write(dir.path(), &location("torn", batch(1), &CENTERS));
    tear(&dir.path().join("torn/batch_00000001"));
    write_as_spark(dir.path(), "foreign_batch_1", &CENTERS);
    fs::write(
        dir.path().join("foreign_batch_1/metadata/part-00000"),
        b"{}",
    )
    .unwrap();
    let mut wrong_sql = location("sql", batch(1), &CENTERS);
    wrong_sql.about.features[0].sql = "nonsense(\"LAT\")".to_owned();
    write(dir.path(), &wrong_sql);

    let service = Service::of_folder(dir.path());
    let record = json!({"LAT": 1, "LON": 1});
    let ask =
        |model: &str| service.post_json(&format!("/models/{model}/batches/1/predict"), &record);
    assert_eq!(ask("good").status, 200);
    ask("torn").refused("404 unknown_batch: torn, trained again");
    ask("foreign").refused("503 model_unusable: foreign");
    ask("sql").refused("503 model_unusable: sql, nonsense");
    for model in ["torn", "foreign", "sql"] {
        let body = ask(model).body;
        assert!(!String::from_utf8_lossy(&body).contains(dir.path().to_str().unwrap()));
    }
    assert_eq!(service.get("/health").status, 200);
}

/// Cuts off the data of a model.
fn tear(folder: &Path) {
    let data = fs::read_dir(folder.join("data")).unwrap();
    let mut files = data.map(|file| file.unwrap().path());
    let part = files.find(|path| path.extension().is_some_and(|e| e == "parquet"));
    fs::write(part.unwrap(), b"PAR1").unwrap();
}

#[test]
fn latest_is_the_newest_model_that_can_be_served_and_the_answer_names_it() {
    let dir = tempfile::tempdir().unwrap();
    for number in [1, 2, 3, 4] {
        write(dir.path(), &location("location", batch(number), &CENTERS));
    }
    write(dir.path(), &month("location", "May ä", &CENTERS));
    tear(&dir.path().join("location/batch_00000003"));
    fs::remove_file(dir.path().join("location/batch_00000004/_SUCCESS")).unwrap();
    write_as_spark(dir.path(), "location_batch_5", &CENTERS);
    tear(&dir.path().join("location_batch_5"));
    let service = Service::of_folder(dir.path());
    let [lat, lon] = CENTERS[1];
    let record = json!({"LAT": lat, "LON": lon});
    let latest = service.get("/models/location/batches/latest").json();
    assert_eq!(latest["batch"], 2);
    let answer = service.post_json("/models/location/batches/latest/predict", &record);
    assert_eq!(
        (answer.cluster(), answer.header("gugus-batch")),
        (1, Some("2"))
    );
    assert_eq!(answer.header("gugus-model"), Some("location"));
    assert_eq!(answer.header("gugus-uid"), latest["uid"].as_str());
    let point = json!({"lat": lat, "lon": lon, "model": 1});
    let answer = service.post_json("/predict_cluster/", &point);
    assert_eq!(answer.header("gugus-batch"), Some("1"));
    let answer = service.post_json("/models/location/windows/May%20%C3%A4/predict", &record);
    assert_eq!(answer.header("gugus-window"), Some("May %C3%A4"));
    assert_eq!(answer.header("gugus-batch"), None);
    let old = service.post_json("/models/location/batches/3/predict", &record);
    old.refused("404 unknown_batch: trained again");
    let cut_off = service.post_json("/models/location/batches/4/predict", &record);
    cut_off.refused("404 unknown_batch: location/batch_00000004 cannot be served, no _SUCCESS");

    let unusable = service.get("/models").json()["unusable"].clone();
    assert_eq!(service.get("/models/location").json()["unusable"], unusable);
    let expected = [
        ("location/batch_00000003", "is missing or was changed"),
        ("location/batch_00000004", "no _SUCCESS"),
        ("location/batch_00000005", "not a whole parquet file"),
    ];
    assert_eq!(
        unusable.as_array().unwrap().len(),
        expected.len(),
        "{unusable}"
    );
    for (index, (folder, reason)) in expected.into_iter().enumerate() {
        assert_eq!(unusable[index]["folder"], folder);
        assert!(
            unusable[index]["reason"].as_str().unwrap().contains(reason),
            "{unusable}"
        );
    }

    // A folder that is written again is served again.
    write(dir.path(), &location("location", batch(3), &CENTERS));
    service.wait_for("the model of batch 3", |s| {
        let answer = s.post_json("/models/location/batches/latest/predict", &record);
        answer.header("gugus-batch") == Some("3")
    });
    let unusable = service.get("/models").json()["unusable"].clone();
    assert_eq!(unusable.as_array().unwrap().len(), 2, "{unusable}");
}

#[test]
fn folders_that_cannot_be_served_are_listed_with_their_reason() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &location("good", batch(1), &CENTERS));
    let mut wrong_sql = location("sql", None, &CENTERS);
    wrong_sql.about.features[0].sql = "nonsense(\"LAT\")".to_owned();
    write(dir.path(), &wrong_sql);
    write_as_spark(dir.path(), "pipeline", &CENTERS);
    let metadata = dir.path().join("pipeline/metadata/part-00000");
    let line = fs::read_to_string(&metadata).unwrap();
    fs::write(
        &metadata,
        line.replace("clustering.KMeansModel", "PipelineModel"),
    )
    .unwrap();
    write_as_spark(dir.path(), "no_marks", &CENTERS);
    for part in ["metadata", "data"] {
        fs::remove_file(dir.path().join("no_marks").join(part).join("_SUCCESS")).unwrap();
    }
    write_as_spark(dir.path(), "copied", &CENTERS);
    fs::remove_dir_all(dir.path().join("copied/data")).unwrap();
    let service = Service::of_folder(dir.path());
    service
        .get("/models/copied")
        .refused("404 unknown_model: copied cannot be served, no file in data/");
    let listed = service.get("/models").json();
    let reasons = listed["unusable"].as_array().unwrap();
    let text = |index: usize| reasons[index].to_string();
    assert_eq!(reasons.len(), 3, "{listed}");
    assert!(text(0).contains("copied"), "{listed}");
    assert!(
        text(1).contains("pipeline") && text(1).contains("PipelineModel"),
        "{listed}"
    );
    assert!(
        text(2).contains("sql/all") && text(2).contains("nonsense"),
        "{listed}"
    );
    assert!(
        !listed.to_string().contains(dir.path().to_str().unwrap()),
        "{listed}"
    );
    assert_eq!(service.get("/models/good").json().get("unusable"), None);
    let of_sql = service.get("/models/sql").json();
    assert_eq!(
        (&of_sql["all"], &of_sql["unusable"][0]),
        (&json!(null), &reasons[2])
    );
    let record = json!({"features": CENTERS[2]});
    assert_eq!(service.cluster("/models/no_marks/predict", &record), 2);
}

/// An expression that is too long or too deep must not end the service.
#[test]
fn a_model_whose_expression_is_too_large_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &location("good", batch(1), &CENTERS));
    let nested = |open: &str, close: &str, times: usize| {
        format!("{}\"LAT\"{}", open.repeat(times), close.repeat(times))
    };
    let cases = [
        ("sum", "\"LAT\"".to_owned() + &" + \"LAT\"".repeat(2_000)),
        ("parentheses", nested("(", ")", 7_000)),
        ("minus", nested("- ", "", 5_000)),
        ("functions", nested("abs(", ")", 2_500)),
        (
            "cases",
            nested("CASE WHEN 1 = 1 THEN ", " ELSE 0.0 END", 400),
        ),
        ("long", format!("\"LAT\" + {}1", "0".repeat(1_000_000))),
    ];
    for (name, sql) in &cases {
        let mut draft = location(name, batch(1), &CENTERS);
        draft.about.features[0].sql.clone_from(sql);
        write(dir.path(), &draft);
    }
    let service = Service::of_folder(dir.path());
    let record = json!({"LAT": 1, "LON": 1});
    for (name, _) in &cases {
        let answer = service.post_json(&format!("/models/{name}/batches/1/predict"), &record);
        answer.refused("503 model_unusable: cannot be served, LAT");
        assert!(answer.body.len() < 1_500, "{name}");
    }
    let listed = service.get("/models").json();
    let unusable = listed["unusable"].as_array().unwrap();
    assert_eq!(unusable.len(), cases.len(), "{listed}");
    for folder in unusable {
        let text = folder.to_string();
        let mut named = ["at most", "nested", "does not plan"].into_iter();
        assert!(named.any(|part| text.contains(part)), "{text}");
        assert!(text.len() < 1_500, "{text}");
    }
    assert_eq!(
        service
            .post_json("/models/good/batches/1/predict", &record)
            .status,
        200
    );
}

#[test]
fn a_store_that_fails_is_said_and_what_is_in_memory_is_served_on() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("models");
    write(&folder, &location("location", batch(1), &CENTERS));
    write(&folder, &location("location", batch(2), &CENTERS));
    let service = Service::of_folder(&folder);
    let record = json!({"LAT": CENTERS[2][0], "LON": CENTERS[2][1]});
    assert_eq!(
        service.cluster("/models/location/batches/1/predict", &record),
        2
    );

    // A file where the folder was: listing it fails, for root too.
    fs::rename(&folder, dir.path().join("away")).unwrap();
    fs::write(&folder, b"").unwrap();
    service.wait_for("the failure", |s| s.get("/health/ready").status == 503);
    service
        .get("/health")
        .refused("503 models_unavailable: cannot be listed");
    assert_eq!(service.get("/health/live").status, 200);
    assert_eq!(
        service.cluster("/models/location/batches/1/predict", &record),
        2
    );
    service
        .post_json("/models/location/batches/2/predict", &record)
        .refused("503 models_unavailable: try again");

    fs::remove_file(&folder).unwrap();
    fs::rename(dir.path().join("away"), &folder).unwrap();
    service.wait_for("the store", |s| s.get("/health/ready").status == 200);
    // A model that could not be read is not tried again for a second.
    service.wait_for("the model of batch 2", |s| {
        let answer = s.post_json("/models/location/batches/2/predict", &record);
        answer.status == 200 && answer.cluster() == 2
    });
}

#[test]
fn more_models_than_fit_in_memory_are_served() {
    let dir = tempfile::tempdir().unwrap();
    for number in 1..=6 {
        let mut centers = [[0.0, 0.0]; 6];
        centers[number as usize - 1] = CENTERS[0];
        write(dir.path(), &location("location", batch(number), &centers));
    }
    let mut config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    // Two of these models.
    config.cache_size = 25_000;
    let service = Service::start(config);
    for _ in 0..3 {
        for number in 1..=6 {
            let point = json!({"lat": CENTERS[0][0], "lon": CENTERS[0][1], "model": number});
            assert_eq!(service.cluster("/predict_cluster/", &point), number - 1);
        }
    }
}
