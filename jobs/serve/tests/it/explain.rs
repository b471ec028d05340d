//! `?explain=true`: distances, the runner-up, and the model that answered.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use serde_json::{Value, json};

use crate::folders::{CENTERS, batch, cosine, location, mixture, month, spots, write};
use crate::formats::{ARROW, CSV, rows};
use crate::service::Service;

/// Asserts that two documents are equal but for the last bits of their numbers.
#[track_caller]
fn same(found: &Value, expected: &Value) {
    match (found, expected) {
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            assert!((one - other).abs() < 1e-9, "{one} is not {other}");
        }
        (Value::Object(one), Value::Object(other)) => {
            let keys =
                |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(one), keys(other));
            one.values()
                .zip(other.values())
                .for_each(|(one, other)| same(one, other));
        }
        _ => assert_eq!(found, expected),
    }
}

#[test]
fn the_answer_tells_distances_and_the_model() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &location("location", batch(7), &[[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]),
    );
    write(dir.path(), &location("location", batch(8), &[[0.0, 0.0]]));
    write(dir.path(), &location("location", None, &CENTERS));
    write(
        dir.path(),
        &month("monthly", "2024-05", &[[0.0, 0.0], [3.0, 4.0]]),
    );
    write(
        dir.path(),
        &cosine(location("angles", batch(1), &[[1.0, 0.0], [0.0, 1.0]])),
    );
    let service = Service::of_folder(dir.path());
    let uid = |path: &str| service.get(path).json()["uid"].clone();
    let record = json!({"LAT": 3.0, "LON": 4.0});

    let of_batch = json!({
        "cluster": 1, "distance": 0.0, "second": {"cluster": 0, "distance": 5.0},
        "model": "location", "batch": 7, "uid": uid("/models/location/batches/7"),
    });
    let path = "/models/location/batches/7/predict";
    same(
        &service
            .post_json(&format!("{path}?explain=true"), &record)
            .json(),
        &of_batch,
    );
    let list = service
        .post_json(&format!("{path}?explain"), &json!([record, record]))
        .json();
    list.as_array()
        .unwrap()
        .iter()
        .for_each(|one| same(one, &of_batch));
    assert_eq!(
        service
            .post_json(&format!("{path}?explain=false"), &record)
            .json(),
        json!({"cluster": 1})
    );
    service
        .post_json(&format!("{path}?explain=yes"), &record)
        .refused("400 wrong_query: \"explain\", \"yes\", true or false");
    let point = json!({"lat": 3.0, "lon": 4.0, "model": 7});
    same(
        &service
            .post_json("/predict_cluster/?explain=true", &point)
            .json(),
        &of_batch,
    );

    // One center has no runner-up; a model over all has no batch; a window is named.
    let one = json!({
        "cluster": 0, "distance": 5.0, "second": null,
        "model": "location", "batch": 8, "uid": uid("/models/location/batches/8"),
    });
    same(
        &service
            .post_json(
                "/models/location/batches/latest/predict?explain=true",
                &record,
            )
            .json(),
        &one,
    );
    let all = service
        .post_json("/models/location/predict?explain=true", &record)
        .json();
    assert_eq!((&all["batch"], all.get("window")), (&Value::Null, None));
    let window = json!({
        "cluster": 1, "distance": 0.0, "second": {"cluster": 0, "distance": 5.0},
        "model": "monthly", "batch": null, "window": "2024-05",
        "uid": uid("/models/monthly/windows/2024-05"),
    });
    same(
        &service
            .post_json(
                "/models/monthly/windows/2024-05/predict?explain=true",
                &record,
            )
            .json(),
        &window,
    );
    let angle = service
        .post_json("/models/angles/batches/1/predict?explain=true", &record)
        .json();
    same(
        &json!([angle["cluster"], angle["distance"]])[1],
        &json!(1.0 - 0.8),
    );
    same(
        &angle["second"],
        &json!({"cluster": 0, "distance": 1.0 - 0.6}),
    );
}

