//! Imports of Arrow batches: columns are cast whole, wrong rows are left out one by one.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
    Float32Array, Float64Array, Int8Array, Int32Array, Int64Array, LargeStringArray, ListArray,
    NullArray, RecordBatch, StringArray, StringDictionaryBuilder, StringViewArray, StructArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float32Type, Int32Type, Int64Type};
use gugus_records::{Columns, ImportError, RejectedRow, row_json};

use crate::support::{columns, floats, ints, layout_of, some, texts, times, values};

/// A batch of these columns.
fn table<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Pushes one column `a` of that type.
fn push(data_type: &str, array: impl Array + 'static) -> (RecordBatch, Vec<String>) {
    let mut columns = columns(&format!("a = {{ type = \"{data_type}\" }}"), "drop");
    let batch = table([("a", Arc::new(array))]);
    let rejects = columns.push_rows(&batch).unwrap();
    assert_eq!(columns.rows() + rejects.len(), batch.num_rows());
    let reasons = rejects
        .iter()
        .map(|RejectedRow { row, reason }| format!("{row}: {reason}"))
        .collect();
    (columns.finish().unwrap(), reasons)
}

#[test]
fn integers_must_fit() {
    let wide = Int64Array::from(vec![Some(1), Some(1 << 40), None, Some(-2)]);
    let (batch, reasons) = push("int32", wide);
    assert_eq!(ints(&batch, "a"), [Some(1), None, Some(-2)]);
    let reason = r#"1: column "a": "1099511627776" is out of range for type int32"#;
    assert_eq!(reasons, [reason]);
    let (batch, reasons) = push("int64", UInt64Array::from(vec![u64::MAX, 7]));
    assert_eq!(values::<Int64Type>(&batch, "a"), [Some(7)]);
    assert_eq!(reasons.len(), 1);
    let (batch, _) = push("int32", Int8Array::from(vec![-1]));
    assert_eq!(ints(&batch, "a"), [Some(-1)]);
}

#[test]
fn floats_become_integers_only_without_a_fraction() {
    let source = Float64Array::from(vec![3.0, 3.5, f64::NAN, 1e10, -0.0]);
    let (batch, reasons) = push("int32", source);
    assert_eq!(ints(&batch, "a"), [Some(3), Some(0)]);
    assert_eq!(reasons.len(), 3);
    let reason = r#"1: column "a": "3.5" has a fraction, which does not fit type int32"#;
    assert_eq!(reasons[0], reason);
}

#[test]
fn floats_are_narrowed_but_not_to_infinity() {
    let source = Float64Array::from(vec![0.5, 1e300, f64::INFINITY, f64::NAN]);
    let (batch, reasons) = push("float32", source);
    let narrow = values::<Float32Type>(&batch, "a");
    assert_eq!(narrow[..2], [Some(0.5), Some(f32::INFINITY)]);
    assert!(narrow[2].is_some_and(f32::is_nan));
    assert_eq!(reasons.len(), 1);
    let decimal = Decimal128Array::from(vec![1250]).with_precision_and_scale(6, 2);
    for (source, wanted) in [
        (Arc::new(Float32Array::from(vec![0.5])) as ArrayRef, 0.5),
        (
            Arc::new(Int64Array::from(vec![1 << 53])),
            9_007_199_254_740_992.0,
        ),
        (Arc::new(decimal.unwrap()), 12.5),
    ] {
        assert_eq!(floats(&push("float64", source).0, "a"), [Some(wanted)]);
    }
}

