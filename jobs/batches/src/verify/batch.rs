//! One batch file, with its reject file, against its own footer.

use arrow::array::RecordBatch;
use bytes::Bytes;
use gugus_files::{Store, StoreError, blocking, catch_panic, sha256_hex};
use gugus_spec::{BatchNumber, OffsetRange};
use parquet::{arrow::arrow_reader::ParquetRecordBatchReaderBuilder, errors::ParquetError};

use crate::{
    Footer, LogError, RejectFile, draft::places, encode::from_parquet, footer::FOOTER_KEY,
    rejects::check_reject_path, tail::footer_of_text,
};

/// What one batch says by itself.
pub(super) struct Checked {
    /// None when it could not be read.
    pub(super) footer: Option<Footer>,
    /// The places of all rows, if the batch is a replay: what it replayed has to be asked of other batches.
    pub(super) replayed: Option<Vec<(i32, i64)>>,
    pub(super) problems: Vec<String>,
}

/// Reads one batch and its rejects, and checks them against its own footer.
pub(super) async fn check(store: &Store, number: BatchNumber) -> Checked {
    let file = number.file_name();
    let failed = |error: &dyn std::error::Error| Checked {
        footer: None,
        replayed: None,
        problems: vec![describe(&file, error)],
    };
    let bytes = match store.get(&file).await {
        Ok(bytes) => bytes,
        Err(e) => return failed(&e),
    };
    let named = file.clone();
    let parsed = match blocking(move || Ok(parse(&named, number, bytes))).await {
        Ok(Ok(parsed)) => parsed,
        Ok(Err(e)) => return failed(&e),
        Err(e) => return failed(&e),
    };
    let Parsed { footer, rows } = parsed;
    let mut problems = Vec::new();
    let rejects = match &footer.rejected {
        Some(reject) => read_rejects(store, number, reject, &mut problems).await,
        None => Some(Vec::new()),
    };
    let replayed = match rows {
        Ok(rows) => {
            check_batch(&file, &footer, &rows, rejects.as_deref(), &mut problems);
            Some(rows).filter(|_| !footer.replayed.is_empty())
        }
        Err(e) => {
            problems.push(describe(&file, &e));
            None
        }
    };
    Checked {
        footer: Some(footer),
        replayed,
        problems,
    }
}

/// An error with its sources, behind the name of the file.
fn describe(file: &str, error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    if text.starts_with(file) {
        text
    } else {
        format!("{file}: {text}")
    }
}

/// What a batch file holds.
struct Parsed {
    footer: Footer,
    /// The places of all rows. A footer can be whole where the rows are not.
    rows: Result<Vec<(i32, i64)>, LogError>,
}

/// Every page is decoded, so that damage anywhere shows.
fn parse(file: &str, number: BatchNumber, bytes: Bytes) -> Result<Parsed, LogError> {
    let damaged = |source: ParquetError| LogError::Damaged {
        file: file.to_owned(),
        source,
    };
    let reader =
        catch_panic(|| ParquetRecordBatchReaderBuilder::try_new(bytes)).map_err(damaged)?;
    let entries = reader.metadata().file_metadata().key_value_metadata();
    let entry = entries
        .into_iter()
        .flatten()
        .find(|entry| entry.key == FOOTER_KEY);
    let footer = footer_of_text(file, number, entry.and_then(|entry| entry.value.as_deref()))?;
    let batches = catch_panic(|| Ok(reader.build()?.collect::<Result<Vec<RecordBatch>, _>>()?));
    let rows = batches.map_err(damaged).and_then(|batches| {
        let places: Vec<_> = batches.iter().map(places).collect::<Result<_, _>>()?;
        Ok(places.concat())
    });
    Ok(Parsed { footer, rows })
}

pub(super) async fn read_rejects(
    store: &Store,
    number: BatchNumber,
    reject: &RejectFile,
    problems: &mut Vec<String>,
) -> Option<Vec<(i32, i64)>> {
    let (file, batch) = (&reject.file, number.file_name());
    if let Err(e) = check_reject_path(store, number, file) {
        problems.push(describe(&batch, &e));
        return None;
    }
    let bytes = match store.get(file).await {
        Ok(bytes) => bytes,
        Err(StoreError::NotFound { .. }) => {
            problems.push(format!(
                "{file} is missing, with {} records that {batch} refused",
                reject.rows
            ));
            return None;
        }
        Err(e) => {
            problems.push(describe(file, &e));
            return None;
        }
    };
    let expected = reject.sha256.clone();
    let work = move || {
        let right = sha256_hex(&bytes) == expected;
        let decoded = from_parquet(bytes).map_err(|source| LogError::Damaged {
            file: String::new(),
            source,
        });
        Ok((right, decoded.and_then(|rows| places(&rows))))
    };
    let decoded = match blocking(work).await {
        Ok((right, decoded)) => {
            if !right {
                problems.push(format!(
                    "{file} does not have the checksum that {batch} gives"
                ));
            }
            decoded
        }
        Err(e) => Err(e.into()),
    };
    match decoded {
        Ok(places) => Some(places),
        Err(LogError::Damaged { source, .. }) => {
            problems.push(describe(file, &source));
            None
        }
        Err(e) => {
            problems.push(describe(file, &e));
            None
        }
    }
}

