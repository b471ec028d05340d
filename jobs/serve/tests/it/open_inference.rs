//! The Open Inference Protocol over REST.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use gugus_files::Store;
use gugus_serve::Config;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::folders::{CENTERS, batch, by_sql, location, month, spots, write, write_as_spark};
use crate::service::{Answer, Service};

pub(crate) const LENGTH: &str = "inference-header-content-length";

/// Points near centers 0, 1 and 2.
pub(crate) const POINTS: [[f64; 2]; 3] = [[34.0, -118.5], [34.1, -118.2], [33.7, -118.3]];

pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &location("location", batch(1), &CENTERS));
    let mut turned = CENTERS;
    turned.reverse();
    write(folder.path(), &location("location", batch(2), &turned));
    write(folder.path(), &location("whole", None, &CENTERS));
    write(folder.path(), &month("monthly", "2024-05", &CENTERS));
    write(folder.path(), &month("monthly", "2024-06", &CENTERS));
    write(folder.path(), &by_sql("kind", batch(1)));
    write(folder.path(), &spots("spots", batch(1)));
    write_as_spark(folder.path(), "kmeans_model_batch_7", &CENTERS);
    folder
}

impl Answer {
    /// The text of an error of the protocol, which has this status.
    #[track_caller]
    fn error(&self, status: u16) -> String {
        let body = self.json();
        assert_eq!(self.status, status, "{body}");
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
        body["error"].as_str().unwrap().to_owned()
    }

    /// The elements of the first output of a 200.
    #[track_caller]
    fn data(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.json());
        self.json()["outputs"][0]["data"].clone()
    }
}

fn numbers() -> impl Iterator<Item = f64> {
    POINTS.into_iter().flatten()
}

fn bytes(numbers: impl Iterator<Item = f64>) -> Vec<u8> {
    numbers.flat_map(f64::to_le_bytes).collect()
}

/// A request whose input comes as bytes, and the header that tells where they begin.
pub(crate) fn binary(request: &Value, tensors: &[u8]) -> (String, Vec<u8>) {
    let mut body = serde_json::to_vec(request).unwrap();
    let length = body.len().to_string();
    body.extend(tensors);
    (length, body)
}

fn features() -> Value {
    json!({"name": "features", "shape": [3, 2], "datatype": "FP64", "parameters": {"binary_data_size": 48}})
}

/// The clusters behind the JSON of an answer.
fn clusters(answer: &Answer) -> (Value, Vec<i32>) {
    let length: usize = answer.header(LENGTH).unwrap().parse().unwrap();
    let (head, bytes) = answer.body.split_at(length);
    let (bytes, rest) = bytes.as_chunks();
    assert!(rest.is_empty());
    let clusters = bytes.iter().map(|bytes| i32::from_le_bytes(*bytes));
    (serde_json::from_slice(head).unwrap(), clusters.collect())
}

#[test]
fn models_tell_what_they_take_and_give() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    assert_eq!(service.get("/v2").json()["name"], "gugus");
    assert_eq!(service.get("/v2/health/live").json(), json!({"live": true}));
    assert_eq!(
        service.get("/v2/health/ready").json(),
        json!({"ready": true})
    );
    let outputs = json!([
        {"name": "cluster", "datatype": "INT32", "shape": [-1]},
        {"name": "distance", "datatype": "FP64", "shape": [-1]}
    ]);
    let metadata = json!({
        "name": "location", "versions": ["1", "2"], "platform": "gugus_kmeans",
        "inputs": [
            {"name": "LAT", "datatype": "FP64", "shape": [-1]},
            {"name": "LON", "datatype": "FP64", "shape": [-1]}
        ],
        "outputs": outputs
    });
    assert_eq!(service.get("/v2/models/location").json(), metadata);
    assert_eq!(
        service.get("/v2/models/location/versions/1").json(),
        metadata
    );
    let spark = service.get("/v2/models/kmeans_model/versions/7").json();
    assert_eq!(
        spark["inputs"],
        json!([{"name": "features", "datatype": "FP64", "shape": [-1, 2]}])
    );
    assert_eq!(spark["versions"], json!(["7"]));
    let kind = service.get("/v2/models/kind").json();
    assert_eq!(
        kind["inputs"],
        json!([
            {"name": "TIME OCC", "datatype": "INT32", "shape": [-1]},
            {"name": "PART", "datatype": "BYTES", "shape": [-1]}
        ])
    );
    assert_eq!(
        service.get("/v2/models/spots").json()["platform"],
        "gugus_dbscan"
    );
    assert_eq!(
        service.get("/v2/models/whole").json()["versions"],
        json!(["all"])
    );
}

