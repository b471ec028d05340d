//! Rows of files: RFC 4180, strictly, and no byte swallowed.

use std::io::{self, Read};

use gugus_records::{CsvError, CsvRows, HeaderError, fitting_delimiter, header_names};
use gugus_spec::{Column, ColumnType, CsvFormat, Nullability};
use proptest::prelude::*;

/// A row: its line, its bytes, and its cells or the reason.
type Row = (u64, String, Result<Vec<String>, String>);

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn rows(input: impl Read, format: &CsvFormat) -> Vec<Row> {
    let mut rows = CsvRows::new(input, format);
    let mut read = Vec::new();
    while let Some(row) = rows.next_row().unwrap() {
        let cells = row.cells().map(|cells| cells.map(text).collect());
        read.push((
            row.line(),
            text(row.raw()),
            cells.map_err(|e| e.to_string()),
        ));
    }
    read
}

fn plain(file: &str) -> Vec<Row> {
    rows(file.as_bytes(), &CsvFormat::default())
}

/// A row that keeps the rules.
fn good(line: u64, raw: &str, cells: &[&str]) -> Row {
    let cells = cells.iter().map(|cell| (*cell).to_owned());
    (line, raw.to_owned(), Ok(cells.collect()))
}

#[test]
fn rows_end_where_their_lines_end() {
    let file = "\u{feff}a,b\r\n\n1,\"x\r\ny\"\r2,\r\n\r\n,3";
    assert_eq!(
        plain(file),
        [
            good(1, "a,b", &["a", "b"]),
            good(3, "1,\"x\r\ny\"", &["1", "x\r\ny"]),
            good(5, "2,", &["2", ""]),
            good(7, ",3", &["", "3"]),
        ]
    );
    assert_eq!(plain(""), []);
    assert_eq!(plain("\u{feff}\n\r\n"), []);
    assert_eq!(plain("\"\""), [good(1, "\"\"", &[""])]);
}

#[test]
fn a_quote_that_is_never_closed_takes_the_rest_and_says_where_it_stands() {
    let read = plain("id,n,note\na1,1,x\na2,2,\"near\na3,3,y\na4,4,z\n");
    assert_eq!(read[1], good(2, "a1,1,x", &["a1", "1", "x"]));
    let (line, raw, reason) = &read[2];
    assert_eq!((*line, raw.as_str()), (3, "a2,2,\"near\na3,3,y\na4,4,z\n"));
    let expected = "the quote that opens cell 3 at line 3 is never closed";
    assert_eq!(reason.as_ref().unwrap_err(), expected);
    assert_eq!(read.len(), 3);
}

#[test]
fn damage_ends_with_its_row() {
    for (file, damaged, reason) in [
        // The next quote closes the one that was left open, and text follows it.
        (
            "a,\"near\nb,\"street\"\nc,d\n",
            "a,\"near\nb,\"street\"",
            "text follows the closing quote of cell 2 at line 1",
        ),
        (
            "a,\"x\" ,y\nc,d",
            "a,\"x\" ,y",
            "text follows the closing quote of cell 2 at line 1",
        ),
        (
            "a,\"say \\\"hi\\\" now\"\nc,d",
            "a,\"say \\\"hi\\\" now\"",
            "text follows the closing quote of cell 2 at line 1",
        ),
        (
            "a,\"b\nc\",5 ft\" gate\nc,d",
            "a,\"b\nc\",5 ft\" gate",
            "a quote stands within cell 3 at line 2",
        ),
        // What is in quotes behind the damage may hold the end of a line.
        (
            "5\" pipe,\"b\nb\"\nc,d",
            "5\" pipe,\"b\nb\"",
            "a quote stands within cell 1 at line 1",
        ),
    ] {
        let read = plain(file);
        assert_eq!(read[0].1, damaged);
        let found = read[0].2.as_ref().unwrap_err();
        assert!(found.starts_with(reason), "{file:?}: {found}");
        let (_, raw, cells) = &read[1];
        assert_eq!((raw.as_str(), cells.as_ref().unwrap().len()), ("c,d", 2));
        assert_eq!(read.len(), 2);
    }
}

#[test]
fn files_of_other_programs_can_be_read() {
    let spark = CsvFormat {
        escape: Some(b'\\'),
        ..CsvFormat::default()
    };
    let file = r#"1,"say \"hi\" now"
2,"a \"b, c\" d"
3,"C:\\dir\new",\x
4,"doubled "" too"
"#;
    let cells: Vec<_> = rows(file.as_bytes(), &spark)
        .into_iter()
        .map(|(.., cells)| cells.unwrap()[1..].join("|"))
        .collect();
    let expected = [
        r#"say "hi" now"#,
        r#"a "b, c" d"#,
        r"C:\dir\new|\x",
        r#"doubled " too"#,
    ];
    assert_eq!(cells, expected);
    let semicolons = CsvFormat {
        delimiter: b';',
        ..CsvFormat::default()
    };
    assert_eq!(
        rows(&b"a;\"b;\";c,d"[..], &semicolons),
        [good(1, "a;\"b;\";c,d", &["a", "b;", "c,d"])]
    );
}

