use gugus_spec::{ColumnType, Source};
use proptest::prelude::*;

use super::*;
use crate::{Columns, Header, Layout};

/// What is proposed for a column of these values.
fn infer(values: &[&str]) -> InferredColumn {
    let mut sample = Sample::new(["c"]);
    for value in values {
        sample.add([value.as_bytes()]).unwrap();
    }
    sample.columns().remove(0)
}

fn data_type(values: &[&str]) -> ColumnType {
    infer(values).column.data_type
}

fn formats(values: &[&str]) -> Vec<String> {
    match data_type(values) {
        ColumnType::Timestamp { formats, .. } => formats,
        other => panic!("{values:?} are {other}"),
    }
}

#[test]
fn the_narrowest_type_that_reads_all() {
    assert_eq!(data_type(&["1", "-20", "", "+3", "0"]), ColumnType::Int32);
    assert_eq!(data_type(&["1", "3000000000"]), ColumnType::Int64);
    assert_eq!(data_type(&["2000000000"]), ColumnType::Int64);
    assert_eq!(data_type(&["1", "2.5", "nan"]), ColumnType::Float64);
    assert_eq!(data_type(&["1.0", "2.0"]), ColumnType::Float64);
    assert_eq!(data_type(&["-0.5", "1e300"]), ColumnType::Float64);
    assert_eq!(data_type(&["true", "FALSE", "1"]), ColumnType::Bool);
    assert_eq!(data_type(&["0", "1"]), ColumnType::Int32);
    assert_eq!(data_type(&["1", "x"]), ColumnType::Utf8);
    assert_eq!(data_type(&["Inf", "nan"]), ColumnType::Utf8);
    assert_eq!(data_type(&["1e999"]), ColumnType::Utf8);
}

#[test]
fn words_for_no_value_hide_no_type() {
    let number = infer(&["1.5", "NULL", "", "NA"]);
    assert_eq!(
        (number.column.data_type, number.empty),
        (ColumnType::Float64, 3)
    );
    assert_eq!(data_type(&["2020-01-02", "\\N"]).to_string(), "timestamp");
    for text in [&["NA", "DE"][..], &["None", "null"], &["01", "NULL"]] {
        assert_eq!(data_type(text), ColumnType::Utf8, "{text:?}");
    }
    let mut sample = Sample::new(["country", "age"]);
    for row in [["NA", "12"], ["None", "N/A"]] {
        sample.add(row.map(str::as_bytes)).unwrap();
    }
    assert_eq!(sample.null_values(), ["N/A"].into());
}

#[test]
fn numbers_are_instants_if_name_and_range_say_so() {
    let infer = |name: &str, values: &[&str]| {
        let mut sample = Sample::new([name]);
        for value in values {
            sample.add([value.as_bytes()]).unwrap();
        }
        let column = sample.columns().remove(0);
        let formats = match column.column.data_type {
            ColumnType::Timestamp { formats, .. } => formats,
            _ => Vec::new(),
        };
        (formats.join(" "), column.note)
    };
    for (name, value, format) in [
        ("event_time", "1577934245", "epoch_s"),
        ("createdAt", "1577934245000", "epoch_ms"),
        ("ts", "1577934245000000", "epoch_us"),
        ("TIME OCC", "2230", ""),
        ("data", "1577934245000", ""),
        ("updated", "99999999999", ""),
    ] {
        let (found, note) = infer(name, &[value]);
        assert_eq!(found, format, "{name}");
        assert_eq!(note.is_some(), value.starts_with('1'), "{name}: {note:?}");
    }
    assert_eq!(infer("time", &["1577934245", "12"]), (String::new(), None));
    let note = infer("id", &["1577934245"]).1.unwrap();
    assert!(note.contains("if it counts seconds since 1970"), "{note}");
}

#[test]
fn names_made_of_digits_stay_text_and_say_why() {
    let codes = infer(&["12", "0330"]);
    assert_eq!(codes.column.data_type, ColumnType::Utf8);
    assert_eq!(
        codes.note.unwrap(),
        "text, since \"0330\" would lose its zero as a number"
    );
    let ids = infer(&["1", "99999999999999999999"]);
    assert_eq!(ids.column.data_type, ColumnType::Utf8);
    assert_eq!(
        ids.note.unwrap(),
        "text, since \"99999999999999999999\" has more digits than an int64"
    );
    let none = infer(&["", " "]);
    assert_eq!((none.column.data_type, none.empty), (ColumnType::Utf8, 2));
    assert!(none.note.is_some());
}

