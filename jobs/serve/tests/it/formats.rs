//! Records and clusters as JSON, CSV and Arrow, plain and compressed.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, DictionaryArray, Float32Array, Float64Array, Int32Array, NullArray,
    RecordBatch, StringArray,
};
use arrow::datatypes::{Int32Type, Schema};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use gugus_files::Store;
use gugus_serve::Config;
use serde_json::json;

use crate::folders::{CENTERS, batch, by_sql, location, spots, write, write_as_spark};
use crate::service::{Answer, Service};

const PATH: &str = "/models/location/batches/1/predict";
const SQL: &str = "/models/kind/batches/1/predict";
pub(crate) const CSV: (&str, &str) = ("content-type", "text/csv");
pub(crate) const ARROW: (&str, &str) = ("content-type", "application/vnd.apache.arrow.stream");

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &location("location", batch(1), &CENTERS));
    write(folder.path(), &by_sql("kind", batch(1)));
    write(folder.path(), &spots("spots", batch(1)));
    write_as_spark(folder.path(), "crime_k5", &CENTERS);
    folder
}

/// Batches as a stream.
pub(crate) fn stream(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), batches[0].schema_ref()).unwrap();
    batches
        .iter()
        .for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

pub(crate) fn columns<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

pub(crate) fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// The rows of an answer in Arrow.
pub(crate) fn rows(answer: &Answer) -> RecordBatch {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some(ARROW.1))
    );
    let reader = StreamReader::try_new(&answer.body[..], None).unwrap();
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

fn clusters(answer: &Answer) -> Vec<i32> {
    let rows = rows(answer);
    assert_eq!(rows.schema().fields().len(), 1);
    assert_eq!(rows.schema().field(0).name(), "cluster");
    rows.column(0).as_primitive::<Int32Type>().values().to_vec()
}

fn text(answer: &Answer) -> &str {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some(CSV.1))
    );
    std::str::from_utf8(&answer.body).unwrap()
}

#[test]
fn csv_comes_in_and_goes_out() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    // Names in any order, blanks, quotes, other columns, both ends of a line, and a mark at the beginning.
    let body = "\u{feff}LON,note, LAT \r\n-118.5,\"a, \"\"b\"\"\",34\r\n\" -118.2\",,34.1\n-118.3,x,3.37e1";
    let answer = service.send(PATH, &[CSV], body);
    assert_eq!(text(&answer), "cluster\n0\n1\n2\n");
    assert_eq!(answer.header("gugus-batch"), Some("1"));
    assert_eq!(text(&service.send(PATH, &[CSV], "LAT,LON\n")), "cluster\n");
    let json = service.send(PATH, &[CSV, ("accept", "application/json")], body);
    assert_eq!(
        json.json(),
        json!([{"cluster": 0}, {"cluster": 1}, {"cluster": 2}])
    );
    // One column per feature for a model without names, and noise as in JSON.
    let numbers = service.send("/models/crime_k5/predict", &[CSV], "a,b\n33.7,-118.3\n");
    assert_eq!(text(&numbers), "cluster\n2\n");
    let noise = service.send(
        "/models/spots/batches/1/predict",
        &[CSV],
        "LAT,LON\n35,-118\n",
    );
    assert_eq!(text(&noise), "cluster\n-1\n");
    // Text keeps its digits, and an empty cell is null.
    let kinds = service.send(SQL, &[CSV], "TIME OCC,PART\n0330,1.50\n2000,\n");
    assert_eq!(text(&kinds), "cluster\n2\n1\n");
}

