//! Imports of Arrow batches: columns are cast whole, wrong rows are left out one by one.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int8Array, Int32Array, Int64Array, LargeStringArray, ListArray, RecordBatch,
    StringArray, StringDictionaryBuilder, StringViewArray, StructArray, TimestampMicrosecondArray,
    TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Float32Type, Int32Type, Int64Type};
use gugus_records::{ImportError, RejectedRow};

use crate::support::{columns, floats, ints, some, texts, times, values};

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
fn nested_columns_are_refused_by_name_unless_they_are_dropped() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)])]);
    let record = StructArray::from(vec![(
        Arc::new(arrow::datatypes::Field::new("x", DataType::Int32, true)),
        Arc::new(Int32Array::from(vec![1])) as ArrayRef,
    )]);
    for nested in [Arc::new(list) as ArrayRef, Arc::new(record)] {
        let batch = table([("n", nested)]);
        let mut kept = columns("a = { type = \"int32\" }", "utf8");
        let error = kept.push_rows(&batch).unwrap_err();
        assert!(
            matches!(&error, ImportError::Type { column, .. } if column == "n"),
            "{error}"
        );
        assert_eq!(kept.rows(), 0);
        let mut dropped = columns("a = { type = \"int32\" }", "drop");
        assert!(dropped.push_rows(&batch).unwrap().is_empty());
    }
}