#[test]
fn instants_in_the_formats_that_files_have() {
    assert!(formats(&["2020-03-01", "2020-03-01T14:30:05.25Z"]).is_empty());
    assert_eq!(
        formats(&["01/31/2020 12:00:00 AM", "3/1/2020 0:00"]),
        ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M"]
    );
    assert_eq!(formats(&["31/01/2020", "01/02/2020"]), ["%d/%m/%Y"]);
    assert_eq!(formats(&["1/31/20", "2/1/21"]), ["%m/%d/%y"]);
    assert_eq!(formats(&["1/31/20", "2/1/2021"]), ["%m/%d/%y", "%m/%d/%Y"]);
    assert_eq!(formats(&["31.12.2020 23:59"]), ["%d.%m.%Y %H:%M"]);
    // A day above 12 in either place: nobody can tell what the others mean.
    assert_eq!(data_type(&["31/01/2020", "01/31/2020"]), ColumnType::Utf8);
    assert_eq!(data_type(&["1/2", "12:30"]), ColumnType::Utf8);
    let either = infer(&["01/02/2020"]);
    assert_eq!(
        either.note.unwrap(),
        "the month may be the day: no day above 12 in the sample tells"
    );
}

#[test]
fn rows_that_do_not_fit_the_names_do_not_count() {
    let mut sample = Sample::new(["a", "b"]);
    sample.add([b"1".as_slice(), b"2.5"]).unwrap();
    assert!(matches!(
        sample.add([b"x".as_slice()]),
        Err(Reason::CellCount {
            expected: 2,
            found: 1
        })
    ));
    assert!(matches!(
        sample.add([b"x".as_slice(), b"\xff"]),
        Err(Reason::CellNotUtf8 { .. })
    ));
    let columns = sample.columns();
    assert_eq!((sample.rows(), columns[0].empty), (1, 0));
    assert_eq!(columns[0].column.data_type, ColumnType::Int32);
    assert_eq!(columns[1].range, Some((2.5, 2.5)));
}

#[test]
fn every_common_format_can_be_followed() {
    // One that cannot be would read nothing, and no one would notice.
    let text = "2020-02-03 04:05:06";
    let instant = gugus_spec::parse_iso_timestamp(text).unwrap();
    let written = [
        "02/03/20 04:05:06 AM",
        "02/03/20 04:05 AM",
        "02/03/2020 04:05:06 AM",
        "03-Feb-2020",
    ];
    for text in written {
        assert!(
            matches!(data_type(&[text]), ColumnType::Timestamp { .. }),
            "{text} for {instant}"
        );
    }
}

proptest! {
    #[test]
    fn what_is_proposed_reads_the_whole_sample(values in prop::collection::vec(prop_oneof![
        "[-+]?[0-9]{1,20}",
        "-?[0-9]{0,4}\\.[0-9]{0,4}(e-?[0-9]{1,3})?",
        "[0-3]?[0-9]/[0-3]?[0-9]/(20)?[0-9]{2}( [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?( [AP]M)?)?",
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,9})?Z?)?)?",
        prop::sample::select(vec!["true", "False", "0", "1", "", " ", "nan", "inf", "1e999", "NULL", "N/A", "?"]).prop_map(str::to_owned),
        "\\PC{0,8}",
    ], 1..4), copies in 1_usize..3) {
        let values: Vec<&str> = values.iter().map(String::as_str).cycle().take(values.len() * copies).collect();
        let mut sample = Sample::new(["c"]);
        for value in &values {
            sample.add([value.as_bytes()]).unwrap();
        }
        let source = Source {
            columns: vec![sample.columns().remove(0).column],
            null_values: sample.null_values().into_iter().map(str::to_owned).collect(),
            ..Source::default()
        };
        let mut columns = Columns::new(Layout::new(&source));
        let header = Header::new(["c"], columns.layout()).unwrap();
        for value in values {
            prop_assert_eq!(columns.push_cells(&header, [value.as_bytes()]), Ok(()), "{}", source.columns[0].data_type);
        }
    }
}