#[test]
fn versions_are_batches_windows_and_all() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    for path in [
        "location",
        "location/versions/1",
        "location/versions/latest",
        "whole",
        "whole/versions/all",
        "monthly/versions/2024-05",
        "kmeans_model",
        "kmeans_model/versions/7",
    ] {
        let answer = service.get(&format!("/v2/models/{path}/ready"));
        assert_eq!(answer.json()["ready"], true, "{path}");
    }
    for path in [
        "nobody",
        "location/versions/3",
        "location/versions/all",
        "location/versions/x",
        "location/versions/0",
        "monthly",
        "monthly/versions/2024-07",
        "kmeans_model_batch_7",
    ] {
        for rest in ["", "/ready"] {
            service.get(&format!("/v2/models/{path}{rest}")).error(404);
        }
        service
            .post(&format!("/v2/models/{path}/infer"), "{}")
            .error(404);
    }
    // The newest batch answers when no version is named.
    let request = json!({"inputs": [
        {"name": "LAT", "shape": [1], "datatype": "FP64", "data": [34.0]},
        {"name": "LON", "shape": [1], "datatype": "FP64", "data": [-118.5]}
    ]});
    let newest = service
        .post_json("/v2/models/location/infer", &request)
        .json();
    assert_eq!(
        (&newest["model_version"], &newest["outputs"][0]["data"]),
        (&json!("2"), &json!([2]))
    );
    let first = service
        .post_json("/v2/models/location/versions/1/infer", &request)
        .json();
    assert_eq!(
        (&first["model_version"], &first["outputs"][0]["data"]),
        (&json!("1"), &json!([0]))
    );
}

#[test]
fn data_comes_as_json_flat_or_nested() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let path = "/v2/models/kmeans_model/infer";
    for (datatype, data) in [
        ("FP64", json!(POINTS)),
        ("FP64", json!(numbers().collect::<Vec<_>>())),
        ("FP32", json!(POINTS)),
        ("INT16", json!([[34, -119], [34, -118], [33, -118]])),
    ] {
        let input =
            json!({"name": "features", "shape": [3, 2], "datatype": datatype, "data": data});
        let answer = service.post_json(path, &json!({"id": "a7", "inputs": [input]}));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header(LENGTH), None);
        assert_eq!(
            answer.json(),
            json!({
                "model_name": "kmeans_model", "model_version": "7", "id": "a7",
                "outputs": [{"name": "cluster", "datatype": "INT32", "shape": [3], "data": [0, 1, 2]}]
            })
        );
    }
    let none = json!({"name": "features", "shape": [0, 2], "datatype": "FP64", "data": []});
    assert_eq!(
        service.post_json(path, &json!({"inputs": [none]})).data(),
        json!([])
    );
}

#[test]
fn outputs_are_given_as_they_are_asked_for() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let path = "/v2/models/kmeans_model/infer";
    let input = json!({"name": "features", "shape": [2, 2], "datatype": "FP64", "data": [[34.0, -118.5], [34.1, -118.1]]});
    let request =
        json!({"inputs": [input], "outputs": [{"name": "distance"}, {"name": "cluster"}]});
    let outputs = &service.post_json(path, &request).json()["outputs"];
    assert_eq!(outputs[1]["data"], json!([0, 1]));
    let distances: Vec<f64> = serde_json::from_value(outputs[0]["data"].clone()).unwrap();
    assert!(
        distances[0] == 0.0 && (distances[1] - 0.1).abs() < 1e-9,
        "{distances:?}"
    );

    // One as bytes and one as JSON.
    let request = json!({"inputs": [input], "parameters": {"binary_data_output": true}, "outputs": [
        {"name": "cluster"}, {"name": "distance", "parameters": {"binary_data": false}}
    ]});
    let answer = service.post_json(path, &request);
    let (head, found) = clusters(&answer);
    assert_eq!(found, [0, 1]);
    assert_eq!(
        head["outputs"][0]["parameters"],
        json!({"binary_data_size": 8})
    );
    assert_eq!(head["outputs"][0].get("data"), None);
    assert_eq!(head["outputs"][1]["data"].as_array().unwrap().len(), 2);
    assert_eq!(head["outputs"][1].get("parameters"), None);
}