#[test]
fn other_algorithms_have_distances_of_their_own() {
    let service = Service::of([spots("spots", batch(1)), mixture("mixed", batch(1))]);
    let ask = |model: &str, lat: f64| {
        let path = format!("/models/{model}/batches/1/predict?explain=true");
        let answer = service
            .post_json(&path, &json!({"LAT": lat, "LON": -118.0}))
            .json();
        json!({"cluster": answer["cluster"], "distance": answer["distance"], "second": answer["second"]})
    };
    // To core points: 34 of cluster 0, and 36 of cluster 1; half a degree is within reach.
    same(
        &ask("spots", 34.25),
        &json!({"cluster": 0, "distance": 0.25, "second": {"cluster": 1, "distance": 1.75}}),
    );
    same(
        &ask("spots", 35.25),
        &json!({"cluster": -1, "distance": 0.75, "second": {"cluster": 1, "distance": 0.75}}),
    );
    // To means, in standard deviations.
    same(
        &ask("mixed", 34.5),
        &json!({"cluster": 0, "distance": 0.5, "second": {"cluster": 1, "distance": 1.5}}),
    );
}

#[test]
fn csv_and_arrow_have_more_columns() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &location("location", batch(7), &[[0.0, 0.0], [3.0, 4.0]]),
    );
    write(dir.path(), &location("single", None, &[[0.0, 0.0]]));
    write(
        dir.path(),
        &month("monthly", "a,b", &[[0.0, 0.0], [3.0, 4.0]]),
    );
    let service = Service::of_folder(dir.path());
    let ask = |path: &str, accept: &str| {
        service.send(
            &format!("{path}/predict?explain=true"),
            &[CSV, ("accept", accept)],
            "LAT,LON\n3,4\n0,1\n",
        )
    };
    let lines = |path: &str| {
        let answer = ask(path, "text/csv");
        let uid = answer.header("gugus-uid").unwrap().to_owned();
        String::from_utf8(answer.body).unwrap().replace(&uid, "UID")
    };
    assert_eq!(
        lines("/models/location/batches/7"),
        "cluster,distance,second_cluster,second_distance,model,batch,uid\n\
         1,0.0,0,5.0,location,7,UID\n\
         0,1.0,1,4.242640687119285,location,7,UID\n"
    );
    assert_eq!(
        lines("/models/single"),
        "cluster,distance,second_cluster,second_distance,model,batch,uid\n\
         0,5.0,,,single,,UID\n\
         0,1.0,,,single,,UID\n"
    );
    assert!(
        lines("/models/monthly/windows/a%2Cb").contains("\n1,0.0,0,5.0,monthly,,\"a,b\",UID\n")
    );

    let table = rows(&ask("/models/location/batches/7", ARROW.1));
    let names: Vec<_> = table
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(
        names,
        [
            "cluster",
            "distance",
            "second_cluster",
            "second_distance",
            "model",
            "batch",
            "uid"
        ]
    );
    let float = |name: &str| {
        table
            .column_by_name(name)
            .unwrap()
            .as_primitive::<Float64Type>()
            .values()
            .to_vec()
    };
    assert_eq!(float("distance"), [0.0, 1.0]);
    assert_eq!(float("second_distance"), [5.0, 18.0_f64.sqrt()]);
    assert_eq!(
        table
            .column_by_name("second_cluster")
            .unwrap()
            .as_primitive::<Int32Type>()
            .values()[..],
        [0, 1]
    );
    assert_eq!(
        table
            .column_by_name("batch")
            .unwrap()
            .as_primitive::<Int64Type>()
            .values()[..],
        [7, 7]
    );
    assert_eq!(
        table
            .column_by_name("model")
            .unwrap()
            .as_string::<i32>()
            .value(1),
        "location"
    );
    let single = rows(&ask("/models/single", ARROW.1));
    assert_eq!(
        single
            .column_by_name("second_cluster")
            .unwrap()
            .null_count(),
        2
    );
    assert_eq!(single.column_by_name("batch").unwrap().null_count(), 2);
}