/// One batch against its own footer. `rejects` is `None` when they could not be read.
pub(super) fn check_batch(
    file: &str,
    footer: &Footer,
    rows: &[(i32, i64)],
    rejects: Option<&[(i32, i64)]>,
    problems: &mut Vec<String>,
) {
    let mut problem = |text: String| problems.push(format!("{file}: {text}"));
    if rows.len() as u64 != footer.rows {
        problem(format!(
            "{} rows, where its footer says {}",
            rows.len(),
            footer.rows
        ));
    }
    // The rows of a replay are of ranges that other commits took.
    let replay = !footer.replayed.is_empty();
    let takes = !footer.ranges.is_empty()
        || !footer.imported.is_empty()
        || !footer.jumps.is_empty()
        || footer.rejected.is_some();
    if replay && takes {
        problem("it replays rejects, and takes something else beside".to_owned());
    }
    for pair in footer.ranges.windows(2) {
        if pair[0].partition >= pair[1].partition {
            problem(format!(
                "ranges of partitions {} and {} out of order",
                pair[0].partition, pair[1].partition
            ));
        }
    }
    let mut check_places = |what: &str, places: &[(i32, i64)]| {
        if let Some(pair) = places.windows(2).find(|pair| pair[0] > pair[1]) {
            let (partition, offset) = pair[1];
            problem(format!(
                "{what} offset {offset} of partition {partition} is out of order"
            ));
        }
        let outside: Vec<_> = places
            .iter()
            .filter(|place| !replay && !within(&footer.ranges, place))
            .collect();
        if let Some((partition, offset)) = outside.first() {
            let others = outside.len() - 1;
            problem(format!(
                "{what} offset {offset} of partition {partition} is outside of its range ({others} more)"
            ));
        }
    };
    check_places("accepted", rows);
    if let Some(rejects) = rejects {
        check_places("rejected", rejects);
        let expected = footer.rejected_rows();
        if rejects.len() as u64 != expected {
            problem(format!(
                "{} rejected records, where its footer says {expected}",
                rejects.len()
            ));
        }
    }
    let mut all: Vec<(i32, i64)> = rows
        .iter()
        .chain(rejects.unwrap_or_default())
        .copied()
        .collect();
    all.sort_unstable();
    if let Some(pair) = all.windows(2).find(|pair| pair[0] == pair[1]) {
        let (partition, offset) = pair[0];
        problem(format!(
            "offset {offset} of partition {partition} is there twice"
        ));
    }
    if rejects.is_some() {
        check_lasts(footer, &all, &mut problem);
    }
    // A topic leaves holes (transaction markers, compaction), so there a missing offset proves nothing. An import's
    // offsets we count ourselves.
    if !footer.imported.is_empty() && rejects.is_some() {
        all.dedup();
        let expected = footer
            .ranges
            .iter()
            .flat_map(|r| (r.first..r.next).map(|offset| (r.partition, offset)));
        let missing = expected
            .into_iter()
            .find(|place| all.binary_search(place).is_err());
        if let Some((partition, offset)) = missing {
            problem(format!(
                "offset {offset} of partition {partition} is neither accepted nor rejected"
            ));
        }
    }
}

/// The last record that a batch tells of is the newest that it holds. `all` are the places of its records, sorted.
fn check_lasts(footer: &Footer, all: &[(i32, i64)], problem: &mut impl FnMut(String)) {
    for range in &footer.ranges {
        let end = footer.partition_end(range.partition);
        let Some(last) = end.and_then(|end| end.last.as_ref()) else {
            continue;
        };
        let newest = all.partition_point(|(of, _)| *of <= range.partition);
        let newest = newest.checked_sub(1).and_then(|index| all.get(index));
        let newest = newest.filter(|(of, _)| *of == range.partition);
        // Of an earlier batch otherwise, which the chain tells.
        if (range.first..range.next).contains(&last.offset)
            && newest != Some(&(range.partition, last.offset))
        {
            problem(format!(
                "the last record of partition {} is at offset {} by its footer, which is not the newest that it holds",
                range.partition, last.offset
            ));
        }
    }
}

fn within(ranges: &[OffsetRange], (partition, offset): &(i32, i64)) -> bool {
    ranges
        .iter()
        .any(|r| r.partition == *partition && (r.first..r.next).contains(offset))
}
