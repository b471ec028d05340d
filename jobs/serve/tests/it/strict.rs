//! `?strict=true`: records that are exactly what the model reads.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array};
use serde_json::json;

use crate::folders::{CENTERS, batch, by_sql, location, write, write_as_spark};
use crate::formats::{ARROW, CSV, columns, stream, texts};
use crate::service::Service;

const LOCATION: &str = "/models/location/batches/1/predict?strict=true";
const SQL: &str = "/models/kind/batches/1/predict?strict=true";

#[test]
fn a_strict_request_takes_what_the_model_reads_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &location("location", batch(1), &CENTERS));
    write(dir.path(), &by_sql("kind", batch(1)));
    write_as_spark(dir.path(), "crime_k5", &CENTERS);
    let service = Service::of_folder(dir.path());

    assert_eq!(
        service
            .post(LOCATION, r#"{"LAT": 34.1, "LON": -118.2}"#)
            .cluster(),
        1
    );
    // What `where` reads is known and not needed.
    assert_eq!(
        service
            .post(SQL, r#"{"TIME OCC": 330, "PART": "1.50", "AREA": 3}"#)
            .cluster(),
        2
    );
    assert_eq!(
        service
            .post(SQL, r#"{"TIME OCC": 330, "PART": null}"#)
            .cluster(),
        0
    );
    for (path, body, refused) in [
        (
            LOCATION,
            r#"{"LAT": "34.1", "LON": -118.2}"#,
            "422 wrong_value: \"LAT\" is text, float64",
        ),
        (
            LOCATION,
            r#"{"LAT": 34.1, "LON": true}"#,
            "422 wrong_value: \"LON\", float64",
        ),
        (
            LOCATION,
            r#"{"LAT": 34.1, "LON": -118.2, "lon": 1}"#,
            "422 unknown_field: \"lon\"",
        ),
        (LOCATION, r#"{"LAT": NaN, "LON": -118.2}"#, "400 not_json"),
        (
            SQL,
            r#"{"TIME OCC": 330, "PART": 1.50}"#,
            "422 wrong_value: \"PART\" is number, utf8",
        ),
        (
            SQL,
            r#"{"TIME OCC": 330}"#,
            "422 missing_field: \"PART\", strict",
        ),
        (
            SQL,
            r#"[{"TIME OCC": 330, "PART": "1"}, {"TIME OCC": "330", "PART": "1"}]"#,
            "422 wrong_value: index 1, \"TIME OCC\"",
        ),
        (
            "/models/crime_k5/predict?strict=true",
            r#"{"features": [1, 2], "x": 1}"#,
            "422 unknown_field: \"x\"",
        ),
        (
            "/predict_cluster/?strict=true",
            r#"{"lat": "34.1", "lon": 1, "model": 1}"#,
            "422 wrong_value: \"lat\" is text",
        ),
        (
            "/predict_cluster/?strict=true",
            r#"{"lat": 34.1, "lon": 1, "model": 1, "x": 1}"#,
            "422 unknown_field: \"x\"",
        ),
        (LOCATION, r#"[1]"#, "422 wrong_value: index 0"),
    ] {
        service.post(path, body).refused(refused);
    }

    // CSV has text only, so its columns alone are looked at.
    assert_eq!(
        service
            .send(LOCATION, &[CSV], "LAT,LON\n34.1,-118.2\n")
            .body,
        b"cluster\n1\n"
    );
    service
        .send(LOCATION, &[CSV], "LAT,LON,x\n34.1,-118.2,1\n")
        .refused("422 unknown_field: \"x\"");
    service
        .send(SQL, &[CSV], "TIME OCC\n330\n")
        .refused("422 missing_field: \"PART\"");

    let number: ArrayRef = Arc::new(Float32Array::from(vec![330.0]));
    let good = columns([
        ("TIME OCC", Arc::clone(&number)),
        ("PART", texts(&["1.50"])),
    ]);
    assert_eq!(service.send(SQL, &[ARROW], stream(&[good])).status, 200);
    let text = columns([("TIME OCC", texts(&["330"])), ("PART", texts(&["1.50"]))]);
    service
        .send(SQL, &[ARROW], stream(&[text]))
        .refused("422 wrong_value: \"TIME OCC\" is text");
    let part: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let number = columns([("TIME OCC", number), ("PART", part)]);
    service
        .send(SQL, &[ARROW], stream(&[number]))
        .refused("422 wrong_value: \"PART\" is number");
    assert_eq!(service.post_json(LOCATION, &json!([])).json(), json!([]));
}