/// Hands out few bytes at a time.
struct Drip<'a>(&'a [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(buffer.len()).min(self.0.len());
        let (now, later) = self.0.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.0 = later;
        Ok(length)
    }
}

#[test]
fn a_row_without_an_end_names_its_quote() {
    let endless = io::Cursor::new("a,b\n1,\"x").chain(io::repeat(b'y'));
    let mut rows = CsvRows::new(endless, &CsvFormat::default());
    assert!(rows.next_row().unwrap().is_some());
    let error = rows.next_row().unwrap_err();
    assert!(matches!(error, CsvError::TooLong { line: 2, .. }));
    let expected = "the row at line 2 is longer than 64 MiB: the quote that opens cell 2 at line 2 is not closed, close it";
    assert_eq!(error.to_string(), expected);
}

fn column(name: &str) -> Column {
    Column {
        name: name.to_owned(),
        data_type: ColumnType::Utf8,
        nullability: Nullability::Optional,
    }
}

#[test]
fn names_are_read_without_the_blanks_around_them() {
    let names = |cells: &[&str], columns: &[Column]| {
        header_names(cells.iter().map(|cell| cell.as_bytes()), columns)
    };
    let read = names(&["id", " n ", "lat ", "", " "], &[column("lat")]);
    assert_eq!(read.unwrap(), ["id", "n", "lat", "_c3", "_c4"]);
    assert_eq!(names(&["lat "], &[column("lat ")]).unwrap(), ["lat "]);
    let twice = names(&["lat", "x", "lat "], &[]).unwrap_err();
    let expected = r#"columns 1 and 3 are both named "lat"; rename one"#;
    assert_eq!(twice.to_string(), expected);
    assert_eq!(names(&["", " "], &[]), Err(HeaderError::Nameless));
    let position = HeaderError::NotUtf8 { position: 2, at: 1 };
    assert_eq!(header_names([&b"a"[..], b"b\xff"], &[]), Err(position));
}

#[test]
fn a_header_tells_the_delimiter_that_fits() {
    let columns = ["id", "lat", "note"].map(column);
    for (header, delimiter, columns, expected) in [
        ("id;when;lat;note", b',', &columns[..], Some(b';')),
        ("id\tlat\tnote", b',', &columns, Some(b'\t')),
        ("id|\" lat\"|note", b',', &columns, Some(b'|')),
        ("id,lat,note", b';', &columns, Some(b',')),
        ("id,lat,note", b',', &columns, None),
        ("id,other", b',', &columns, None),
        ("nothing;here", b',', &columns, None),
        ("a;b;c", b',', &[], Some(b';')),
        ("a,b;c", b',', &[], None),
        ("a", b',', &[], None),
    ] {
        let format = CsvFormat {
            delimiter,
            ..CsvFormat::default()
        };
        let found = fitting_delimiter(header.as_bytes(), &format, columns);
        assert_eq!(found, expected, "{header}");
    }
}

proptest! {
    #[test]
    fn rows_that_were_written_are_read(
        table in prop::collection::vec(prop::collection::vec("[a-z\",;\r\n ]{0,6}", 2), 0..8),
        at_once in 1..20_usize,
        ending in prop::sample::select(vec![csv::Terminator::CRLF, csv::Terminator::Any(b'\n')]),
    ) {
        let mut writer = csv::WriterBuilder::new().terminator(ending).has_headers(false).from_writer(Vec::new());
        for row in &table {
            writer.write_record(row).unwrap();
        }
        let file = writer.into_inner().unwrap();
        let read = rows(Drip(&file, at_once), &CsvFormat::default());
        let cells: Vec<_> = read.into_iter().map(|(.., cells)| cells.unwrap()).collect();
        prop_assert_eq!(cells, table);
    }

    #[test]
    fn every_line_of_any_file_is_in_a_row(
        file in "[ab\",;\\\\\r\n]{0,60}",
        at_once in 1..20_usize,
        escape in prop::option::of(Just(b'\\')),
    ) {
        let format = CsvFormat { escape, ..CsvFormat::default() };
        let read = rows(Drip(file.as_bytes(), at_once), &format);
        let ends = ['\r', '\n'];
        let kept: String = read.iter().map(|(_, raw, _)| raw.replace(ends, "")).collect();
        prop_assert_eq!(kept, file.replace(ends, ""));
        for (line, raw, _) in &read {
            // The row stands at its line.
            let normal = file.replace("\r\n", "\n").replace('\r', "\n");
            let from: String = normal.split_inclusive('\n').skip(*line as usize - 1).collect();
            let raw = raw.replace("\r\n", "\n").replace('\r', "\n");
            prop_assert!(from.starts_with(&raw), "{:?} at {} of {:?}", raw, line, normal);
        }
        prop_assert_eq!(read, rows(file.as_bytes(), &format));
    }

    #[test]
    fn rows_that_csv_core_reads_otherwise_are_damaged(file in "[ab\",\r\n]{0,40}") {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file.as_bytes());
        let theirs: Vec<Vec<String>> = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        let ours = plain(&file);
        prop_assert_eq!(ours.len(), theirs.len(), "{:?}", file);
        for ((.., cells), theirs) in ours.iter().zip(theirs) {
            if let Ok(cells) = cells {
                prop_assert_eq!(cells, &theirs);
            }
        }
    }
}
