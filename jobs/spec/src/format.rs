//! How the records of a topic are written.

use serde::{Serialize, Serializer};

/// How the records of a topic are written. It does not apply to files: their names tell their format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `json`: each record is one object, keyed by the columns' names.
    #[default]
    Json,
    /// `csv`: each record is one row of RFC 4180, without a header.
    Csv(CsvFormat),
}

/// How the rows of a topic are written: `[source.csv]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CsvFormat {
    /// The character between two cells: ASCII, and neither a quote nor the end of a line.
    #[serde(serialize_with = "character")]
    pub delimiter: u8,
    /// The names of the cells, no name twice. `None`: the job's columns in the file's order.
    pub header: Option<Vec<String>>,
}

impl CsvFormat {
    /// The default delimiter.
    pub const DEFAULT_DELIMITER: u8 = b',';
}

impl Default for CsvFormat {
    fn default() -> Self {
        Self {
            delimiter: Self::DEFAULT_DELIMITER,
            header: None,
        }
    }
}

/// A delimiter is written as it is in the job file.
fn character<S: Serializer>(delimiter: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_char(char::from(*delimiter))
}