#[test]
fn of_a_wrong_csv_all_is_refused_and_the_record_is_named() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    for (path, body, refused) in [
        (PATH, "", "400 not_csv: first line names the columns"),
        (PATH, "LAT,LAT\n1,2\n", "400 not_csv: both named \"LAT\""),
        (
            PATH,
            "lat,lon\n1,2\n",
            "422 missing_field: none of the columns, \"LAT\", it has \"lat\"",
        ),
        (
            PATH,
            "LAT,LON\n1,2\nnorth,2\n",
            "422 wrong_value: index 1, \"LAT\", north",
        ),
        (PATH, "LAT,LON\n1,2\n1\n", "422 wrong_value: index 1"),
        (
            PATH,
            "LAT,LON\n1,2\n,2\n",
            "422 missing_field: index 1, LAT",
        ),
        (
            PATH,
            "LAT,LON\n1,2\n\"1,2\n",
            "422 wrong_value: index 1, quote",
        ),
        (PATH, "LAT\n1\n", "422 missing_field: index 0, LON"),
        (PATH, "LAT,LON\nnan,2\n", "422 not_finite: index 0, LAT"),
        (SQL, "PART\n1.50\n", "422 missing_field: index 0, hour"),
        (
            "/models/crime_k5/predict",
            "a\n1\n",
            "422 wrong_value: 1 columns, 2",
        ),
        (
            "/models/none/predict",
            "LAT,LON\n1,2\n",
            "404 unknown_model: none",
        ),
    ] {
        let answer = service.send(path, &[CSV], body);
        answer.refused(refused);
        if refused.contains("index") {
            assert!(answer.json()["index"].is_u64(), "{body}");
        }
    }
}

#[test]
fn arrow_comes_in_and_goes_out() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let plain = columns([
        ("LON", floats(&[-118.5, -118.2])),
        ("LAT", floats(&[34.0, 34.1])),
    ]);
    let two = stream(&[plain.clone(), plain.slice(1, 1)]);
    assert_eq!(clusters(&service.send(PATH, &[ARROW], &two)), [0, 1, 1]);
    assert_eq!(
        text(&service.send(PATH, &[ARROW, ("accept", "text/csv")], &two)),
        "cluster\n0\n1\n1\n"
    );
    let record = r#"{"LAT": 34.1, "LON": -118.2}"#;
    let arrow = [("accept", ARROW.1), ("content-type", "application/json")];
    assert_eq!(clusters(&service.send(PATH, &arrow, record)), [1]);
    // Other types of numbers, text, text that repeats, and columns that the model does not read.
    let kinds = columns([
        (
            "TIME OCC",
            Arc::new(Float32Array::from(vec![330.0, 2000.0, 330.0])),
        ),
        (
            "PART",
            Arc::new(DictionaryArray::<Int32Type>::from_iter(["1.50", "2", "2"])),
        ),
        ("more", texts(&["a", "b", "c"])),
    ]);
    assert_eq!(
        clusters(&service.send(SQL, &[ARROW], stream(&[kinds]))),
        [2, 1, 0]
    );
    let as_text = columns([("LAT", texts(&["33.7"])), ("LON", texts(&["-118.3"]))]);
    assert_eq!(
        clusters(&service.send(PATH, &[ARROW], stream(&[as_text]))),
        [2]
    );
    let numbers = columns([("a", floats(&[33.7])), ("b", floats(&[-118.3]))]);
    assert_eq!(
        clusters(&service.send("/models/crime_k5/predict", &[ARROW], stream(&[numbers]))),
        [2]
    );
    let none = plain.slice(0, 0);
    assert_eq!(
        clusters(&service.send(PATH, &[ARROW], stream(&[none]))),
        [0; 0]
    );
}

#[test]
fn of_a_wrong_stream_all_is_refused_and_the_record_is_named() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let good = columns([("LAT", floats(&[34.0])), ("LON", floats(&[-118.5]))]);
    let null: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None]));
    let list =
        arrow::array::ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)])]);
    let cut = stream(std::slice::from_ref(&good));
    for (body, refused) in [
        (Vec::new(), "400 not_arrow: schema"),
        (b"LAT,LON\n1,2\n".to_vec(), "400 not_arrow"),
        (vec![0xff; 4096], "400 not_arrow"),
        (cut[..cut.len() / 2].to_vec(), "400 not_arrow"),
        (
            stream(&[columns([("lat", floats(&[1.0]))])]),
            "422 missing_field: none of the columns",
        ),
        (
            stream(&[columns([("LAT", floats(&[1.0, 2.0])), ("LON", null)])]),
            "422 missing_field: index 1, LON",
        ),
        (
            stream(&[columns([
                ("LAT", texts(&["1", "north"])),
                ("LON", texts(&["1", "2"])),
            ])]),
            "422 wrong_value: index 1, LAT, north",
        ),
        (
            stream(&[columns([
                ("LAT", floats(&[1.0, f64::NAN])),
                ("LON", floats(&[1.0, 2.0])),
            ])]),
            "422 not_finite: index 1, LAT",
        ),
        (
            stream(&[columns([("LAT", Arc::new(list)), ("LON", floats(&[1.0]))])]),
            "422 wrong_value: LAT, List",
        ),
    ] {
        service.send(PATH, &[ARROW], body).refused(refused);
    }
    // The second batch goes on counting.
    let second = columns([
        ("LAT", floats(&[f64::INFINITY])),
        ("LON", floats(&[-118.5])),
    ]);
    service
        .send(PATH, &[ARROW], stream(&[good, second]))
        .refused("422 not_finite: index 1");
}

