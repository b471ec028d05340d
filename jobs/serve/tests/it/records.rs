//! Predictions by a record's own columns, or by bare numbers.

use gugus_files::Store;
use gugus_serve::{Config, UnknownColumns};
use gugus_spec::{ColumnType, Nullability};
use serde_json::{Value, json};

use crate::folders::{
    CENTERS, batch, by_sql, column, cosine, feature, location, write, write_as_spark,
};
use crate::service::{Service, cases};

const LOCATION: &str = "/models/location/batches/1/predict";
const SQL: &str = "/models/kind/batches/1/predict";

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &location("location", batch(1), &CENTERS));
    write(
        dir.path(),
        &location("location", batch(12), &[CENTERS[2], CENTERS[0]]),
    );
    write(
        dir.path(),
        &location("location", None, &[CENTERS[1], CENTERS[0], CENTERS[2]]),
    );
    write(dir.path(), &by_sql("kind", batch(1)));
    write_as_spark(dir.path(), "from_spark_batch_4", &CENTERS);
    write_as_spark(dir.path(), "crime_k5", &CENTERS);
    dir
}

#[test]
fn one_record_and_many() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let records: Vec<Value> = CENTERS
        .iter()
        .map(|c| json!({"LAT": c[0], "LON": c[1], "DR_NO": "7"}))
        .collect();
    for (cluster, record) in (0..).zip(&records) {
        assert_eq!(service.cluster(LOCATION, record), cluster);
        assert_eq!(service.clusters(LOCATION, &json!([record])), [cluster]);
    }
    let backwards: Vec<&Value> = records.iter().rev().collect();
    assert_eq!(service.clusters(LOCATION, &json!(backwards)), [2, 1, 0]);
    assert_eq!(service.post_json(LOCATION, &json!([])).json(), json!([]));
    assert_eq!(
        service
            .post(
                "/models/location/batches/1/predict/",
                records[1].to_string()
            )
            .cluster(),
        1
    );
    // The latest batch has the highest number, whatever the order of its text; the model without batch is another.
    assert_eq!(
        service.cluster("/models/location/batches/latest/predict", &records[0]),
        1
    );
    assert_eq!(
        service.cluster("/models/location/batches/12/predict", &records[2]),
        0
    );
    assert_eq!(service.cluster("/models/location/predict", &records[1]), 0);
}

