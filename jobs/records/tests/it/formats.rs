//! Records in the format that the job names, read and written, and streams whose records change.

use gugus_records::{Columns, CsvRows, Header, Misfit, QuotePlace, Reason, RecordWriter};
use gugus_spec::{CsvFormat, Format};
use proptest::prelude::*;

use crate::support::{floats, ints, layout_of, names, some, source_of, texts};

fn columns(source: &str) -> Columns {
    Columns::new(layout_of(source))
}

/// Rows of a number, a text and, in the batch, nothing else.
fn rows() -> Columns {
    columns(
        r#"
        format = "csv"
        [source.columns]
        id = { type = "int32", required = true }
        name = { type = "utf8" }
        "#,
    )
}

#[test]
fn a_record_is_one_row_with_or_without_the_end_of_its_line() {
    let mut columns = rows();
    for record in [
        &b"1,one"[..],
        b"2,two\n",
        b"3,three\r\n",
        b"4,four\r",
        b"\xef\xbb\xbf5,five\n\n",
    ] {
        columns.push_record(record).unwrap();
    }
    let batch = columns.finish().unwrap();
    assert_eq!(ints(&batch, "id"), [1, 2, 3, 4, 5].map(Some));
    let names = some(&["one", "two", "three", "four", "five"]);
    assert_eq!(texts(&batch, "name"), names);
}

#[test]
fn quoted_cells_hold_delimiters_quotes_and_ends_of_lines() {
    let mut columns = rows();
    for record in [
        r#"1,"a,b""#,
        r#""2","say ""so""""#,
        "3,\"two\r\nlines\n\"\n",
        "4,\"\"",
        "5,",
    ] {
        columns.push_record(record.as_bytes()).unwrap();
    }
    let mut expected = some(&["a,b", "say \"so\"", "two\r\nlines\n"]);
    expected.extend([None, None]);
    assert_eq!(texts(&columns.finish().unwrap(), "name"), expected);
}

