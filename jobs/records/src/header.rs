//! The header of a CSV file, resolved to columns once.

use crate::HeaderError;
use crate::layout::{Layout, Place};

/// The names of a CSV's cells, resolved to columns.
#[derive(Clone, Debug)]
pub struct Header {
    cells: Vec<HeaderCell>,
    missing: Vec<String>,
}

/// The column for the cells of one position.
#[derive(Clone, Debug)]
pub(crate) enum HeaderCell {
    Column(usize),
    Other(String),
    Nowhere,
}

impl Header {
    /// Resolves names, in the order of the cells. A byte order mark, which some programs put before the first name, is not
    /// part of that name. If a name appears several times, the last cell counts.
    ///
    /// # Errors
    /// [`HeaderError::NotUtf8`].
    pub fn new<N: AsRef<[u8]>>(
        names: impl IntoIterator<Item = N>,
        layout: &Layout,
    ) -> Result<Header, HeaderError> {
        let names: Vec<N> = names.into_iter().collect();
        let texts: Vec<&str> = names
            .iter()
            .enumerate()
            .map(|(i, name)| {
                let bytes = name.as_ref();
                let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
                    Some(bytes) if i == 0 => bytes,
                    _ => bytes,
                };
                std::str::from_utf8(bytes).map_err(|e| HeaderError::NotUtf8 {
                    position: i + 1,
                    at: e.valid_up_to(),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self::of(texts, layout))
    }

    /// Resolves names that are already text.
    pub(crate) fn of<'n>(names: impl IntoIterator<Item = &'n str>, layout: &Layout) -> Header {
        let mut seen = vec![false; layout.columns().len()];
        let cells = names
            .into_iter()
            .map(|name| match layout.place(name) {
                Place::Column(column) => {
                    seen[column] = true;
                    HeaderCell::Column(column)
                }
                Place::Other => HeaderCell::Other(name.to_owned()),
                Place::Nowhere => HeaderCell::Nowhere,
            })
            .collect();
        let missing = layout
            .columns()
            .iter()
            .zip(seen)
            .filter(|(_, seen)| !seen)
            .map(|(column, _)| column.name.clone())
            .collect();
        Header { cells, missing }
    }

    /// How many cells a row must have.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The job's columns that the header lacks. If one of them is required, every row will be rejected.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    pub(crate) fn cells(&self) -> &[HeaderCell] {
        &self.cells
    }
}
