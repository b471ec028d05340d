//! `/predict_cluster/`, as clients of the Python service use it.

use gugus_clusters::Fitted;
use gugus_files::Store;
use gugus_serve::Config;
use serde_json::json;

use crate::folders::{CENTERS, batch, by_sql, cosine, feature, location, write, write_as_spark};
use crate::service::{Service, cases};

const PATH: &str = "/predict_cluster/";

#[test]
fn the_nearest_center_of_the_batch_with_and_without_a_slash() {
    let service = Service::of([
        location("location", batch(1), &CENTERS),
        location("location", batch(2), &[CENTERS[2], CENTERS[0]]),
    ]);
    for path in [PATH, "/predict_cluster"] {
        for (cluster, [lat, lon]) in (0..).zip(CENTERS) {
            assert_eq!(
                service.cluster(path, &json!({"lat": lat + 0.01, "lon": lon, "model": 1})),
                cluster
            );
        }
        let [lat, lon] = CENTERS[0];
        assert_eq!(
            service.cluster(path, &json!({"lat": lat, "lon": lon, "model": 2})),
            1
        );
    }
}

#[test]
fn numbers_may_be_text_and_other_fields_do_not_matter() {
    let service = Service::of([location("location", batch(1), &CENTERS)]);
    for body in [
        r#"{"lat": "33.7", "lon": " -118.3 ", "model": "1"}"#,
        r#"{"lat": 33.7, "lon": -118.3, "model": 1.0, "extra": {"a": [1]}}"#,
        " \r\n{\"model\": 1, \"lon\": -118.3, \"lat\": 33.7}\n",
    ] {
        assert_eq!(service.post(PATH, body).cluster(), 2, "{body}");
    }
}

/// Bodies, and how they are refused.
const REFUSED: &str = r#"
    {"lat": 34.1, "lon": -118.3, "model": 99, "model": 1} => 422 wrong_value: model, twice
    {"lat": 1.0, "lon": 1.0, "model": 99} => 404 unknown_batch: location, 99
    {"lat": "x", "lon": 1.0, "model": 1} => 422 wrong_value: lat, x
    {"lat": 1.0, "model": 1} => 422 missing_field: lon
    {"lat": 1.0, "lon": null, "model": 1} => 422 missing_field: lon
    {"lat": 1.0, "lon": "", "model": 1} => 422 missing_field: lon
    {"lat": 1.0, "lon": 2.0} => 422 missing_field: model
    {"lat": [1], "lon": 2.0, "model": 1} => 422 wrong_value: lat, array
    {"lat": true, "lon": 2.0, "model": 1} => 422 wrong_value: lat
    {"lat": 1.0, "lon": 2.0, "model": -1} => 422 wrong_value: model, -1
    {"lat": 1.0, "lon": 2.0, "model": 0} => 422 wrong_value: model, 0
    {"lat": 1.0, "lon": 2.0, "model": 1.5} => 422 wrong_value: model, 1.5
    {"lat": 1.0, "lon": 2.0, "model": "the latest"} => 422 wrong_value: model
    {"lat": 1.0, "lon": 2.0, "model": "production"} => 404 unknown_batch: location, production
    {"lat": 1e999, "lon": 1, "model": 1} => 422 wrong_value: lat, 1e999
    {"lat": "inf", "lon": 1, "model": 1} => 422 not_finite: lat
    {"lat": 1, "lon": "nan", "model": 1} => 422 not_finite: lon
    {"lat": NaN, "lon": 1, "model": 1} => 422 not_finite: lat
    { => 400 not_json
    [] => 422 wrong_value: array
    17 => 422 wrong_value: number
"#;

#[test]
fn wrong_requests_are_refused_with_the_field() {
    let service = Service::of([location("location", batch(1), &CENTERS)]);
    let blank = [
        ("", "400 not_json: empty"),
        ("   ", "400 not_json: empty"),
        ("\u{feff}{}", "422 missing_field: lat"),
    ];
    for (body, expected) in cases(REFUSED).chain(blank) {
        let answer = service.post(PATH, body);
        answer.refused(expected);
        let text = String::from_utf8_lossy(&answer.body);
        assert!(!text.contains(service.folder().to_str().unwrap()), "{body}");
    }
    service
        .post(PATH, b"{\"lat\": \"\xff\"}")
        .refused("400 not_json: UTF-8");
}

#[test]
fn the_model_is_the_chosen_one_else_location_else_the_old_name_else_the_only_one() {
    let dir = tempfile::tempdir().unwrap();
    let at = |center: usize| {
        let mut centers = [[0.0, 0.0]; 3];
        centers[center] = [50.0, 50.0];
        centers
    };
    let point = json!({"lat": 50, "lon": 50, "model": 3});
    let service = Service::of_folder(dir.path());
    service
        .post_json(PATH, &point)
        .refused("404 unknown_model: no models");

    write(dir.path(), &location("other", batch(3), &at(0)));
    service.wait_for("the only model", |s| {
        s.post_json(PATH, &point).status == 200
    });
    assert_eq!(service.cluster(PATH, &point), 0);

    write(dir.path(), &location("more", batch(3), &at(0)));
    service.wait_for("no model is the only one", |s| {
        s.post_json(PATH, &point).status == 404
    });
    service
        .post_json(PATH, &point)
        .refused("404 unknown_model: location, kmeans_model");

    write_as_spark(dir.path(), "kmeans_model_batch_3", &at(1));
    service.wait_for("the old name", |s| s.post_json(PATH, &point).status == 200);
    assert_eq!(service.cluster(PATH, &point), 1);

    write(dir.path(), &location("location", batch(3), &at(2)));
    service.wait_for("the name location", |s| s.cluster(PATH, &point) == 2);

    let mut config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    config.predict_cluster = Some("more".to_owned());
    assert_eq!(Service::start(config.clone()).cluster(PATH, &point), 0);
    config.predict_cluster = Some("gone".to_owned());
    Service::start(config)
        .post_json(PATH, &point)
        .refused("404 unknown_model: gone");
}

#[test]
fn a_model_that_takes_no_point_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut three = location("location", batch(1), &CENTERS);
    three
        .about
        .features
        .push(feature("sum", "\"LAT\" + \"LON\""));
    if let Fitted::Centers(model) = &mut three.fitted {
        model.centers.iter_mut().for_each(|center| center.push(1.0));
    }
    write(dir.path(), &three);
    write(dir.path(), &location("location", None, &CENTERS));
    write(
        dir.path(),
        &cosine(location("location", batch(2), &CENTERS)),
    );
    write(dir.path(), &by_sql("location", batch(3)));
    let service = Service::of_folder(dir.path());
    service
        .post_json(PATH, &json!({"lat": 1, "lon": 1, "model": 1}))
        .refused("422 wrong_model: 3 features");
    service
        .post_json(PATH, &json!({"lat": 0, "lon": 0, "model": 2}))
        .refused("422 wrong_value: zero vector");
    assert_eq!(
        service.cluster(PATH, &json!({"lat": 19, "lon": 0, "model": 3})),
        1
    );
}
