//! The formats of a topic's records. A new format is one file beside these and one line in [`of`].

pub(crate) mod csv;
pub(crate) mod json;
mod record_format;

use gugus_spec::Format;

pub(crate) use self::record_format::RecordFormat;
use crate::layout::Layout;

/// Takes the records of a job's topic apart.
pub(crate) fn of(layout: &Layout) -> Box<dyn RecordFormat> {
    match layout.format() {
        Format::Json => Box::new(json::Json),
        Format::Csv => Box::new(csv::Csv::new(layout)),
    }
}
