//! The formats of a topic's records. `formats!` in `gugus-spec` lists them; each is a file beside these, with a `reader` and a
//! `writer`.

mod traits;

use gugus_spec::{Format, Source};

pub(crate) use self::traits::{ReadRecords, WriteRecords};
use crate::csv::CsvRow;
use crate::layout::Layout;

macro_rules! modules {
    ($($(#[$about:meta])* $name:ident: $format:ident),+ $(,)?) => {
        $(pub(crate) mod $name;)+

        /// Takes the records of a job's topic apart.
        pub(crate) fn reader(layout: &Layout) -> Box<dyn ReadRecords> {
            match layout.format() {
                $(Format::$format => Box::new($name::reader(layout))),+
            }
        }

        fn writer(source: &Source, names: &[String]) -> Box<dyn WriteRecords> {
            match source.format {
                $(Format::$format => Box::new($name::writer(source, names))),+
            }
        }
    };
}

gugus_spec::formats!(modules);

/// Makes records for a job's topic of the rows of a file, as the job's readers expect them.
#[derive(Debug)]
pub struct RecordWriter {
    format: Box<dyn WriteRecords>,
    /// How many columns the file has.
    width: usize,
}

impl RecordWriter {
    /// Makes records for this source, from rows with the columns `names`.
    pub fn new(source: &Source, names: &[String]) -> Self {
        Self {
            format: writer(source, names),
            width: names.len(),
        }
    }

    /// Writes a row over `record`. Cells that the row lacks are left out or empty.
    ///
    /// # Errors
    /// The fault of the row.
    pub fn write(&self, row: &CsvRow<'_>, record: &mut Vec<u8>) -> Result<(), String> {
        let cells = row.cells().map_err(|reason| reason.to_string())?;
        if cells.len() > self.width {
            let (found, width) = (cells.len(), self.width);
            return Err(format!("it has {found} cells where the header has {width}"));
        }
        record.clear();
        self.format.write(cells, record)
    }
}
