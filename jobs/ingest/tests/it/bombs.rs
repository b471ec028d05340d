//! Files of kilobytes that ask for gigabytes, and devices in place of files.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use gugus_ingest::{Kind, infer};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::writer::SerializedFileWriter;

use crate::import_files::{gzip, parquet};
use crate::support::*;

/// The most memory that this process ever had, in MiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() / 1024
}

fn sampled(file: std::path::PathBuf) -> infer::Config {
    infer::Config {
        file,
        rows: 10,
        name: None,
    }
}

#[tokio::test]
async fn a_hundred_thousand_columns_are_read_at_once() {
    let folder = Folder::new();
    let names: Vec<String> = (0..100_000).map(|n| format!("c{n}")).collect();
    let text = format!("x,{}\n1{}\n", names.join(","), ",".repeat(100_000));
    let file = folder.write("wide.csv", &text);
    let began = Instant::now();
    let job = infer::run(&sampled(file)).unwrap();
    assert!(job.contains("c99999"));
    let twice = folder.write("twice.csv", text.replacen("c99999", "c0", 1));
    let error = folder.import_error(&points("t", ""), &[&twice]).await;
    says(&error, Kind::Usage, &["columns 2 and 100001", "\"c0\""]);
    // Generous, because the build is not optimised and the machine may be busy. Comparing all pairs of names takes longer.
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn packed_bombs_are_refused_and_cost_megabytes() {
    let folder = Folder::new();
    let long = 70 * 1024 * 1024;
    let header = "header is longer than 4 MiB";
    for (name, first_line, length, kind, words) in [
        (
            "row.csv.gz",
            "x,y\n",
            long,
            Kind::Failed,
            "longer than 64 MiB",
        ),
        ("names.csv.gz", "", 5 << 20, Kind::Usage, header),
    ] {
        let mut text = first_line.as_bytes().to_vec();
        text.resize(length, b',');
        text.extend(b"\n1\n");
        let file = folder.write(name, gzip(&text));
        assert!(file.metadata().unwrap().len() < 1024 * 1024);
        let error = folder.import_error(&points("t", ""), &[&file]).await;
        says(&error, kind, &[name, words]);
        let error = infer::run(&sampled(file)).unwrap_err();
        says(&error, kind, &[name, words]);
    }
    let blanks = folder.write("blanks.json.gz", gzip(&vec![b' '; long]));
    // Blanks alone are no record.
    let _ = run_import(import(&folder, &points("t", ""), &[&blanks])).await;
    assert!(most_memory() < 1536, "{} MiB", most_memory());
}

/// A Parquet file of x and y. The header of the first page of each says that it unpacks to two gigabytes.
fn lying(folder: &Folder) -> std::path::PathBuf {
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0; 100]));
    let rows = RecordBatch::try_from_iter([("x", numbers.clone()), ("y", numbers)]).unwrap();
    let honest = parquet(&[rows]);
    let file = File::open(folder.write("honest.parquet", &honest)).unwrap();
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&file)
        .unwrap();

    let lies = folder.path("lies.parquet");
    let schema = metadata.file_metadata().schema_descr().root_schema_ptr();
    let new = File::create(&lies).unwrap();
    let mut writer = SerializedFileWriter::new(new, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for column in metadata.row_group(0).columns() {
        let (start, length) = column.byte_range();
        let chunk = &honest[start as usize..(start + length) as usize];
        // The page's type, and then its size: a number whose last byte is below 0x80.
        assert_eq!((chunk[0], chunk[2]), (0x15, 0x15));
        let size = chunk[3..].iter().position(|byte| *byte < 0x80).unwrap() + 1;
        let lie = [0xfe, 0xff, 0xff, 0xff, 0x0f];
        let chunk = [&chunk[..3], &lie, &chunk[3 + size..]].concat();
        let longer = (lie.len() - size) as i64;
        let first = column.dictionary_page_offset().unwrap();
        let places = column.clone().into_builder();
        let places = places
            .set_dictionary_page_offset(Some(0))
            .set_data_page_offset(column.data_page_offset() - first + longer)
            .set_total_compressed_size(column.compressed_size() + longer);
        let close = ColumnCloseResult {
            bytes_written: chunk.len() as u64,
            rows_written: 100,
            metadata: places.build().unwrap(),
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        let chunk = File::open(folder.write("chunk", chunk)).unwrap();
        group.append_column(&chunk, close).unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    lies
}

#[tokio::test]
async fn a_page_that_lies_about_its_size_is_refused() {
    let folder = Folder::new();
    let lies = lying(&folder);
    assert!(lies.metadata().unwrap().len() < 64 * 1024);
    let error = folder.import_error(&points("t", ""), &[&lies]).await;
    says(&error, Kind::Usage, &["lies.parquet"]);
    let why = gugus_error::chain(&error);
    assert!(why.contains("unpack to 2047 MiB"), "{why}");
    assert!(most_memory() < 1536, "{} MiB", most_memory());
}

#[tokio::test]
async fn devices_are_refused_at_once() {
    let folder = Folder::new();
    let zero = std::path::Path::new("/dev/zero");
    let error = folder.import_error(&points("t", ""), &[zero]).await;
    says(
        &error,
        Kind::Usage,
        &["/dev/zero", "a device and not a file"],
    );
}