#[test]
fn tensors_come_as_bytes_and_compressed() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let path = "/v2/models/kmeans_model/infer";
    let request = json!({"inputs": [features()], "parameters": {"binary_data_output": true}});
    let (length, body) = binary(&request, &bytes(numbers()));
    let answer = service.send(path, &[(LENGTH, &length)], &body);
    assert_eq!(
        answer.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(clusters(&answer).1, [0, 1, 2]);

    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&body).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(&body).unwrap();
    let deflate = deflate.finish().unwrap();
    for (name, packed) in [("gzip", &gzip), ("deflate", &deflate)] {
        let headers = [(LENGTH, &*length), ("content-encoding", name)];
        let answer = service.send(path, &headers, packed);
        assert_eq!(clusters(&answer).1, [0, 1, 2], "{name}");
        for (what, wrong) in [("cut off", &packed[..packed.len() - 9]), ("no", &body)] {
            let error = service.send(path, &headers, wrong).error(400);
            assert!(error.contains("compressed"), "{what} {name}: {error}");
        }
    }
    let error = service
        .send(path, &[("content-encoding", "br")], &body)
        .error(415);
    assert!(error.contains("br"), "{error}");
}

#[test]
fn long_answers_are_compressed_as_the_caller_wishes() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let points: Vec<f64> = std::iter::repeat_with(numbers)
        .flatten()
        .take(6000)
        .collect();
    let input = json!({"name": "features", "shape": [3000, 2], "datatype": "FP64", "data": points});
    let request = serde_json::to_vec(&json!({"inputs": [input]})).unwrap();
    let path = "/v2/models/kmeans_model/infer";
    let plain = service.send(path, &[("accept-encoding", "identity")], &request);
    for (wish, name) in [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("br, deflate;q=0.5, gzip;q=0", "deflate"),
    ] {
        let answer = service.send(path, &[("accept-encoding", wish)], &request);
        let content = match answer.header("content-encoding") {
            // The client of these tests unpacks gzip by itself.
            None => answer.body.clone(),
            Some("gzip") => {
                let mut content = Vec::new();
                GzDecoder::new(&answer.body[..])
                    .read_to_end(&mut content)
                    .unwrap();
                content
            }
            Some("deflate") => {
                assert_eq!(name, "deflate");
                let mut content = Vec::new();
                ZlibDecoder::new(&answer.body[..])
                    .read_to_end(&mut content)
                    .unwrap();
                content
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(content, plain.body, "{wish}");
        assert_eq!(
            name == "deflate",
            answer.header("content-encoding") == Some("deflate")
        );
    }
}

#[test]
fn bodies_are_limited_in_rows_and_also_after_they_are_unpacked() {
    let dir = folder();
    let mut config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    config.body_limit = 1000;
    config.max_rows = 2;
    let service = Service::start(config);
    let three = json!({"name": "features", "shape": [3, 2], "datatype": "FP64", "data": POINTS});
    let path = "/v2/models/kmeans_model/infer";
    let error = service
        .post_json(path, &json!({"inputs": [three]}))
        .error(413);
    assert!(error.contains("more than 2 records"), "{error}");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&[b' '; 100_000]).unwrap();
    let gzip = gzip.finish().unwrap();
    assert!(gzip.len() < 1000);
    let error = service
        .send(path, &[("content-encoding", "gzip")], gzip)
        .error(413);
    assert!(error.contains("1000 bytes"), "{error}");
    service.send(path, &[], vec![b' '; 1001]).error(413);
}

