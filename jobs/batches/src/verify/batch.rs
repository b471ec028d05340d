//! Checks one batch file and its reject file against its own footer.

use bytes::Bytes;
use gugus_files::{ParquetEnd, Store, StoreError, blocking, sha256_hex};
use gugus_spec::BatchNumber;

use crate::{
    Footer, LogError, RejectFile,
    columns::places,
    contents::contradictions,
    encode::{decoded, from_parquet},
    reject_path::check_reject_path,
    tail::{footer_of, read_footer},
};

/// The result of checking one batch by itself.
pub(super) struct Checked {
    /// `None` if the footer could not be read.
    pub(super) footer: Option<Footer>,
    /// The places of all rows of a replay. They have to be compared with the reject files of other batches.
    pub(super) replayed: Option<Vec<(i32, i64)>>,
    pub(super) problems: Vec<String>,
}

impl Checked {
    fn failed(file: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        Self {
            footer: None,
            replayed: None,
            problems: vec![describe(file, error)],
        }
    }
}

/// Reads the footer of one batch.
pub(super) async fn check_footer(store: &Store, number: BatchNumber) -> Checked {
    let file = number.file_name();
    match read_footer(store, number).await {
        Ok(Some(footer)) => Checked {
            footer: Some(footer),
            replayed: None,
            problems: Vec::new(),
        },
        Ok(None) => Checked::failed(&file, &LogError::NoBatch { file: file.clone() }),
        Err(e) => Checked::failed(&file, &e),
    }
}

/// Reads one batch and its rejects, and checks them against its own footer.
pub(super) async fn check(store: &Store, number: BatchNumber) -> Checked {
    let file = number.file_name();
    let failed = |error: &(dyn std::error::Error + 'static)| Checked::failed(&file, error);
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

/// An error with its causes, behind the name of the file.
fn describe(file: &str, error: &(dyn std::error::Error + 'static)) -> String {
    let text = gugus_error::chain(error);
    if text.starts_with(file) {
        text
    } else {
        format!("{file}: {text}")
    }
}

/// The content of a batch file.
struct Parsed {
    footer: Footer,
    /// The places of all rows. The rows may be damaged while the footer is whole.
    rows: Result<Vec<(i32, i64)>, LogError>,
}

/// Reads a batch file, checks its hashes, and decodes every page, so that any damage shows. If a hash does not fit, no row is
/// decoded.
fn parse(file: &str, number: BatchNumber, bytes: Bytes) -> Result<Parsed, LogError> {
    let unreadable = |source| LogError::unreadable(file.to_owned(), source);
    let end = ParquetEnd::of_file(&bytes).map_err(unreadable)?;
    let footer = footer_of(file, number, &end)?;
    let decoded = decoded(bytes, end, None).map_err(unreadable);
    let rows = decoded.and_then(|(_, batches)| {
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
        Ok((right, from_parquet(bytes, None).map(|rows| places(&rows))))
    };
    let (right, decoded) = match blocking(work).await {
        Ok(done) => done,
        Err(e) => {
            problems.push(describe(file, &e));
            return None;
        }
    };
    if !right {
        problems.push(format!(
            "{file} does not have the checksum that {batch} gives"
        ));
    }
    problems.push(match decoded {
        Ok(Ok(places)) => return Some(places),
        Ok(Err(e)) => describe(file, &e),
        Err(e) => describe(file, &e),
    });
    None
}