#[test]
fn text_goes_by_the_rules_of_text() {
    let cells = vec![Some("0330"), Some(""), Some(" 7 "), Some("x"), None];
    let wanted = [Some(330), None, Some(7), None];
    let view = StringViewArray::from(cells.clone());
    let large = LargeStringArray::from(cells.clone());
    let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
    dictionary.extend(cells.clone());
    for (batch, reasons) in [
        push("int32", StringArray::from(cells)),
        push("int32", view),
        push("int32", large),
        push("int32", dictionary.finish()),
    ] {
        assert_eq!(ints(&batch, "a"), wanted);
        assert_eq!(reasons, [r#"3: column "a": "x" is not of type int32"#]);
    }
}

#[test]
fn all_single_values_have_a_text() {
    let zoned = TimestampSecondArray::from(vec![0]).with_timezone("Europe/Zurich");
    for (source, wanted) in [
        (
            Arc::new(Int32Array::from(vec![Some(7), None])) as ArrayRef,
            vec![Some("7"), None],
        ),
        (Arc::new(BooleanArray::from(vec![true])), vec![Some("true")]),
        (Arc::new(Float64Array::from(vec![1.5])), vec![Some("1.5")]),
        (
            Arc::new(StringArray::from(vec!["", " "])),
            vec![None, Some(" ")],
        ),
        (Arc::new(zoned), vec![Some("1970-01-01T00:00:00Z")]),
    ] {
        let texts = texts(&push("utf8", source).0, "a");
        assert_eq!(
            texts.iter().map(Option::as_deref).collect::<Vec<_>>(),
            wanted
        );
    }
    let (batch, reasons) = push("utf8", BinaryArray::from_vec(vec![b"a", b"\xff"]));
    assert_eq!((texts(&batch, "a"), reasons.len()), (some(&["a"]), 1));
}

#[test]
fn instants_of_every_unit_and_zone() {
    let zoned = TimestampNanosecondArray::from(vec![5_000_000]);
    for (source, wanted) in [
        (
            Arc::new(TimestampSecondArray::from(vec![Some(1), None])) as ArrayRef,
            vec![Some(1000), None],
        ),
        (
            Arc::new(TimestampMicrosecondArray::from(vec![1999, -1])),
            vec![Some(1), Some(-1)],
        ),
        (
            Arc::new(zoned.with_timezone("America/Los_Angeles")),
            vec![Some(5)],
        ),
        (Arc::new(Date32Array::from(vec![1])), vec![Some(86_400_000)]),
        (
            Arc::new(StringArray::from(vec!["1970-01-02"])),
            vec![Some(86_400_000)],
        ),
    ] {
        assert_eq!(times(&push("timestamp", source).0, "a"), wanted);
    }
    let (_, reasons) = push("timestamp", TimestampSecondArray::from(vec![i64::MAX]));
    assert_eq!(reasons.len(), 1);
}

#[test]
fn a_row_is_rejected_once_for_its_first_wrong_column() {
    let mut columns = columns(
        "a = { type = \"int32\", required = true }\nb = { type = \"float64\" }",
        "utf8",
    );
    let batch = table([
        (
            "b",
            Arc::new(StringArray::from(vec!["1", "x", "x", "2"])) as ArrayRef,
        ),
        ("c", Arc::new(Int32Array::from(vec![10, 11, 12, 13]))),
        (
            "a",
            Arc::new(Int32Array::from(vec![Some(0), None, Some(2), Some(3)])),
        ),
        ("_offset", Arc::new(Int32Array::from(vec![9; 4]))),
    ]);
    let rejects = columns.push_rows(&batch).unwrap();
    let rejects = rejects.iter().map(|r| (r.row, r.reason.column().unwrap()));
    assert_eq!(rejects.collect::<Vec<_>>(), [(1, "a"), (2, "b")]);

    // Rows by text, before and after, are rows of the same batch.
    columns
        .push_json(br#"{"a": 4, "c": "14", "d": "new"}"#)
        .unwrap();
    let _ = columns.push_rows(&batch).unwrap();
    let batch = columns.finish().unwrap();
    assert_eq!(
        ints(&batch, "a"),
        [Some(0), Some(3), Some(4), Some(0), Some(3)]
    );
    let c: Vec<_> = texts(&batch, "c").into_iter().flatten().collect();
    assert_eq!(c, ["10", "13", "14", "10", "13"]);
    assert_eq!(
        texts(&batch, "d"),
        [None, None, Some("new".to_owned()), None, None]
    );
}

#[test]
fn rows_and_json_of_one_record_are_one_row() {
    let spec = "t = { type = \"timestamp\" }\nn = { type = \"int64\" }\nf = { type = \"float32\" }\nb = { type = \"bool\" }\ns = { type = \"utf8\" }";
    let batch = table([
        (
            "t",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1000), None])) as ArrayRef,
        ),
        ("n", Arc::new(Int32Array::from(vec![Some(-3), None]))),
        ("f", Arc::new(Float64Array::from(vec![Some(0.1), None]))),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("s", Arc::new(StringArray::from(vec![Some("x"), None]))),
        ("o", Arc::new(StringArray::from(vec![Some("y"), None]))),
    ]);
    let (mut rows, mut json) = (columns(spec, "utf8"), columns(spec, "utf8"));
    assert!(rows.push_rows(&batch).unwrap().is_empty());
    json.push_json(br#"{"t":"1970-01-01T00:00:00.001","n":-3,"f":0.1,"b":true,"s":"x","o":"y"}"#)
        .unwrap();
    json.push_json(b"{}").unwrap();
    assert_eq!(rows.finish().unwrap(), json.finish().unwrap());
}