#[test]
fn columns_are_tensors_by_the_rules_of_records() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let path = "/v2/models/kind/infer";
    let time = |datatype: &str, data: Value| json!({"name": "TIME OCC", "shape": [2], "datatype": datatype, "data": data});
    let part =
        json!({"name": "PART", "shape": [2, 1], "datatype": "BYTES", "data": [["1.50"], ["2"]]});
    for time in [
        time("INT32", json!([330, 330])),
        time("FP64", json!([330.0, 330.0])),
        time("BYTES", json!(["0330", "3.3e2"])),
    ] {
        let answer = service.post_json(path, &json!({"inputs": [part, time]}));
        assert_eq!(answer.data(), json!([2, 0]), "{time}");
    }
    // A column that may be null may be left out.
    let answer = service.post_json(
        path,
        &json!({"inputs": [time("INT32", json!([330, 2000]))]}),
    );
    assert_eq!(answer.data(), json!([0, 1]));
    for (inputs, part) in [
        (
            json!([time("INT32", json!([330, null]))]),
            "record at index 1",
        ),
        (
            json!([time("BYTES", json!(["330", "noon"]))]),
            "record at index 1",
        ),
        (
            json!([time("INT32", json!([330, 330])), {"name": "PART", "shape": [1], "datatype": "BYTES", "data": ["x"]}]),
            "1 rows",
        ),
        (
            json!([{"name": "TIME OCC", "shape": [1, 2], "datatype": "INT32", "data": [330, 330]}]),
            "2 elements in a row",
        ),
        (
            json!([{"name": "TIME", "shape": [1], "datatype": "INT32", "data": [330]}]),
            "TIME OCC",
        ),
        (
            json!([
                time("INT32", json!([330, 330])),
                time("INT32", json!([330, 330]))
            ]),
            "TIME OCC",
        ),
        (json!([part]), "hour"),
        (json!([]), "TIME OCC"),
    ] {
        let error = service
            .post_json(path, &json!({"inputs": inputs}))
            .error(400);
        assert!(error.contains(part), "{inputs}: {error}");
    }
}

#[test]
fn wrong_requests_are_refused_and_name_what_is_wrong() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let path = "/v2/models/kmeans_model/infer";
    let input = |shape: Value, datatype: &str, data: Value| json!({"inputs": [{"name": "features", "shape": shape, "datatype": datatype, "data": data}]});
    for (request, part) in [
        (json!({}), "inputs"),
        (json!([]), "request"),
        (json!({"inputs": {}}), "sequence"),
        (json!({"inputs": []}), "features"),
        (json!({"inputs": [{"name": "features"}]}), "datatype"),
        (
            json!({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}),
            "features",
        ),
        (input(json!([1, 2]), "FP16", json!([1, 2])), "FP16"),
        (input(json!([2]), "FP64", json!([1, 2])), "1 features"),
        (input(json!([1, 3]), "FP64", json!([1, 2, 3])), "3 features"),
        (input(json!([-1, 2]), "FP64", json!([1, 2])), "negative"),
        (
            input(
                json!([9_223_372_036_854_775_807_i64, 2]),
                "FP64",
                json!([1, 2]),
            ),
            "shape",
        ),
        (input(json!([1e30, 2]), "FP64", json!([1, 2])), "request"),
        (input(json!([1, 2]), "FP64", json!([1])), "1 elements"),
        (
            input(json!([1, 2]), "FP64", json!([[1], 2])),
            "input \"features\"",
        ),
        (input(json!([1, 2]), "FP64", json!(["1", 2])), "element 0"),
        (input(json!([1, 2]), "FP64", json!([null, 2])), "index 0"),
        (input(json!([1, 2]), "BYTES", json!(["1", "2"])), "FP64"),
        (
            json!({"inputs": [{"name": "features", "shape": [1, 2], "datatype": "FP64"}]}),
            "no data",
        ),
        (
            json!({"inputs": [{"name": "features", "shape": [1, 2], "datatype": "FP64", "data": [1, 2], "parameters": {"binary_data_size": 16}}]}),
            "one of the two",
        ),
        (
            json!({"inputs": [{"name": "features", "shape": [1, 2], "datatype": "FP64", "parameters": {"shared_memory_region": "x"}}]}),
            "shared memory",
        ),
        (
            json!({"inputs": [features()], "outputs": [{"name": "score"}]}),
            "score",
        ),
        (
            json!({
                "inputs": [{"name": "features", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}],
                "outputs": [{"name": "cluster"}, {"name": "cluster"}, {"name": "cluster"}]
            }),
            "twice",
        ),
        (
            json!({"inputs": [features()], "outputs": [{"name": "cluster", "parameters": {"classification": 3}}]}),
            "classes",
        ),
    ] {
        let error = service.post_json(path, &request).error(400);
        assert!(error.contains(part), "{request}: {error}");
    }
    service.post(path, "{\"inputs\": [").error(400);
    service.post(path, "").error(400);
    let request = json!({"inputs": [features()]});
    let (length, body) = binary(&request, &bytes(numbers()));
    for (length, body, part) in [
        (&*length, &body[..body.len() - 1], "binary_data_size"),
        (&length, &[&body[..], b"x"].concat(), "belong to no input"),
        ("x", &body, "not a length"),
        ("-1", &body, "not a length"),
        ("1000000", &body, "more than"),
        ("3", &body, "JSON"),
        ("18446744073709551616", &body, "not a length"),
    ] {
        let error = service.send(path, &[(LENGTH, length)], body).error(400);
        assert!(error.contains(part), "{length}: {error}");
    }
}

