//! How the records of a topic are written, and the rows of files.

use serde::{Serialize, Serializer};

/// The list of formats. A format's name is that of its file in `gugus-records`, which reads and writes such records; both crates
/// hand the list to a macro of their own.
#[doc(hidden)]
#[macro_export]
macro_rules! formats {
    ($with:ident) => {
        $with! {
            #[default]
            /// `json`: each record is one object, keyed by the columns' names.
            json: Json,
            /// `csv`: each record is one row of RFC 4180, without a header.
            csv: Csv,
        }
    };
}

macro_rules! format {
    ($($(#[$about:meta])* $name:ident: $format:ident),+ $(,)?) => {
        /// How the records of a topic are written. It does not apply to files: their names tell their format.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Format { $($(#[$about])* $format),+ }

        impl Format {
            /// All formats, by their names in the job file.
            pub const ALL: &'static [(&'static str, Self)] = &[$((stringify!($name), Self::$format)),+];
        }
    };
}

formats!(format);

/// How rows of CSV are written, in files and in the topic: `[source.csv]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CsvFormat {
    /// The character between two cells: ASCII, and neither a quote nor the end of a line.
    #[serde(serialize_with = "character")]
    pub delimiter: u8,
    /// The character that stands before a quote inside a cell in quotes, as Spark writes it. `None`: such a quote is
    /// doubled, as RFC 4180 has it.
    #[serde(serialize_with = "maybe_character")]
    pub escape: Option<u8>,
    /// The names of the cells of a topic's rows, no name twice. `None`: the job's columns in the file's order.
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
            escape: None,
            header: None,
        }
    }
}

/// A character is written as it is in the job file.
fn character<S: Serializer>(character: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_char(char::from(*character))
}

fn maybe_character<S: Serializer>(
    character: &Option<u8>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    character.map(char::from).serialize(serializer)
}
