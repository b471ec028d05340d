//! The rules of text and values, one test each, from the outside.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Int64Type, TimeUnit};
use gugus_records::{Columns, Header, Misfit, Reason};

use crate::support::{floats, ints, layout, layout_of, names, some, texts, times, values};

const COLUMNS: &str = r#"
text = { type = "utf8" }
truth = { type = "bool" }
i32 = { type = "int32" }
i64 = { type = "int64" }
f32 = { type = "float32" }
f64 = { type = "float64" }
time = { type = "timestamp", format = ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y"] }
iso = { type = "timestamp" }
"#;

fn columns() -> Columns {
    Columns::new(layout(COLUMNS, "utf8"))
}

/// The batch of one record.
fn one(json: &str) -> RecordBatch {
    let mut columns = columns();
    columns
        .push_json(json.as_bytes())
        .unwrap_or_else(|reason| panic!("{json}: {reason}"));
    columns.finish().unwrap()
}

fn reason(json: &[u8]) -> Reason {
    let mut columns = columns();
    let reason = columns.push_json(json).unwrap_err();
    assert_eq!((columns.rows(), columns.bytes()), (0, 0));
    reason
}

fn text(batch: &RecordBatch, column: &str) -> Option<String> {
    texts(batch, column).swap_remove(0)
}

fn i32(json: &str) -> Option<i32> {
    ints(&one(json), "i32")[0]
}

fn time(json: &str, column: &str) -> Option<i64> {
    times(&one(json), column)[0]
}

#[test]
fn types_are_those_of_the_job() {
    let schema = one("{}").schema();
    let types = schema.fields().iter().map(|f| f.data_type().clone());
    let utc = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let expected = [
        DataType::Utf8,
        DataType::Boolean,
        DataType::Int32,
        DataType::Int64,
        DataType::Float32,
        DataType::Float64,
        utc.clone(),
        utc,
    ];
    assert_eq!(types.collect::<Vec<_>>(), expected);
    let fields = schema.fields().iter().map(|f| (**f).clone());
    assert_eq!(layout(COLUMNS, "drop").fields(), fields.collect::<Vec<_>>());
}

#[test]
fn a_json_string_is_parsed_to_the_columns_type() {
    let batch = one(
        r#"{"text": "x", "truth": "TRUE", "i32": "0330", "i64": "-9223372036854775808", "f32": "0.5",
            "f64": "-118.2978", "time": "01/02/1970 12:00:00 AM", "iso": "1970-01-01T00:00:01Z"}"#,
    );
    assert_eq!(text(&batch, "text").as_deref(), Some("x"));
    assert!(batch["truth"].as_boolean().value(0));
    assert_eq!(ints(&batch, "i32"), [Some(330)]);
    assert_eq!(values::<Int64Type>(&batch, "i64"), [Some(i64::MIN)]);
    assert_eq!(values::<Float32Type>(&batch, "f32"), [Some(0.5)]);
    assert_eq!(floats(&batch, "f64"), [Some(-118.2978)]);
    assert_eq!(times(&batch, "time"), [Some(86_400_000)]);
    assert_eq!(times(&batch, "iso"), [Some(1000)]);
}

#[test]
fn empty_text_null_and_a_missing_key_are_null_for_every_type() {
    let empty = r#"{"text":"","truth":"","i32":"","i64":"","f32":"","f64":"","time":"","iso":""}"#;
    let null = r#"{"text":null,"truth":null,"i32":null,"i64":null,"f32":null,"f64":null,"time":null,"iso":null}"#;
    for json in [empty, null, "{}", "  {\n}\t"] {
        let batch = one(json);
        assert_eq!(batch.num_rows(), 1);
        assert!(
            batch.columns().iter().all(|array| array.null_count() == 1),
            "{json}"
        );
    }
}

