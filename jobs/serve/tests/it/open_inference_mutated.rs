//! Damaged requests, in every form: each is refused or answered, and none is a fault of the service.

use gugus_damage::{cases, damaged};
use gugus_files::Store;
use gugus_serve::Config;
use prost::Message;
use serde_json::json;
use tonic::Code;

use crate::formats::{ARROW, CSV, columns, stream, texts as texts_in_arrow};
use crate::open_inference::{LENGTH, POINTS, binary, folder};
use crate::open_inference_grpc::{Grpc, raw};

/// Bodies over HTTP that are refused.
const BODIES: u64 = 10_000;

/// Messages over gRPC.
const MESSAGES: u64 = 400;

/// Some damage does not matter, but so much of it in a row does.
const MOST_ANSWERED: usize = 50;

#[test]
fn damaged_requests_are_no_fault_of_the_service() {
    let dir = folder();
    let config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    let grpc = Grpc::start(config);
    let service = &grpc.service;

    let tensor: Vec<u8> = POINTS
        .into_iter()
        .flatten()
        .flat_map(f64::to_le_bytes)
        .collect();
    let features = json!({"name": "features", "shape": [3, 2], "datatype": "FP64", "parameters": {"binary_data_size": 48}});
    let request = json!({"id": "1", "inputs": [features], "outputs": [{"name": "cluster", "parameters": {"binary_data": true}}]});
    let (length, in_bytes) = binary(&request, &tensor);
    let texts = json!({"inputs": [
        {"name": "TIME OCC", "shape": [2], "datatype": "INT32", "data": [330, 2000]},
        {"name": "PART", "shape": [2, 1], "datatype": "BYTES", "parameters": {"binary_data_size": 13}}
    ]});
    let (texts_length, of_texts) = binary(&texts, b"\x04\0\0\x001.50\x01\0\0\x002");
    let nested = json!({"inputs": [{"name": "features", "shape": [3, 2], "datatype": "FP64", "data": POINTS}]}).to_string();
    let records = r#"[{"LAT": 34.05, "LON": -118.25}, {"LAT": "33.9", "LON": "-118.3"}]"#;
    let table = "LAT,LON\n34.05,-118.25\n33.9,-118.3\n";
    let (lat, lon) = (
        texts_in_arrow(&["34.05", "33.9"]),
        texts_in_arrow(&["-118.25", "-118.3"]),
    );
    let arrow = stream(&[columns([("LAT", lat), ("LON", lon)])]);
    let location = "/models/location/batches/1/predict";
    let json = ("content-type", "application/json");
    let good: [(&str, (&str, &str), &[u8]); 6] = [
        (
            "/v2/models/kmeans_model/infer",
            (LENGTH, &length),
            &in_bytes,
        ),
        ("/v2/models/kind/infer", (LENGTH, &texts_length), &of_texts),
        ("/v2/models/kmeans_model/infer", json, nested.as_bytes()),
        (location, json, records.as_bytes()),
        (location, CSV, table.as_bytes()),
        (location, ARROW, &arrow),
    ];
    for (path, header, body) in good {
        assert_eq!(
            service.send(path, &[header], body).status,
            200,
            "{path} {header:?}"
        );
    }
    let mut answered = 0;
    // A case ends with a body that is refused.
    let refused = cases(BODIES, 71, |draw| {
        for _ in 0..MOST_ANSWERED {
            let (path, (header, value), body) = good[draw.below(good.len())];
            let body = damaged(body, draw);
            let drawn = draw.below(body.len() + 9).to_string();
            let value = if draw.chance(25) { &*drawn } else { value };
            match service.send(path, &[(header, value)], &body).status {
                200 => answered += 1,
                400..=499 => return Ok(()),
                status => return Err(format!("{path} {header}: {status}")),
            }
        }
        Err("nothing was refused".to_owned())
    });
    assert!(
        refused < BODIES || answered > 0,
        "no damage was small enough"
    );

    let good = raw("7").encode_to_vec();
    cases(MESSAGES, 72, |draw| {
        let answer = grpc.call("ModelInfer", damaged(&good, draw));
        match answer.map_or_else(|status| status.code(), |_| Code::Ok) {
            Code::Ok | Code::InvalidArgument | Code::NotFound => Ok(()),
            code => Err(format!("{code:?}")),
        }
    });
    assert_eq!(service.get("/v2/health/ready").status, 200);
}