#[test]
fn what_is_not_one_row_is_rejected_with_its_reason() {
    let mut columns = rows();
    columns.push_record(b"0,before").unwrap();
    let reason = |columns: &mut Columns, record: &[u8]| columns.push_record(record).unwrap_err();
    for empty in [&b""[..], b"\n", b"\r\n\n"] {
        assert_eq!(reason(&mut columns, empty), Reason::Empty);
    }
    assert_eq!(reason(&mut columns, b"1,a\n2,b"), Reason::ManyRows);
    let place = QuotePlace { line: 1, cell: 2 };
    for (record, expected) in [
        (&b"1,\"a\n2,b"[..], Reason::OpenQuote { place }),
        (b"1,\"", Reason::OpenQuote { place }),
        (b"1,\"a\"b", Reason::BehindQuote { place }),
        (b"1,a\"b\"", Reason::StrayQuote { place }),
        (b"1, \"a\"", Reason::StrayQuote { place }),
    ] {
        assert_eq!(reason(&mut columns, record), expected);
    }
    let count = |found| Reason::CellCount { expected: 2, found };
    assert_eq!(reason(&mut columns, b"1"), count(1));
    assert_eq!(reason(&mut columns, b"1,a,"), count(3));
    assert_eq!(
        reason(&mut columns, ",".repeat(999).as_bytes()),
        count(1000)
    );
    assert_eq!(
        reason(&mut columns, b"1,\xff"),
        Reason::CellNotUtf8 {
            column: "name".to_owned(),
            at: 0
        }
    );
    // The two halves of a character make no text because they stand side by side.
    assert!(matches!(
        reason(&mut columns, b"\xc3,\xa9"),
        Reason::CellNotUtf8 { .. }
    ));
    let place = QuotePlace { line: 1, cell: 1 };
    let json = reason(&mut columns, br#"{"id": 1}"#);
    assert_eq!(json, Reason::StrayQuote { place });
    columns.push_record(b"1,after").unwrap();
    assert_eq!(
        texts(&columns.finish().unwrap(), "name"),
        some(&["before", "after"])
    );
}

#[test]
fn a_header_names_the_cells_and_others_follow_the_rule() {
    for (others, expected) in [("utf8", vec!["x", "b", "a"]), ("drop", vec!["x"])] {
        let mut columns = columns(&format!(
            r#"
            format = "csv"
            other_columns = "{others}"
            [source.csv]
            delimiter = "\t"
            header = ["b", "x", "a"]
            [source.columns]
            x = {{ type = "float64", required = true }}
            "#
        ));
        columns.push_record(b"B\t1.5\tA,A").unwrap();
        let batch = columns.finish().unwrap();
        assert_eq!(names(&batch), expected);
        assert_eq!(floats(&batch, "x"), [Some(1.5)]);
        if others == "utf8" {
            assert_eq!(texts(&batch, "a"), some(&["A,A"]));
        }
    }
}

#[test]
fn json_is_the_format_of_a_job_that_names_none() {
    let mut columns = columns("columns.id = { type = \"int32\" }");
    columns.push_record(br#"{"id": 7}"#).unwrap();
    assert!(matches!(
        columns.push_record(b"7").unwrap_err(),
        Reason::NotAnObject { .. }
    ));
    assert_eq!(columns.rows(), 1);
}

/// The records that are made of the rows of a file with these columns.
fn written(source: &str, names: &[&str], rows: &[u8]) -> Vec<Result<String, String>> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let writer = RecordWriter::new(&source_of(source), &names);
    let mut rows = CsvRows::new(rows, &CsvFormat::default());
    let mut record = b"rest of the row before".to_vec();
    let mut written = Vec::new();
    while let Some(row) = rows.next_row().unwrap() {
        let whole = writer.write(&row, &mut record);
        written.push(whole.map(|()| String::from_utf8(record.clone()).unwrap()));
    }
    written
}

#[test]
fn cells_are_written_in_the_readers_order_and_quoted() {
    let source = "format = \"csv\"\ncsv = { delimiter = \";\", header = [\"c\", \"x\", \"a\"] }";
    let records = written(source, &["a", "b", "c"], b"1,2,\"say \"\"3\"\"; 4\"\n1\n");
    assert_eq!(
        records,
        [Ok(r#""say ""3""; 4";;1"#.to_owned()), Ok(";;1".to_owned())]
    );
}

#[test]
fn cells_are_written_as_json_strings_as_they_are() {
    let names = ["DR_NO", r#"a "b""#, "LAT"];
    assert_eq!(
        written("", &names, b"0103, x\ty\\,34.048\n"),
        [Ok(
            r#"{"DR_NO":"0103","a \"b\"":" x\ty\\","LAT":"34.048"}"#.to_owned()
        )]
    );
    let rows = [",\u{e4}\n".as_bytes(), b"1\n\xff\n"].concat();
    let [both, short, damaged] = written("", &["a", "b"], &rows).try_into().unwrap();
    assert_eq!(both.unwrap(), r#"{"a":"","b":"ä"}"#);
    assert_eq!(short.unwrap(), r#"{"a":"1"}"#);
    assert!(damaged.unwrap_err().contains("UTF-8"));
}

#[test]
fn every_format_reads_what_it_writes_and_refuses_long_rows() {
    for (format, _) in Format::ALL {
        let source = format!(
            "format = \"{format}\"\n[source.columns]\nid = {{ type = \"int32\" }}\nname = {{ type = \"utf8\" }}"
        );
        let records = written(&source, &["name", "id"], b"\"a, \"\"b\"\"\",7\n,8\n1,2,3\n");
        let [Ok(first), Ok(second), Err(long)] = records.as_slice() else {
            panic!("{format}: {records:?}")
        };
        assert!(long.contains("3 cells"), "{format}: {long}");
        let mut columns = columns(&source);
        columns.push_record(first.as_bytes()).unwrap();
        columns.push_record(second.as_bytes()).unwrap();
        let batch = columns.finish().unwrap();
        assert_eq!(ints(&batch, "id"), [Some(7), Some(8)], "{format}");
        let names = [Some("a, \"b\"".to_owned()), None];
        assert_eq!(texts(&batch, "name"), names, "{format}");
    }
}

#[test]
fn a_record_that_is_too_large_says_so() {
    let reason = Reason::TooLarge {
        bytes: 2000,
        most: 1000,
    };
    assert_eq!(
        reason.to_string(),
        "the record has 2000 bytes, more than max_record_bytes = 1000"
    );
    assert_eq!((reason.column(), reason.kind()), (None, "too_large"));
}

proptest! {
    #[test]
    fn a_row_that_is_written_is_the_row_that_is_read(
        rows in prop::collection::vec((any::<i32>(), any::<String>()), 1..8),
        ending in prop::sample::select(vec!["", "\n", "\r\n"]),
    ) {
        let mut by_record = self::rows();
        let mut by_cells = self::rows();
        let header = Header::new(["id", "name"], by_cells.layout()).unwrap();
        for (id, name) in &rows {
            let record = format!("{id},\"{}\"{ending}", name.replace('"', "\"\""));
            by_record.push_record(record.as_bytes()).unwrap();
            by_cells.push_cells(&header, [id.to_string().as_bytes(), name.as_bytes()]).unwrap();
        }
        prop_assert_eq!(by_record.bytes(), by_cells.bytes());
        prop_assert_eq!(by_record.finish().unwrap(), by_cells.finish().unwrap());
    }

    #[test]
    fn no_bytes_panic(records in prop::collection::vec("[\\PC\",\r\n1\x00]{0,24}", 0..8), tail in any::<u8>()) {
        let mut columns = rows();
        for record in records {
            let mut record = record.into_bytes();
            let _ = columns.push_record(&record);
            record.push(tail);
            let _ = columns.push_record(&record);
        }
        let rows = columns.rows();
        prop_assert_eq!(columns.finish().unwrap().num_rows(), rows);
    }
}

/// A stream of a number and whatever else its records hold.
fn drifting(others: &str) -> Columns {
    columns(&format!(
        "other_columns = \"{others}\"\n[source.columns]\nid = {{ type = \"int32\" }}"
    ))
}

#[test]
fn a_column_that_changes_its_type_is_a_reject_and_no_batch_of_its_own() {
    let mut columns = drifting("utf8");
    let mut push = |record: &str| columns.push_record(record.as_bytes());
    for i in 0..50 {
        push(&format!(r#"{{"id": {i}, "o": {i}}}"#)).unwrap();
        let reason = push(r#"{"id": "A-1", "o": 1}"#).unwrap_err();
        let is_kind = |misfit: &Misfit| *misfit == Misfit::Kind;
        assert!(
            matches!(&reason, Reason::Value { misfit, .. } if is_kind(misfit)),
            "{reason}"
        );
        let reason = push(r#"{"id": {"no": 1}}"#).unwrap_err();
        assert!(matches!(reason, Reason::Nested { .. }), "{reason}");
    }
    // What the job does not name is text, so its type may change.
    columns.push_record(br#"{"id": 50, "o": [true]}"#).unwrap();
    let batch = columns.finish().unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (51, 2));
    assert_eq!(texts(&batch, "o")[49..], some(&["49", "[true]"]));
}

#[test]
fn a_new_column_follows_other_columns_within_the_batch() {
    let records = [
        r#"{"id": 1}"#,
        r#"{"id": 2, "new": "x"}"#,
        r#"{"new": "y", "id": 3, "newer": 1}"#,
        r#"{"id": 4}"#,
    ];
    for others in ["utf8", "drop"] {
        let mut columns = drifting(others);
        for record in records {
            columns.push_record(record.as_bytes()).unwrap();
        }
        let batch = columns.finish().unwrap();
        assert_eq!(ints(&batch, "id"), [1, 2, 3, 4].map(Some));
        match others {
            "drop" => assert_eq!(batch.num_columns(), 1),
            _ => {
                let new = |text: &str| Some(text.to_owned());
                assert_eq!(texts(&batch, "new"), [None, new("x"), new("y"), None]);
                assert_eq!(texts(&batch, "newer"), [None, None, new("1"), None]);
            }
        }
    }
}

#[test]
fn a_column_that_moves_within_the_record_stays_one_column() {
    let mut columns = drifting("utf8");
    let names = ["id", "a", "b", "c", "d", "e", "f"];
    for i in 0..63 {
        // Turned by one place each time, and every third record lacks its second key.
        let pairs: Vec<String> = (0..names.len())
            .filter(|at| i % 3 != 0 || *at != 1)
            .map(|at| names[(at + i) % names.len()])
            .map(|name| format!("\"{name}\": \"{i}\""))
            .collect();
        let record = format!("{{{}}}", pairs.join(", "));
        columns.push_record(record.as_bytes()).unwrap();
    }
    let batch = columns.finish().unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (63, 7));
    for name in names.iter().skip(1) {
        let texts = texts(&batch, name);
        // Each name stands second in every seventh record, and is left out of every third of those.
        assert_eq!(texts.iter().flatten().count(), 60, "{name}");
        let is = |i: usize, text: &Option<String>| {
            text.as_ref().is_none_or(|text| *text == i.to_string())
        };
        assert!(texts.iter().enumerate().all(|(i, text)| is(i, text)));
    }
}