#[test]
fn blanks_are_trimmed_except_in_text() {
    assert_eq!(i32(r#"{"i32": " 5\t"}"#), Some(5));
    assert_eq!(i32(r#"{"i32": "  "}"#), None);
    let day = time(r#"{"time": " 01/02/1970 "}"#, "time");
    assert_eq!(day, Some(86_400_000));
    for blanks in ["  a ", "  "] {
        let batch = one(&format!(r#"{{"text": "{blanks}"}}"#));
        assert_eq!(text(&batch, "text").as_deref(), Some(blanks));
    }
}

#[test]
fn a_number_or_bool_for_text_becomes_its_text_as_it_stands() {
    let digits = "12345678901234567890123";
    for number in ["1.50", digits, "-0.0", "1E5", "0", "true", "false"] {
        let batch = one(&format!(
            r#"{{"text": {number}, "i32": 1, "other":{number} }}"#
        ));
        assert_eq!(text(&batch, "text").as_deref(), Some(number));
        assert_eq!(text(&batch, "other").as_deref(), Some(number));
    }
}

#[test]
fn a_number_must_fit_its_column() {
    assert_eq!(i32(r#"{"i32": 3.0}"#), Some(3));
    assert_eq!(i32(r#"{"i32": 3e2}"#), Some(300));
    for (json, expected) in [
        (r#"{"i32": 3.5}"#, Misfit::Fraction),
        (r#"{"i32": 3000000000}"#, Misfit::Range),
        (r#"{"i64": 9223372036854775808}"#, Misfit::Range),
        (r#"{"f64": 1e999}"#, Misfit::Range),
        (r#"{"f64": true}"#, Misfit::Kind),
        (r#"{"truth": 2}"#, Misfit::Kind),
    ] {
        let reason = reason(json.as_bytes());
        assert!(
            matches!(reason, Reason::Value { misfit, .. } if misfit == expected),
            "{json}: {reason}"
        );
    }
}

#[test]
fn nested_json_is_text_for_text_and_nothing_else() {
    let batch = one(r#"{"text": {"a": [1, 2]}, "other": [1,  null]}"#);
    assert_eq!(text(&batch, "text").as_deref(), Some(r#"{"a": [1, 2]}"#));
    assert_eq!(text(&batch, "other").as_deref(), Some("[1,  null]"));
    let reason = reason(br#"{"f64": [1.5]}"#).to_string();
    let expected = r#"column "f64": a JSON array does not fit type float64"#;
    assert_eq!(reason, expected);
}

#[test]
fn nan_and_infinity_are_floats() {
    let batch = one(r#"{"f64": "nan", "f32": "-inf"}"#);
    assert!(floats(&batch, "f64")[0].is_some_and(f64::is_nan));
    let f32 = values::<Float32Type>(&batch, "f32");
    assert_eq!(f32, [Some(f32::NEG_INFINITY)]);
}

#[test]
fn what_python_writes_for_nan_and_infinity_is_read() {
    let batch =
        one(r#"{"f64": NaN, "f32":-Infinity,"text": NaN , "o": {"NaN": ["NaN", NaN,-Infinity]}}"#);
    assert!(floats(&batch, "f64")[0].is_some_and(f64::is_nan));
    let f32 = values::<Float32Type>(&batch, "f32");
    assert_eq!(f32, [Some(f32::NEG_INFINITY)]);
    assert_eq!(text(&batch, "text").as_deref(), Some("NaN"));
    let nested = r#"{"NaN": ["NaN", NaN,-Infinity]}"#;
    assert_eq!(text(&batch, "o").as_deref(), Some(nested));
    let reason = reason(br#"{"i32": Infinity}"#).to_string();
    assert_eq!(reason, r#"column "i32": "Infinity" is not of type int32"#);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_record() {
    assert_eq!(i32("\u{feff}{\"i32\": 7}\r\n"), Some(7));
    assert_eq!(reason("\u{feff}".as_bytes()), Reason::Empty);
}

#[test]
fn the_jobs_words_for_no_value_are_null_in_every_type() {
    let source =
        format!("null_values = [\"NULL\", \"NA\", \"\\\\N\", \"-999\"]\n[source.columns]{COLUMNS}");
    let layout = layout_of(&source);
    let mut columns = Columns::new(layout.clone());
    for word in ["NULL", " NA ", "\\N", "-999"] {
        let word = serde_json::to_string(word).unwrap();
        let pairs = ["text", "truth", "i32", "f64", "time", "iso", "other"];
        let pairs = pairs.map(|name| format!("\"{name}\": {word}"));
        let record = format!("{{{}}}", pairs.join(","));
        columns.push_json(record.as_bytes()).unwrap();
    }
    columns
        .push_json(br#"{"i32": -999, "text": -999}"#)
        .unwrap();
    let header = Header::new(["i32", "other"], &layout).unwrap();
    columns.push_cells(&header, [&b"NA"[..], b"NA"]).unwrap();
    let batch = columns.finish().unwrap();
    assert!(batch.columns().iter().all(|array| array.null_count() == 6));
    let required = "null_values = [\"NA\"]\ncolumns.a = { type = \"utf8\", required = true }";
    let mut columns = Columns::new(layout_of(required));
    let reason = columns.push_json(br#"{"a": "NA"}"#).unwrap_err();
    assert!(matches!(reason, Reason::Null { .. }), "{reason}");
    columns.push_json(br#"{"a": "NAN"}"#).unwrap();
}

#[test]
fn a_time_that_does_not_exist_says_why() {
    let column =
        r#"t = { type = "timestamp", format = "%Y-%m-%d %H:%M", timezone = "America/Chicago" }"#;
    let mut columns = Columns::new(layout(column, "drop"));
    let mut push = |text: &str| columns.push_json(format!(r#"{{"t": "{text}"}}"#).as_bytes());
    for (text, expected) in [
        (
            "2020-03-08 02:30",
            r#"column "t": "2020-03-08 02:30" lies in an hour that the clocks of its timezone skip, so it is no timestamp"#,
        ),
        (
            "0000-03-08 02:30",
            r#"column "t": "0000-03-08 02:30" is out of range for type timestamp"#,
        ),
    ] {
        assert_eq!(push(text).unwrap_err().to_string(), expected);
    }
    push("2020-03-08 03:30").unwrap();
    let batch = columns.finish().unwrap();
    assert_eq!(times(&batch, "t"), [Some(1_583_656_200_000)]);
}

#[test]
fn a_value_that_does_not_parse_rejects_also_where_it_is_optional() {
    for (json, expected) in [
        (
            r#"{"f64": "north"}"#,
            r#"column "f64": "north" is not of type float64"#,
        ),
        (
            r#"{"time": "1970-01-02"}"#,
            r#"column "time": "1970-01-02" follows none of the formats of this timestamp"#,
        ),
    ] {
        assert_eq!(reason(json.as_bytes()).to_string(), expected);
    }
    assert_eq!(reason(br#"{"i32": "x"}"#).column(), Some("i32"));
}

#[test]
fn a_long_value_is_cut_in_its_reason() {
    let json = format!(r#"{{"i32": "{}"}}"#, "ü".repeat(1000));
    let Reason::Value { value, .. } = reason(json.as_bytes()) else {
        panic!()
    };
    assert_eq!(value.chars().count(), 65);
}

#[test]
fn null_where_a_value_is_required_rejects() {
    let columns = "a = { type = \"float64\", required = true }";
    let mut columns = Columns::new(layout(columns, "utf8"));
    for json in ["{}", r#"{"a": null}"#, r#"{"a": ""}"#, r#"{"a": " "}"#] {
        let reason = columns.push_json(json.as_bytes()).unwrap_err();
        assert_eq!(
            reason.to_string(),
            r#"column "a" is required, but has no value"#
        );
    }
    columns.push_json(br#"{"a": 1}"#).unwrap();
    assert_eq!(columns.rows(), 1);
}

#[test]
fn what_is_no_object_is_told_apart() {
    assert_eq!(reason(b""), Reason::Empty);
    assert_eq!(reason(b" \n\t"), Reason::Empty);
    assert_eq!(reason(b"{\"a\":\"\xff\"}"), Reason::NotUtf8 { at: 6 });
    for (json, found) in [
        ("[1,2]", "array"),
        ("\"a\"", "string"),
        ("null", "null"),
        ("true", "bool"),
        ("-1", "number"),
    ] {
        assert_eq!(reason(json.as_bytes()), Reason::NotAnObject { found });
    }
    for torn in [
        "{",
        "{\"a\"",
        "{\"a\":1",
        "{\"a\":1}}",
        "{\"a\":NaNs}",
        "{\"a\":1NaN}",
        "{\"a\":nan}",
        "{NaN:1}",
        "{\"a\":[+Infinity]}",
        "{a:1}",
        "[1,2",
        "DR_NO,LAT",
        "{\"a\":01}",
        "{} {}",
    ] {
        assert!(
            matches!(reason(torn.as_bytes()), Reason::NotJson { .. }),
            "{torn}"
        );
    }
}

#[test]
fn escapes_are_undone_in_keys_and_values() {
    let batch = one(r#"{"te\u0078t": "a\"b\\\u00e9\ud83d\ude00\n", "i32": "\u0035"}"#);
    assert_eq!(text(&batch, "text").as_deref(), Some("a\"b\\é😀\n"));
    assert_eq!(ints(&batch, "i32"), [Some(5)]);
    assert_eq!(reason(br#"{"text": "\ud800"}"#).column(), Some("text"));
}

#[test]
fn a_key_twice_in_a_record_rejects_it() {
    for (record, column) in [
        (r#"{"i32": "wrong", "i32": 1, "i32": 2}"#, "i32"),
        (r#"{"i32": 1, "i32": 1}"#, "i32"),
        (r#"{"i32": null, "text": "a", "i32": 2}"#, "i32"),
        (r#"{"text": "", "te\u0078t": "b"}"#, "text"),
        (r#"{"o": [1], "o": 2}"#, "o"),
    ] {
        let reason = reason(record.as_bytes());
        assert_eq!((reason.column(), reason.kind()), (Some(column), "twice"));
        let so = format!("column {column:?} stands twice in the record");
        assert!(reason.to_string().starts_with(&so), "{reason}");
    }
}

#[test]
fn formats_are_tried_in_order_and_a_date_alone_is_midnight() {
    let (hour, day) = (3_600_000, 86_400_000);
    for (column, text, instant) in [
        ("time", "1/2/1970 1:00:00 PM", day + 13 * hour),
        ("time", "1/2/1970", day),
        ("iso", "1970-01-02 00:00:00+01:00", day - hour),
    ] {
        let json = format!(r#"{{"{column}": "{text}"}}"#);
        assert_eq!(time(&json, column), Some(instant));
    }
    for (formats, instant) in [
        (r#"["%m/%d/%Y", "%d/%m/%Y"]"#, 31 * day),
        (r#"["%d/%m/%Y", "%m/%d/%Y"]"#, day),
    ] {
        let column = format!("d = {{ type = \"timestamp\", format = {formats} }}");
        let mut columns = Columns::new(layout(&column, "drop"));
        columns.push_json(br#"{"d": "02/01/1970"}"#).unwrap();
        assert_eq!(times(&columns.finish().unwrap(), "d"), [Some(instant)]);
    }
}

#[test]
fn other_columns_follow_in_order_of_first_appearance() {
    let mut columns = Columns::new(layout("a = { type = \"int32\" }", "utf8"));
    columns.push_json(br#"{"z": "1", "a": 1}"#).unwrap();
    columns
        .push_json(br#"{"a": 2, "y": "", "_offset": 7, "_partition": 1, "_timestamp": 0}"#)
        .unwrap();
    columns.push_json(br#"{"b": 5, "y": "3"}"#).unwrap();
    let batch = columns.finish().unwrap();
    assert_eq!(names(&batch), ["a", "z", "y", "b"]);
    for (column, text, row) in [("z", "1", 0), ("y", "3", 2), ("b", "5", 2)] {
        let mut expected = [None, None, None];
        expected[row] = Some(text.to_owned());
        assert_eq!(texts(&batch, column), expected);
    }

    // The next batch knows nothing of them.
    columns.push_json(br#"{"y": "1"}"#).unwrap();
    let batch = columns.finish().unwrap();
    assert_eq!(names(&batch), ["a", "y"]);
}

#[test]
fn other_columns_are_dropped_where_the_job_says_so() {
    let mut columns = Columns::new(layout("a = { type = \"int32\" }", "drop"));
    columns.push_json(br#"{"z": "\ud800", "a": 1}"#).unwrap();
    assert_eq!(columns.finish().unwrap().num_columns(), 1);
}

#[test]
fn a_rejected_record_leaves_nothing_behind() {
    let mut columns = columns();
    columns
        .push_json(br#"{"text": "a", "i32": 1, "o": "p"}"#)
        .unwrap();
    let bytes = columns.bytes();
    // Wrong in the last column, so that all others had grown; and with a column that only it has.
    for json in [
        r#"{"text": "b", "truth": true, "i32": 2, "i64": 2, "f32": 2, "f64": 2, "time": "", "o": "q", "new": 1, "iso": "x"}"#,
        r#"{"text": "b", "o": "q", "new": "\ud800"}"#,
        r#"{"text": "b", "o": "q", "new": 1"#,
    ] {
        columns.push_json(json.as_bytes()).unwrap_err();
        assert_eq!((columns.rows(), columns.bytes()), (1, bytes));
    }
    columns
        .push_json(br#"{"text": "c", "o": "r", "newer": 1}"#)
        .unwrap();

    let mut clean = Columns::new(columns.layout().clone());
    clean
        .push_json(br#"{"text": "a", "i32": 1, "o": "p"}"#)
        .unwrap();
    clean
        .push_json(br#"{"text": "c", "o": "r", "newer": 1}"#)
        .unwrap();
    assert_eq!(columns.bytes(), clean.bytes());
    assert_eq!(columns.finish().unwrap(), clean.finish().unwrap());
}

#[test]
fn a_record_of_endless_columns_is_refused_and_forgotten() {
    let mut columns = Columns::new(layout("a = { type = \"int32\" }", "utf8"));
    let keys = |from: usize, to: usize| {
        let pairs = (from..to).map(|i| format!("\"k{i}\":1"));
        format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
    };
    columns.push_json(keys(0, 4000).as_bytes()).unwrap();
    let reason = columns.push_json(keys(4000, 4097).as_bytes()).unwrap_err();
    assert_eq!(reason.column(), Some("k4096"));
    columns.push_json(keys(4000, 4096).as_bytes()).unwrap();
    assert_eq!(columns.finish().unwrap().num_columns(), 4097);
}

#[test]
fn an_empty_batch_has_the_jobs_columns() {
    let batch = columns().finish().unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (0, 8));
    let mut none = Columns::new(layout("", "drop"));
    none.push_json(b"{\"a\":1}").unwrap();
    let batch = none.finish().unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (1, 0));
}

#[test]
fn a_parsed_record_is_as_its_text() {
    let json = r#"{"text": "a", "i32": 1, "f64": 1.5, "o": {"x": [null]}, "truth": false}"#;
    let serde_json::Value::Object(record) = serde_json::from_str(json).unwrap() else {
        panic!()
    };
    let mut columns = columns();
    columns.push_json_value(&record).unwrap();
    assert_eq!(columns.finish().unwrap(), one(&json.replace(": [", ":[")));
}

mod csv_rows {
    use super::*;

    #[test]
    fn cells_go_by_the_header() {
        let layout = layout(COLUMNS, "utf8");
        let header = Header::new(["\u{feff}i32", "other", "text", "_offset"], &layout).unwrap();
        assert_eq!((header.len(), header.missing().len()), (4, 6));
        let mut columns = Columns::new(layout);
        for row in [[&b"0330"[..], b"", b" a ", b"9"], [b"", b"o", b"", b"9"]] {
            columns.push_cells(&header, row).unwrap();
        }
        let batch = columns.finish().unwrap();
        assert_eq!(ints(&batch, "i32"), [Some(330), None]);
        let owned = |text: &str| Some(text.to_owned());
        assert_eq!(texts(&batch, "text"), [owned(" a "), None]);
        assert_eq!(texts(&batch, "other"), [None, owned("o")]);
        assert_eq!(batch.num_columns(), 9);
    }

    #[test]
    fn a_row_must_have_as_many_cells_as_the_header() {
        let layout = layout(COLUMNS, "utf8");
        let header = Header::new(["i32", "other"], &layout).unwrap();
        let mut columns = Columns::new(layout);
        for (cells, found) in [
            (vec![b"1".as_slice()], 1),
            (vec![b"1", b"2", b"3"], 3),
            (vec![], 0),
        ] {
            let reason = columns.push_cells(&header, cells).unwrap_err();
            assert_eq!(reason, Reason::CellCount { expected: 2, found });
        }
        let (expected, found) = (2, 3);
        assert_eq!(
            Reason::CellCount { expected, found }.to_string(),
            "the row has 3 cells, but its header has 2"
        );
        assert_eq!(columns.finish().unwrap().num_columns(), 8);
    }

    #[test]
    fn a_cell_that_is_not_text_rejects_where_it_is_kept() {
        for (others, taken) in [("utf8", false), ("drop", true)] {
            let layout = layout("a = { type = \"int32\" }", others);
            let header = Header::new(["a", "b"], &layout).unwrap();
            let mut columns = Columns::new(layout);
            let pushed = columns.push_cells(&header, [b"1".as_slice(), b"\xff"]);
            assert_eq!(pushed.is_ok(), taken);
        }
        assert!(Header::new([b"\xff"], &layout("", "utf8")).is_err());
    }

    #[test]
    fn the_last_of_several_cells_of_one_name_wins() {
        let layout = layout("a = { type = \"int32\" }", "utf8");
        let header = Header::new(["a", "a", "b", "b"], &layout).unwrap();
        let mut columns = Columns::new(layout);
        let cells = [b"x".as_slice(), b"2", b"3", b"4"];
        columns.push_cells(&header, cells).unwrap();
        let batch = columns.finish().unwrap();
        assert_eq!(ints(&batch, "a"), [Some(2)]);
        assert_eq!(texts(&batch, "b"), some(&["4"]));
    }
}
