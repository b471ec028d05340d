//! Damaged requests, in every form: each is refused or answered, and none is a fault of the service.

use gugus_files::Store;
use gugus_serve::Config;
use prost::Message;
use serde_json::json;
use tonic::Code;

use crate::formats::{ARROW, CSV, columns, stream, texts as texts_in_arrow};
use crate::open_inference::{LENGTH, POINTS, binary, folder};
use crate::open_inference_grpc::{Grpc, raw};

/// Bodies over HTTP, some of which stay good by chance.
const BODIES: usize = 12_000;

/// At least so many of them are refused.
const REFUSED: usize = 10_000;

/// Messages over gRPC.
const MESSAGES: usize = 400;

/// Draws that a seed repeats (splitmix64).
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end.max(1) as u64).unwrap()
    }
}

/// What stands in place of some bytes.
const PIECES: [&[u8]; 14] = [
    b"",
    b"-1",
    b"9223372036854775807",
    b"18446744073709551616",
    b"1e400",
    b"NaN",
    b"null",
    b"[",
    b"]",
    b"{}",
    b"\"BYTES\"",
    b"\"BOOL\"",
    b"\xff\xff\xff\xff",
    b"\x00",
];

/// Damages bytes in one to three places.
fn damaged(good: &[u8], draws: &mut Draws) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=draws.below(3) {
        let at = draws.below(bytes.len());
        match draws.below(4) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] ^= 1 << draws.below(8),
            2 if at < bytes.len() => bytes[at] = u8::try_from(draws.below(256)).unwrap(),
            _ => {
                let end = bytes.len().min(at + draws.below(6));
                let piece = PIECES[draws.below(PIECES.len())];
                bytes.splice(at..end, piece.iter().copied());
            }
        }
    }
    bytes
}

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
    let mut answered = [0_usize; 2];
    for case in 0..BODIES {
        let mut draws = Draws(case as u64);
        let (path, (header, value), body) = good[case % good.len()];
        let body = damaged(body, &mut draws);
        let drawn = draws.below(body.len() + 9).to_string();
        let value = if draws.below(4) == 0 { &*drawn } else { value };
        let answer = service.send(path, &[(header, value)], &body);
        assert!(
            matches!(answer.status, 200 | 400..=499),
            "case {case}: {}",
            answer.status
        );
        answered[usize::from(answer.status == 200)] += 1;
    }
    // Most are refused, and some damage does not matter.
    assert!(answered[0] >= REFUSED && answered[1] > 0, "{answered:?}");

    let good = raw("7").encode_to_vec();
    for case in 0..MESSAGES {
        let mut draws = Draws(case as u64);
        let answer = grpc.call("ModelInfer", damaged(&good, &mut draws));
        let code = answer.map_or_else(|status| status.code(), |_| Code::Ok);
        assert!(
            matches!(code, Code::Ok | Code::InvalidArgument | Code::NotFound),
            "case {case}: {code:?}"
        );
    }
    assert_eq!(service.get("/v2/health/ready").status, 200);
}