#[test]
fn a_missing_column_is_null_and_an_empty_batch_is_nothing() {
    let mut columns = columns(
        "a = { type = \"int32\", required = true }\nb = { type = \"utf8\" }",
        "utf8",
    );
    let none = table([("c", Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef)]);
    assert_eq!(columns.push_rows(&none).unwrap().len(), 2);
    assert!(columns.push_rows(&none.slice(0, 0)).unwrap().is_empty());
    assert_eq!(
        columns.finish().unwrap().num_columns(),
        2,
        "a rejected row brings no column"
    );
}

#[test]
fn slices_are_read_from_their_start() {
    let mut columns = columns("a = { type = \"int32\" }\ns = { type = \"utf8\" }", "utf8");
    let batch = table([
        (
            "a",
            Arc::new(Int32Array::from(vec![Some(1), None, Some(3), Some(4)])) as ArrayRef,
        ),
        (
            "s",
            Arc::new(StringArray::from(vec![
                Some("p"),
                Some("q"),
                None,
                Some("s"),
            ])),
        ),
    ]);
    for (from, length) in [(1, 2), (3, 1)] {
        let rejects = columns.push_rows(&batch.slice(from, length)).unwrap();
        assert!(rejects.is_empty());
    }
    let batch = columns.finish().unwrap();
    assert_eq!(ints(&batch, "a"), [None, Some(3), Some(4)]);
    assert_eq!(
        texts(&batch, "s"),
        [Some("q".to_owned()), None, Some("s".to_owned())]
    );
}

#[test]
fn instants_lie_in_the_years_1_to_9999_and_follow_their_clocks() {
    let far = 253_402_300_800_000;
    let millis = TimestampMillisecondArray::from(vec![far - 1, far, -far]).with_timezone("UTC");
    let (batch, reasons) = push("timestamp", millis);
    assert_eq!(times(&batch, "a"), [Some(far - 1)]);
    assert_eq!(reasons.len(), 2);
    assert!(reasons[0].ends_with("is out of range for type timestamp"));

    // Half past two in the morning of a day in July, and of the day when that hour is skipped.
    let times_of_day = vec![1_593_916_200, 1_583_634_600];
    let zoned = "timestamp\", timezone = \"America/Chicago";
    let (batch, reasons) = push(zoned, TimestampSecondArray::from(times_of_day.clone()));
    assert_eq!(
        times(&batch, "a"),
        [Some((1_593_916_200 + 5 * 3600) * 1000)]
    );
    assert!(reasons[0].contains("skip"), "{reasons:?}");
    // With a zone of their own they are instants.
    let instants = TimestampSecondArray::from(times_of_day).with_timezone("+00:00");
    assert_eq!(push(zoned, instants).1, [] as [&str; 0]);
    let (batch, _) = push(zoned, Date32Array::from(vec![18_448]));
    assert_eq!(times(&batch, "a"), [Some((18_448 * 24 + 5) * 3_600_000)]);
}

#[test]
fn columns_that_hide_their_nulls_are_columns_of_nulls() {
    for data_type in ["utf8", "int32", "float64", "timestamp", "bool"] {
        let (batch, reasons) = push(data_type, NullArray::new(2));
        assert_eq!((batch.num_rows(), batch["a"].null_count()), (2, 2));
        assert_eq!(reasons, [] as [&str; 0]);
    }
    let values = StringArray::from(vec![Some("x"), None]);
    let keys = Int32Array::from(vec![0, 1]);
    let dictionary = DictionaryArray::new(keys, Arc::new(values));
    let (batch, reasons) = push("utf8", dictionary);
    assert_eq!(texts(&batch, "a"), [Some("x".to_owned()), None]);
    assert_eq!(reasons, [] as [&str; 0]);
    let required = "a = { type = \"utf8\", required = true }";
    let batch = table([("a", Arc::new(NullArray::new(2)))]);
    let rejects = columns(required, "drop").push_rows(&batch).unwrap();
    assert_eq!(rejects.len(), 2);
}

#[test]
fn the_jobs_words_for_no_value_are_null() {
    let source = "null_values = [\"NA\", \"-999\"]\n[source.columns]\na = { type = \"int32\" }\nb = { type = \"utf8\" }";
    let mut columns = Columns::new(layout_of(source));
    let batch = table([
        ("a", Arc::new(Int64Array::from(vec![1, -999, 3]))),
        ("b", Arc::new(StringArray::from(vec!["x", "y", " NA"]))),
        ("c", Arc::new(StringArray::from(vec!["NA", "z", "z"]))),
    ]);
    assert!(columns.push_rows(&batch).unwrap().is_empty());
    let batch = columns.finish().unwrap();
    assert_eq!(ints(&batch, "a"), [Some(1), None, Some(3)]);
    let nulls = ["b", "c"].map(|name| texts(&batch, name).iter().position(Option::is_none));
    assert_eq!(nulls, [Some(2), Some(0)]);
}