#[test]
fn a_short_stream_cannot_make_long_columns() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    // No values at all, and as many rows as one likes.
    let nulls = |rows| columns([("PART", Arc::new(NullArray::new(rows)))]);
    service
        .send(SQL, &[ARROW], stream(&[nulls(1 << 40)]))
        .refused("413 body_too_large: fewer records");
    service
        .send(SQL, &[ARROW], stream(&[nulls(2)]))
        .refused("422 missing_field: index 0");
    // A text that each row repeats.
    let long = "x".repeat(1 << 16);
    let keys = Int32Array::from(vec![0; 100_000]);
    let repeated = DictionaryArray::new(keys, texts(&[&long]));
    let body = stream(&[columns([("PART", Arc::new(repeated))])]);
    service
        .send(SQL, &[ARROW], body)
        .refused("413 body_too_large: fewer records");
    // As many wrong rows as one likes: the first one is told.
    let numbers: ArrayRef = Arc::new(NullArray::new(1_000_000));
    let numbers = columns([("a", Arc::clone(&numbers)), ("b", numbers)]);
    service
        .send("/models/crime_k5/predict", &[ARROW], stream(&[numbers]))
        .refused("422 missing_field: index 0");
    // Lengths that no body has.
    let empty = RecordBatch::new_empty(Arc::new(Schema::empty()));
    let mut body = stream(&[empty]);
    for at in 0..body.len() {
        body[at] ^= 0x7f;
        let answer = service.send(PATH, &[ARROW], &body);
        assert!(
            (400..500).contains(&answer.status),
            "byte {at}: {}",
            answer.status
        );
        body[at] ^= 0x7f;
    }
    assert_eq!(service.get("/health").status, 200);
}

#[test]
fn a_dictionary_is_as_long_as_the_texts_of_its_rows() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let send = |keys: Vec<i32>, parts: StringArray| {
        let time = Int32Array::from(vec![330; keys.len()]);
        let parts = DictionaryArray::new(Int32Array::from(keys), Arc::new(parts));
        let kinds = columns([("TIME OCC", Arc::new(time)), ("PART", Arc::new(parts))]);
        clusters(&service.send(SQL, &[ARROW], stream(&[kinds])))
    };
    // One long text beside many short ones.
    let long = "x".repeat(1 << 16);
    let mut keys = vec![0; 5000];
    keys.push(1);
    let mut expected = vec![2; 5000];
    expected.push(0);
    assert_eq!(
        send(keys, StringArray::from(vec!["1.50", long.as_str()])),
        expected
    );
    // No text at all.
    assert_eq!(send(vec![0], StringArray::from(vec![None::<&str>])), [0]);
}

#[test]
fn a_wrong_row_counts_from_the_first_one_of_a_long_batch() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let mut lat = vec![34.0; 200_000];
    let lon = floats(&vec![-118.5; lat.len()]);
    let good = columns([("LAT", floats(&lat)), ("LON", Arc::clone(&lon))]);
    let found = clusters(&service.send(PATH, &[ARROW], stream(&[good])));
    assert_eq!(found, vec![0; lat.len()]);
    lat[150_000] = f64::NAN;
    let mut texts: Vec<String> = lat.iter().map(f64::to_string).collect();
    texts[150_000] = "north".to_owned();
    for (lat, refused) in [
        (floats(&lat), "422 not_finite: index 150000, LAT"),
        (
            Arc::new(StringArray::from(texts)) as ArrayRef,
            "422 wrong_value: index 150000, LAT, north",
        ),
    ] {
        let wrong = columns([("LAT", lat), ("LON", Arc::clone(&lon))]);
        service
            .send(PATH, &[ARROW], stream(&[wrong]))
            .refused(refused);
    }
}