#[test]
fn values_are_those_of_ingestion() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    for body in [
        r#"{"LAT": "33.7", "LON": "-118.3"}"#,
        r#"{"LAT": " 33.7", "LON": "-1.183e2"}"#,
    ] {
        assert_eq!(service.post(LOCATION, body).cluster(), 2, "{body}");
    }
    // Text to a whole number, a number to text with its digits kept, and what `where` alone reads is not needed.
    for (body, cluster) in [
        (r#"{"TIME OCC": "0330", "PART": "2"}"#, 0),
        (r#"{"TIME OCC": 2130.0, "PART": null}"#, 1),
        (
            r#"{"TIME OCC": 330, "PART": 1.50, "AREA": 3, "Vict Age": -2}"#,
            2,
        ),
        (r#"{"TIME OCC": 330, "PART": 1.5, "AREA": "no number"}"#, 0),
    ] {
        assert_eq!(service.post(SQL, body).cluster(), cluster, "{body}");
    }
    assert_eq!(
        service
            .post(
                SQL,
                r#"[{"TIME OCC": 2200}, {"TIME OCC": "0300", "PART": "1.50"}, {"TIME OCC": 100}]"#
            )
            .clusters(),
        [1, 2, 0]
    );
}

/// Records, and how the model of two columns refuses them.
const REFUSED: &str = r#"
    {"LAT": 0, "LON": -118.3, "LAT": 33.7} => 422 wrong_value: LAT, twice
    {"LAT": 1} => 422 missing_field: LON
    {"lat": 1, "lon": 2} => 422 missing_field: LAT
    {"LAT": 1, "LON": ""} => 422 missing_field: LON
    {"LAT": "north", "LON": 1} => 422 wrong_value: LAT, north
    {"LAT": {"deg": 1}, "LON": 1} => 422 wrong_value: LAT, object
    {"LAT": 1e999, "LON": 1} => 422 wrong_value: LAT
    {"LAT": "nan", "LON": 1} => 422 not_finite: LAT, NaN
    {"LAT": 1, "LON": "-inf"} => 422 not_finite: LON, infinite
    {"LAT": NaN, "LON": 1} => 422 not_finite: LAT
    {"LAT": 1, "LON": 1 => 400 not_json
    {"LAT": 1, "LON": 1} {} => 400 not_json
     => 400 not_json
    null => 422 wrong_value: null
    "text" => 422 wrong_value: string
"#;

/// As [`REFUSED`], by the model of SQL.
const REFUSED_BY_SQL: &str = r#"
    {"TIME OCC": null} => 422 missing_field: hour, TIME OCC
    {} => 422 missing_field: none of the columns, TIME OCC, PART
    {"TIME OCC": 3.5} => 422 wrong_value: TIME OCC, 3.5
"#;

#[test]
fn wrong_records_are_refused_with_column_or_feature() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    for (path, table) in [(LOCATION, REFUSED), (SQL, REFUSED_BY_SQL)] {
        for (body, expected) in cases(table) {
            service.post(path, body).refused(expected);
        }
    }
}

/// Arrays, with the index of the first record that is wrong, in whatever way it is.
const REFUSED_ARRAYS: &str = r#"
    [{"LAT": 1, "LON": 1}, {"LAT": 2, "LON": 2}, {"LAT": 1}] => 2 missing_field: LON
    [{"LAT": 1, "LON": 1}, 7, {"LAT": 1, "LON": 1}] => 1 wrong_value: number
    [{"LAT": 1, "LON": 1}, [], {"LAT": 1, "LON": 1}] => 1 wrong_value: array
    [{"LAT": "nan", "LON": 1}, {"LAT": 1, "LON": 1}] => 0 not_finite: LAT
    [{"LAT": 1, "LON": 1, "x": Infinity}, {"LAT": 1, "LON": NaN}] => 1 not_finite: LON
"#;

/// As [`REFUSED_ARRAYS`], by the model of SQL.
const REFUSED_ARRAYS_BY_SQL: &str = r#"
    [{"TIME OCC": 1}, {"PART": "1"}, {"TIME OCC": "x"}] => 1 missing_field: hour
    [{"TIME OCC": 1}, {}, {"TIME OCC": "x"}] => 1 missing_field: none of the columns
    [{"TIME OCC": "x"}, {}] => 0 wrong_value: TIME OCC
"#;

#[test]
fn one_wrong_record_fails_all_with_its_index() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    for (path, table) in [(LOCATION, REFUSED_ARRAYS), (SQL, REFUSED_ARRAYS_BY_SQL)] {
        for (body, expected) in cases(table) {
            let answer = service.post(path, body);
            let (index, expected) = expected.split_once(' ').unwrap();
            answer.refused(&format!("422 {expected}, index {index}"));
            assert_eq!(answer.json()["index"].to_string(), index, "{body}");
        }
    }
    let good = r#"{"LAT": 1, "LON": 1}"#;
    for body in [
        format!("[{good}"),
        format!("[{good},]"),
        format!("[{good} {good}]"),
        format!("[{good}]]"),
        "[".to_owned(),
    ] {
        service
            .post(LOCATION, &body)
            .refused("400 not_json: line 1");
    }
}

#[test]
fn an_expression_that_fails_names_the_record() {
    let mut draft = location("ratio", batch(1), &CENTERS);
    draft.about.columns = vec![
        column("A", ColumnType::Int64, Nullability::Optional),
        column("B", ColumnType::Int64, Nullability::Optional),
    ];
    draft.about.features = vec![feature("ratio", "\"A\" / \"B\""), feature("b", "\"B\"")];
    let service = Service::of([draft]);
    let path = "/models/ratio/batches/1/predict";
    service
        .post(path, r#"{"A": 1, "B": 0}"#)
        .refused("422 wrong_value: ratio, zero");
    let answer = service.post(
        path,
        r#"[{"A": 1, "B": 1}, {"A": 4, "B": 2}, {"A": 1, "B": 0}, {"A": 1, "B": 1}]"#,
    );
    answer.refused("422 wrong_value: ratio, index 2");
    assert_eq!(
        service
            .post(path, r#"[{"A": 1, "B": 1}, {"A": 4, "B": 2}]"#)
            .clusters()
            .len(),
        2
    );
}

/// A model knows which texts mean "no value" in the records of its job.
#[test]
fn a_text_that_means_no_value_is_none() {
    let mut draft = location("kind", batch(1), &CENTERS);
    let optional = |name, data_type| column(name, data_type, Nullability::Optional);
    draft.about.columns = vec![
        optional("LAT", ColumnType::Float64),
        optional("LON", ColumnType::Float64),
    ];
    draft.about.null_values = vec!["NULL".to_owned(), "NA".to_owned()];
    let [lat, lon] = ["LAT", "LON"].map(|name| format!("coalesce(\"{name}\", 0)"));
    draft.about.features = vec![feature("lat", &lat), feature("lon", &lon)];
    let service = Service::of([draft]);
    let records = json!([{"LAT": "NULL", "LON": "NA"}, {"LAT": null, "LON": null}]);
    let clusters = service.post_json(SQL, &records).clusters();
    assert_eq!(clusters[0], clusters[1]);
    let other = service.post(SQL, r#"{"LAT": "null", "LON": 1}"#);
    other.refused("422 wrong_value: LAT, null, float64");
}

/// The model of optional columns answers a record with one of them, even if it is null.
#[test]
fn a_record_needs_one_column_of_its_model() {
    let mut draft = location("kind", batch(1), &CENTERS);
    draft.about.columns = vec![
        column("TIME OCC", ColumnType::Int32, Nullability::Optional),
        column("PART", ColumnType::Utf8, Nullability::Optional),
    ];
    draft.about.features = vec![
        feature("hour", "coalesce(\"TIME OCC\", 0)"),
        feature("night", "CASE WHEN \"PART\" = '1' THEN 1.0 ELSE 0.0 END"),
    ];
    let service = Service::of([draft]);
    for record in [
        json!({"TIME OCC": null}),
        json!({"PART": ""}),
        json!({"PART": "x", "y": 1}),
    ] {
        assert_eq!(service.post_json(SQL, &record).status, 200, "{record}");
    }
    let none = "422 missing_field: none of the columns, \"TIME OCC\", \"PART\", \"Time Occ\"";
    service.post(SQL, r#"{"Time Occ": 3}"#).refused(none);
    service
        .post(SQL, "{}")
        .refused("422 missing_field: none of the columns, it has nothing");
    let second = service.post(SQL, r#"[{"PART": null}, {"part": "1"}, {"TIME OCC": "x"}]"#);
    second.refused("422 missing_field: none of the columns, index 1");
}

#[test]
fn a_strict_service_refuses_columns_that_the_model_does_not_know() {
    let dir = folder();
    let mut config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    config.unknown_columns = UnknownColumns::Refuse;
    let service = Service::start(config);
    let [lat, lon] = CENTERS[1];
    assert_eq!(
        service.cluster(LOCATION, &json!({"LAT": lat, "LON": lon})),
        1
    );
    // `where` reads AREA, so the model knows the column.
    assert_eq!(
        service.cluster(SQL, &json!({"TIME OCC": 330, "AREA": 3})),
        0
    );
    let more = json!({"LAT": lat, "LON": lon, "lat": 1});
    let unknown = "422 unknown_field: does not know \"lat\", it knows \"LAT\", \"LON\"";
    service.post_json(LOCATION, &more).refused(unknown);
    let many = json!([{"LAT": lat, "LON": lon}, more]);
    let answer = service.post_json(LOCATION, &many);
    answer.refused("422 unknown_field: index 1");
    service
        .post_json(
            "/models/crime_k5/predict",
            &json!({"features": CENTERS[0], "x": 1}),
        )
        .refused("422 unknown_field: \"x\", \"features\"");
    service
        .post_json(
            "/predict_cluster/",
            &json!({"lat": 1, "lon": 1, "model": 1, "batch": 2}),
        )
        .refused("422 unknown_field: \"batch\", \"model\"");
}

#[test]
fn cosine_models_refuse_what_has_no_direction() {
    let service = Service::of([cosine(location(
        "location",
        batch(1),
        &[[1.0, 0.0], [0.0, 1.0]],
    ))]);
    assert_eq!(
        service.cluster(LOCATION, &json!({"LAT": 0.1, "LON": 500})),
        1
    );
    service
        .post_json(
            LOCATION,
            &json!([{"LAT": 1, "LON": 1}, {"LAT": 0, "LON": 0}]),
        )
        .refused("422 wrong_value: zero vector, index 1");
}

#[test]
fn models_of_spark_take_numbers() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let [lat, lon] = CENTERS[2];
    let record = json!({"features": [lat, lon]});
    for path in [
        "/models/from_spark/batches/4/predict",
        "/models/from_spark/batches/latest/predict",
        "/models/crime_k5/predict",
    ] {
        assert_eq!(service.cluster(path, &record), 2, "{path}");
        assert_eq!(
            service.clusters(path, &json!([record, {"features": CENTERS[0]}])),
            [2, 0]
        );
        service
            .post(path, r#"{"LAT": 1, "LON": 2}"#)
            .refused("422 missing_field: features");
        service
            .post(path, r#"{"features": [1]}"#)
            .refused("422 wrong_value: 1 dimensions, 2");
        service
            .post(path, r#"{"features": [1, "2"]}"#)
            .refused("422 wrong_value: features");
        service
            .post(path, r#"{"features": [1, 1e999]}"#)
            .refused("422 not_finite: too large");
        service
            .post(path, r#"[{"features": [1, 2]}, {"features": null}]"#)
            .refused("422 missing_field: index 1");
        service
            .post(path, r#"{"features": [1, 2"#)
            .refused("400 not_json");
    }
}

/// Paths that name nothing.
const UNKNOWN: &str = r#"
    /models/nope/batches/1/predict => 404 unknown_model: nope
    /models/nope/predict => 404 unknown_model: nope
    /models/location/batches/2/predict => 404 unknown_batch: batch 2
    /models/location/batches/0/predict => 404 unknown_batch: "0"
    /models/location/batches/-1/predict => 404 unknown_batch: "-1"
    /models/location/batches/99999999999999999999/predict => 404 unknown_batch: 99999
    /models/location/batches/first/predict => 404 unknown_batch: first
    /models/crime_k5/batches/latest/predict => 404 unknown_batch: no batches
    /models/kind/predict => 404 unknown_batch: latest
    /models/..%2f..%2fetc/predict => 404 unknown_model: ..
    /models/%2e%2e/batches/1/predict => 404 unknown_model: ..
    /models/location%2fbatch_00000001/predict => 404 unknown_model: location/batch
    /models/loc%00ation/predict => 404 unknown_model: loc
    /models/location/batches/1/predicts => 404 unknown_path
    /models/location/batch/1/predict => 404 unknown_path
"#;

#[test]
fn unknown_models_and_batches() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    for (path, expected) in cases(UNKNOWN) {
        let answer = service.post(path, r#"{"LAT": 1, "LON": 1}"#);
        answer.refused(expected);
        let body = String::from_utf8_lossy(&answer.body);
        assert!(!body.contains(dir.path().to_str().unwrap()), "{body}");
    }
}

#[test]
fn a_long_array_is_answered_in_order() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let records: Vec<Value> = (0..5000)
        .map(|i| json!({"LAT": CENTERS[i % 3][0], "LON": CENTERS[i % 3][1], "Crm Cd Desc": "THEFT OF IDENTITY"}))
        .collect();
    let expected: Vec<u64> = (0..5000).map(|i| i % 3).collect();
    assert_eq!(service.clusters(LOCATION, &json!(records)), expected);
}