fn list() -> ArrayRef {
    let rows = [Some(vec![Some(1), None]), None];
    Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(rows))
}

fn structs() -> ArrayRef {
    let field = Field::new("x", DataType::Utf8, true);
    let values = StringArray::from(vec![Some("a\"b"), None]);
    let columns = vec![(Arc::new(field), Arc::new(values) as ArrayRef)];
    Arc::new(StructArray::from(columns))
}

#[test]
fn lists_and_structs_are_json_text_for_text_and_nothing_else() {
    for (source, expected) in [
        (list(), [Some("[1,null]"), None]),
        (structs(), [Some(r#"{"x":"a\"b"}"#), Some(r#"{"x":null}"#)]),
    ] {
        let expected = expected.map(|text| text.map(str::to_owned));
        assert_eq!(texts(&push("utf8", source.clone()).0, "a"), expected);
        let batch = table([("n", source)]);
        let mut kept = columns("a = { type = \"int32\" }", "utf8");
        assert!(kept.push_rows(&batch).unwrap().is_empty());
        assert_eq!(texts(&kept.finish().unwrap(), "n"), expected);
        let mut dropped = columns("a = { type = \"int32\" }", "drop");
        assert!(dropped.push_rows(&batch).unwrap().is_empty());
        let mut typed = columns("n = { type = \"int32\" }", "drop");
        let error = typed.push_rows(&batch).unwrap_err();
        assert!(
            matches!(&error, ImportError::Type { column, .. } if column == "n"),
            "{error}"
        );
        assert!(error.to_string().contains("type utf8"), "{error}");
        assert_eq!(typed.rows(), 0);
    }
}

#[test]
fn a_row_as_json_has_the_values_of_the_row() {
    let nanoseconds =
        TimestampNanosecondArray::from(vec![Some(-1), Some(1_577_934_245_250_000_001)]);
    let batch = table([
        (
            "big",
            Arc::new(Int64Array::from(vec![Some(5_000_000_000), None])),
        ),
        ("short", Arc::new(Float32Array::from(vec![41.2, f32::NAN]))),
        (
            "bytes",
            Arc::new(BinaryArray::from_vec(vec![b"OAK \"ST\"\n", b"\xc3\xa4"])),
        ),
        ("local", Arc::new(nanoseconds.clone())),
        (
            "zoned",
            Arc::new(nanoseconds.with_timezone("America/Los_Angeles")),
        ),
        ("day", Arc::new(Date32Array::from(vec![18_263, -1]))),
        ("truth", Arc::new(BooleanArray::from(vec![true, false]))),
        ("none", Arc::new(NullArray::new(2))),
        ("list", list()),
        ("struct", structs()),
    ]);
    let typed = r#"
        big = { type = "int64" }
        short = { type = "float64" }
        bytes = { type = "utf8" }
        local = { type = "timestamp", format = "%m/%d/%Y", timezone = "America/Chicago" }
        zoned = { type = "timestamp", format = "epoch_ms" }
        day = { type = "timestamp", format = ["%m/%d/%Y", "%H:%M %d.%m.%Y"] }
        truth = { type = "bool" }
        none = { type = "float32" }"#;
    for (spec, others) in [(typed, "utf8"), ("", "utf8")] {
        let (mut rows, mut json) = (columns(spec, others), columns(spec, others));
        assert_eq!(rows.push_rows(&batch).unwrap(), []);
        for row in 0..batch.num_rows() {
            json.push_row_json(&row_json(&batch, row)).unwrap();
        }
        let (mut by_rows, mut by_json) = (rows.finish().unwrap(), json.finish().unwrap());
        // NaN is not equal to itself.
        for batch in [&mut by_rows, &mut by_json] {
            if !spec.is_empty() {
                assert!(floats(batch, "short")[1].is_some_and(f64::is_nan));
                batch.remove_column(1);
            }
        }
        assert_eq!(by_json, by_rows);
    }
    // A record of the topic follows the formats.
    let mut json = columns(typed, "drop");
    json.push_json(br#"{"day": "2020-01-02"}"#).unwrap_err();
    let wrong = table([("bytes", Arc::new(BinaryArray::from_vec(vec![b"\xff"])))]);
    let reject = json.push_rows(&wrong).unwrap().remove(0);
    assert_eq!(
        reject.reason.to_string(),
        "column \"bytes\" is not UTF-8 at byte 0 of the cell"
    );
    json.push_row_json(&row_json(&wrong, 0)).unwrap_err();
}