#[test]
fn bytes_that_flipped_are_refused_and_break_nothing() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let good = columns([
        (
            "TIME OCC",
            Arc::new(Int32Array::from(vec![Some(330), None])),
        ),
        ("PART", texts(&["1.50", "2"])),
    ]);
    let mut body = stream(&[good]);
    for at in 0..body.len() {
        body[at] ^= 0xff;
        let answer = service.send(SQL, &[ARROW], &body);
        assert!(answer.status < 500, "byte {at}: {}", answer.status);
        body[at] ^= 0xff;
    }
    assert_eq!(service.get("/health").status, 200);
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bodies_and_answers_may_be_compressed() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    let one = r#"{"LAT": 34.1, "LON": -118.2}"#;
    let json = ("content-type", "application/json");
    let packed = [json, ("content-encoding", "gzip")];
    assert_eq!(
        service.send(PATH, &packed, gzip(one.as_bytes())).cluster(),
        1
    );
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(one.as_bytes()).unwrap();
    let deflated = [json, ("content-encoding", "deflate")];
    assert_eq!(
        service
            .send(PATH, &deflated, deflate.finish().unwrap())
            .cluster(),
        1
    );
    let point = gzip(br#"{"lat": 34.1, "lon": -118.2, "model": 1}"#);
    assert_eq!(
        service.send("/predict_cluster/", &packed, point).cluster(),
        1
    );

    let many = format!("[{}]", [one; 1000].join(","));
    let wants = [
        json,
        ("content-encoding", "gzip"),
        ("accept-encoding", "br, gzip;q=0.5"),
    ];
    let answer = service.send(PATH, &wants, gzip(many.as_bytes()));
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(&answer.body[..])
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, service.send(PATH, &[json], &many).body);
    // A short answer stays as it is, and so does one that must not be compressed.
    let short = service.send(PATH, &[json, ("accept-encoding", "gzip")], one);
    assert_eq!(
        (short.header("content-encoding"), short.cluster()),
        (None, 1)
    );
    let plain = service.send(PATH, &[json, ("accept-encoding", "gzip;q=0")], &many);
    assert_eq!(plain.header("content-encoding"), None);

    service
        .send(PATH, &packed, one)
        .refused("400 wrong_encoding: not compressed");
    let half = gzip(many.as_bytes());
    service
        .send(PATH, &packed, &half[..half.len() / 2])
        .refused("400 wrong_encoding");
    let unread = [json, ("content-encoding", "br")];
    service
        .send(PATH, &unread, one)
        .refused("415 unsupported_media_type: \"br\", gzip");
}

#[test]
fn a_body_is_limited_before_and_after_it_is_unpacked() {
    let dir = folder();
    let mut config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    config.body_limit = 1000;
    let service = Service::start(config);
    let packed = [
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
    ];
    let record = r#"{"LAT": 34.1, "LON": -118.2}"#;
    let of_length =
        |length: usize| gzip(format!("{record}{}", " ".repeat(length - record.len())).as_bytes());
    assert_eq!(service.send(PATH, &packed, of_length(1000)).cluster(), 1);
    service
        .send(PATH, &packed, of_length(1001))
        .refused("413 body_too_large: 1000 bytes");
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() > 1000, "the packed body is refused already");
    let mut config = Config::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    config.body_limit = 1 << 20;
    let service = Service::start(config);
    service
        .send(PATH, &packed, bomb)
        .refused("413 body_too_large: 1048576 bytes");
}

#[test]
fn other_types_are_refused() {
    let dir = folder();
    let service = Service::of_folder(dir.path());
    for kind in [
        "text/plain",
        "application/octet-stream",
        "text/csv; charset=latin1",
        "application/xml",
    ] {
        let answer = service.send(PATH, &[("content-type", kind)], "{}");
        answer.refused("415 unsupported_media_type: application/json, text/csv, arrow.stream");
    }
    service
        .send("/predict_cluster/", &[CSV], "lat,lon,model\n1,2,1\n")
        .refused("415 unsupported_media_type: text/csv");
    // An unknown model is told before a wrong header.
    service
        .send(
            "/models/none/predict",
            &[("content-type", "text/plain")],
            "{}",
        )
        .refused("404 unknown_model");
}
