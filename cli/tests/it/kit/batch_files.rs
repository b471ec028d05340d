//! A folder of batches, read from its files alone: by the Parquet library, past everything that this project wrote to
//! read them. The rows are those of [`crate::kit::messages`].

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::kit::messages::{Place, Row};

/// A row of a batch: what it holds, and the record's time.
pub(crate) type Taken = (Row, Option<i64>);

/// A record of a reject file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rejected {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) timestamp: Option<i64>,
    pub(crate) reason: String,
}

/// A batch.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) number: u64,
    pub(crate) footer: Value,
    pub(crate) rows: Vec<(Place, Taken)>,
    pub(crate) rejects: Vec<(Place, Rejected)>,
}

impl Batch {
    /// The ranges of its commit: partition, first, next.
    pub(crate) fn ranges(&self) -> Vec<(i32, i64, i64)> {
        let number = |range: &Value, key: &str| range[key].as_i64().expect("a whole number");
        let ranges = self.footer["ranges"].as_array().expect("ranges").iter();
        ranges
            .map(|r| {
                let partition = i32::try_from(number(r, "partition")).expect("a partition");
                (partition, number(r, "first"), number(r, "next"))
            })
            .collect()
    }
}

/// All batches of a folder, in order of their numbers.
#[track_caller]
pub(crate) fn batches(folder: &Path) -> Vec<Batch> {
    numbers(folder)
        .into_iter()
        .map(|number| batch(folder, number))
        .collect()
}

/// The numbers of the batch files that are there, in order.
#[track_caller]
pub(crate) fn numbers(folder: &Path) -> Vec<u64> {
    let number = |name: &String| {
        let digits = name.strip_prefix("batch_")?.strip_suffix(".parquet")?;
        digits.parse().ok()
    };
    let mut numbers: Vec<u64> = names(folder).iter().filter_map(number).collect();
    numbers.sort_unstable();
    numbers
}

/// Names in a folder; none while it is not there.
#[track_caller]
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string())
        .map(|name| name.expect("a name of ours"))
        .collect();
    names.sort();
    names
}

/// Where each partition ends by the newest batch; a folder that is written to may be asked.
#[track_caller]
pub(crate) fn ends(folder: &Path) -> BTreeMap<i32, i64> {
    let Some(newest) = numbers(folder).pop() else {
        return BTreeMap::new();
    };
    let (_, footer) = open(&folder.join(file_name(newest)));
    let ends = footer["ends"].as_array().expect("ends").iter();
    ends.map(|end| {
        let partition = end["partition"].as_i64().expect("a partition");
        let next = end["next"].as_i64().expect("an offset");
        (i32::try_from(partition).expect("a partition"), next)
    })
    .collect()
}

pub(crate) fn file_name(number: u64) -> String {
    format!("batch_{number:08}.parquet")
}

#[track_caller]
fn batch(folder: &Path, number: u64) -> Batch {
    let (rows, footer) = open(&folder.join(file_name(number)));
    let rejects = match footer["rejected"]["file"].as_str() {
        Some(file) => rejects(&folder.join(file)),
        None => Vec::new(),
    };
    Batch {
        number,
        rows: rows.iter().flat_map(taken).collect(),
        rejects,
        footer,
    }
}

/// The rows of a file, and the JSON of its footer (null where it has none).
#[track_caller]
pub(crate) fn open(path: &Path) -> (Vec<RecordBatch>, Value) {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let entries = reader.metadata().file_metadata().key_value_metadata();
    let entry = entries
        .into_iter()
        .flatten()
        .find(|entry| entry.key == "gugus.batch")
        .and_then(|entry| entry.value.as_deref());
    let footer = entry.map_or(Value::Null, |text| {
        serde_json::from_str(text).expect("a footer of JSON")
    });
    let rows = reader.build().and_then(|rows| {
        rows.collect::<Result<Vec<_>, _>>()
            .map_err(parquet::errors::ParquetError::from)
    });
    let rows = rows.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (rows, footer)
}

fn taken(rows: &RecordBatch) -> Vec<(Place, Taken)> {
    let n = column(rows, "n").as_primitive::<Int64Type>();
    let x = column(rows, "x").as_primitive::<Float64Type>();
    let text = column(rows, "text").as_string::<i32>();
    let row = |at: usize| Row {
        n: n.value(at),
        x: x.is_valid(at).then(|| x.value(at)),
        text: text.is_valid(at).then(|| text.value(at).to_owned()),
    };
    let (places, times) = (places(rows), times(rows));
    (0..rows.num_rows())
        .map(|at| (places[at], (row(at), times[at])))
        .collect()
}

#[track_caller]
fn rejects(path: &Path) -> Vec<(Place, Rejected)> {
    let (batches, _) = open(path);
    let mut all = Vec::new();
    for rows in &batches {
        let (key, value) = (column(rows, "key"), column(rows, "value"));
        let (key, value) = (key.as_binary::<i32>(), value.as_binary::<i32>());
        let reason = column(rows, "reason").as_string::<i32>();
        let (places, times) = (places(rows), times(rows));
        for at in 0..rows.num_rows() {
            let rejected = Rejected {
                key: key.is_valid(at).then(|| key.value(at).to_vec()),
                value: value.is_valid(at).then(|| value.value(at).to_vec()),
                timestamp: times[at],
                reason: reason.value(at).to_owned(),
            };
            all.push((places[at], rejected));
        }
    }
    all
}

fn places(rows: &RecordBatch) -> Vec<Place> {
    let partitions = column(rows, "_partition").as_primitive::<Int32Type>();
    let offsets = column(rows, "_offset").as_primitive::<Int64Type>();
    let pairs = partitions.values().iter().zip(offsets.values());
    pairs
        .map(|(partition, offset)| (*partition, *offset))
        .collect()
}

fn times(rows: &RecordBatch) -> Vec<Option<i64>> {
    let times = column(rows, "_timestamp").as_primitive::<TimestampMillisecondType>();
    times.iter().collect()
}

#[track_caller]
fn column<'a>(rows: &'a RecordBatch, name: &str) -> &'a dyn Array {
    let column = rows.column_by_name(name);
    column
        .unwrap_or_else(|| panic!("no column {name}"))
        .as_ref()
}

/// Makes temporary files that killed processes left look old, for the next who opens the folder to remove them.
pub(crate) fn age_leftovers(batches: &Path) -> usize {
    let mut leftovers = 0;
    for folder in [batches.to_owned(), batches.join("rejected")] {
        let temporary = |name: &String| name.starts_with('.') && name.ends_with(".tmp");
        for name in names(&folder).into_iter().filter(temporary) {
            let file = File::options().write(true).open(folder.join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(2 * 3600))
                .unwrap();
            leftovers += 1;
        }
    }
    leftovers
}
