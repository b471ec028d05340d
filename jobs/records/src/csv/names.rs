//! The names in the header of a file.

use std::collections::{HashMap, HashSet};

use gugus_spec::{Column, CsvFormat};
use thiserror::Error;

use super::split::{LONGEST_HEADER, Splitter};

/// A header that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// A name is not text: convert the file to UTF-8.
    #[error("the name of column {position} is not UTF-8 at its byte {at}; convert the file")]
    NotUtf8 {
        /// The position of the name, from 1.
        position: usize,
        /// The first byte that is not UTF-8, from 0.
        at: usize,
    },
    /// Two cells have one name.
    #[error("columns {first} and {second} are both named {name:?}; rename one")]
    Twice {
        /// The name, without blanks around it.
        name: String,
        /// The positions, from 1.
        first: usize,
        /// The later position.
        second: usize,
    },
    /// It is longer than [`LONGEST_HEADER`].
    #[error("its header is longer than {} MiB: is it CSV?", LONGEST_HEADER >> 20)]
    TooLong,
    /// No cell has a name.
    #[error("it has no header; the first line must name the columns")]
    Nameless,
}

/// The names of a file's columns, as the header has them. Blanks around a name are not part of it, unless the job names the
/// column with them. A blank cell gets the name that Spark gives it: `_c5` for the sixth.
///
/// ```
/// let names = gugus_records::header_names([&b"id"[..], b" lat ", b""], &[])?;
/// assert_eq!(names, ["id", "lat", "_c2"]);
/// # Ok::<(), gugus_records::HeaderError>(())
/// ```
///
/// # Errors
/// [`HeaderError`].
pub fn header_names<'c>(
    cells: impl IntoIterator<Item = &'c [u8]>,
    columns: &[Column],
) -> Result<Vec<String>, HeaderError> {
    let known: HashSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut places = HashMap::new();
    let mut names: Vec<String> = Vec::new();
    let mut is_nameless = true;
    for (i, cell) in cells.into_iter().enumerate() {
        let text = std::str::from_utf8(cell).map_err(|e| HeaderError::NotUtf8 {
            position: i + 1,
            at: e.valid_up_to(),
        })?;
        let name = match text.trim() {
            _ if known.contains(text) => text.to_owned(),
            "" => format!("_c{i}"),
            name => name.to_owned(),
        };
        is_nameless &= text.trim().is_empty();
        if let Some(first) = places.insert(name.clone(), i + 1) {
            return Err(HeaderError::Twice {
                name,
                first,
                second: i + 1,
            });
        }
        names.push(name);
    }
    if is_nameless {
        return Err(HeaderError::Nameless);
    }
    Ok(names)
}

/// The delimiter by which the first row of a file names more of the job's columns than by its own one; without columns, the
/// one by which it has more than one cell.
///
/// ```
/// use gugus_spec::CsvFormat;
///
/// let format = CsvFormat::default();
/// assert_eq!(gugus_records::fitting_delimiter(b"id;lat", &format, &[]), Some(b';'));
/// assert_eq!(gugus_records::fitting_delimiter(b"id,la;t", &format, &[]), None);
/// ```
pub fn fitting_delimiter(header: &[u8], format: &CsvFormat, columns: &[Column]) -> Option<u8> {
    let score = |delimiter: u8| {
        let format = CsvFormat {
            delimiter,
            ..format.clone()
        };
        let mut splitter = Splitter::new((&format).into());
        if splitter.split(header, true).is_none() || splitter.reason(header, 1).is_some() {
            return 0;
        }
        let names = splitter.cells(header).map(<[u8]>::trim_ascii);
        match columns {
            [] => names.count() - 1,
            columns => {
                let names: HashSet<_> = names.collect();
                let named = |column: &&Column| names.contains(column.name.as_bytes().trim_ascii());
                columns.iter().filter(named).count()
            }
        }
    };
    let own = score(format.delimiter);
    if columns.is_empty() && own > 0 {
        return None;
    }
    let others = [b',', b';', b'\t', b'|'].into_iter();
    let scored = others.map(|delimiter| (score(delimiter), delimiter));
    // The first of the best: `max_by_key` takes the last.
    let best = scored.rev().max_by_key(|(score, _)| *score)?;
    (best.0 > own).then_some(best.1)
}