#[test]
fn the_repository_lists_loads_and_unloads() {
    let dir = folder();
    std::fs::create_dir_all(dir.path().join("location/batch_00000003")).unwrap();
    let service = Service::of_folder(dir.path());
    let index = |body: &str| service.post("/v2/repository/index", body).json();
    let all = index("");
    let entry = |index: &Value, name: &str, version: &str| {
        let mut entries = index.as_array().unwrap().iter();
        entries
            .find(|it| it["name"] == name && it["version"] == version)
            .cloned()
    };
    let ready = json!({"name": "kmeans_model", "version": "7", "state": "READY", "reason": ""});
    assert_eq!(entry(&all, "kmeans_model", "7"), Some(ready));
    assert_eq!(entry(&all, "whole", "all").unwrap()["state"], "READY");
    assert_eq!(entry(&all, "monthly", "2024-05").unwrap()["state"], "READY");

    let unload = json!({"parameters": {"unload_dependents": false}}).to_string();
    for (path, body) in [("load", ""), ("unload", &*unload)] {
        service
            .post(&format!("/v2/repository/models/nobody/{path}"), body)
            .error(404);
    }
    assert_eq!(
        service
            .post("/v2/repository/models/location/unload", &unload)
            .status,
        200
    );
    let error = service.get("/v2/models/location/ready").error(404);
    assert!(error.contains("load it again"), "{error}");
    service
        .post("/v2/models/location/versions/1/infer", "{}")
        .error(404);
    let unloaded = entry(&index("{}"), "location", "1").unwrap();
    assert_eq!(
        (&unloaded["state"], &unloaded["reason"]),
        (&json!("UNAVAILABLE"), &json!("the model was unloaded"))
    );
    assert_eq!(entry(&index(r#"{"ready": true}"#), "location", "1"), None);
    // The other paths go on.
    assert_eq!(
        service.cluster(
            "/models/location/batches/1/predict",
            &json!({"LAT": 34.0, "LON": -118.5})
        ),
        0
    );

    let error = service
        .post_json(
            "/v2/repository/models/location/load",
            &json!({"parameters": {"config": "{}"}}),
        )
        .error(400);
    assert!(error.contains("config"), "{error}");
    service.get("/v2/models/location/ready").error(404);
    assert_eq!(
        service
            .post("/v2/repository/models/location/load", "")
            .status,
        200
    );
    assert_eq!(service.get("/v2/models/location/ready").status, 200);
    // A model of several windows is loaded without naming one.
    let windows = "/v2/repository/models/monthly";
    let ready = "/v2/models/monthly/versions/2024-05/ready";
    assert_eq!(service.post(&format!("{windows}/unload"), "").status, 200);
    service.get(ready).error(404);
    assert_eq!(service.post(&format!("{windows}/load"), "").status, 200);
    assert_eq!(service.get(ready).status, 200);
    service.post("/v2/repository/index", "[").error(400);
}
