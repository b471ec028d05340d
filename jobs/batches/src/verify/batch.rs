//! One batch file, with its reject file, against its own footer.

use arrow::array::RecordBatch;
use bytes::Bytes;
use gugus_files::{Store, StoreError, blocking, catch_panic, sha256_hex};
use gugus_spec::BatchNumber;
use parquet::{arrow::arrow_reader::ParquetRecordBatchReaderBuilder, errors::ParquetError};

use crate::{
    Footer, LogError, RejectFile, columns::places, contents::contradictions, encode::from_parquet,
    footer::FOOTER_KEY, reject_path::check_reject_path, tail::footer_of_text,
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
            let found = contradictions(&footer, &rows, rejects.as_deref());
            problems.extend(found.into_iter().map(|text| format!("{file}: {text}")));
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
