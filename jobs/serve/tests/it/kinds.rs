//! Models that are not Spark's, and windows.

use serde_json::json;

use crate::folders::{CENTERS, batch, location, mixture, month, spots};
use crate::service::{Service, cases};

#[test]
fn a_place_near_no_hot_spot_is_noise() {
    let service = Service::of([spots("location", batch(1))]);
    let records = json!([
        {"LAT": 34.3, "LON": -118.0},
        {"LAT": 35.0, "LON": -118.0},
        {"LAT": 36.0, "LON": -118.5}
    ]);
    let answer = service.post_json("/models/location/batches/1/predict", &records);
    assert_eq!(
        answer.json(),
        json!([{"cluster": 0}, {"cluster": -1}, {"cluster": 1}])
    );
    let old = json!({"lat": 35.0, "lon": -118.0, "model": 1});
    let old = service.post_json("/predict_cluster/", &old);
    assert_eq!(old.json(), json!({"cluster": -1}));
    let shown = service.get("/models/location/batches/1").json();
    assert_eq!(
        (&shown["algorithm"], &shown["params"], &shown["noise"]),
        (
            &json!("dbscan"),
            &json!({"eps": 0.5, "min_points": 2}),
            &json!(10)
        )
    );
}

#[test]
fn a_mixture_gives_probabilities() {
    let service = Service::of([mixture("mixed", batch(1))]);
    let record = json!({"LAT": 35.5, "LON": -118.0});
    let answer = service.post_json("/models/mixed/batches/latest/predict", &record);
    let answer = answer.json();
    assert_eq!(answer["cluster"], 1);
    // Half a degree against one and a half: e^(1.5²/2 - 0.5²/2) to 1.
    let first = answer["probabilities"][0].as_f64().unwrap();
    let second = answer["probabilities"][1].as_f64().unwrap();
    assert!((second / first - 1.0_f64.exp()).abs() < 1e-9, "{answer}");
    assert!((first + second - 1.0).abs() < 1e-12, "{answer}");
    service
        .post_json(
            "/models/mixed/batches/latest/predict",
            &json!({"LAT": null, "LON": 1}),
        )
        .refused("422 missing_field: LAT");
}

/// Paths that name no window.
const UNKNOWN: &str = r#"
    /models/monthly/windows/2024-06/predict => 404 unknown_window: no window "2024-06"
    /models/plain/windows/2024-05/predict => 404 unknown_window: no window
    /models/none/windows/2024-05/predict => 404 unknown_model: none
    /models/monthly/predict => 404 unknown_batch: one of its windows
    /models/monthly/batches/latest/predict => 404 unknown_batch: one of its windows
"#;

#[test]
fn windows_are_asked_by_their_keys() {
    let service = Service::of([
        month("monthly", "2024-05", &CENTERS),
        month("monthly", "N Hollywood/ä", &[CENTERS[2], CENTERS[0]]),
        location("plain", batch(1), &CENTERS),
    ]);
    assert_eq!(
        service.get("/models").json()["models"],
        json!([
            {"model": "monthly", "batches": [], "windows": ["2024-05", "N Hollywood/ä"]},
            {"model": "plain", "batches": [1]}
        ])
    );
    let [lat, lon] = CENTERS[0];
    let record = json!({"LAT": lat, "LON": lon});
    for (key, cluster) in [("2024-05", 0), ("N%20Hollywood%2F%C3%A4", 1)] {
        let path = format!("/models/monthly/windows/{key}/predict");
        assert_eq!(service.cluster(&path, &record), cluster);
    }
    let shown = service.get("/models/monthly/windows/2024-05").json();
    assert_eq!(
        (&shown["window"], &shown["batch"]),
        (&json!("2024-05"), &json!(null))
    );
    for (path, expected) in cases(UNKNOWN) {
        service.post_json(path, &record).refused(expected);
    }
}
