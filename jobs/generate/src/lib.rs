//! Made-up crime records in the shape of the LAPD's open data, dirt included.
//!
//! # What it is for
//! Demos and tests need records that look like real ones and may be passed on freely. [`write()`] writes any number of
//! them as CSV, with the 28 columns of "Crime Data from 2020 to Present" in their order. They have the troubles of the
//! real file, at the rates of 10,000 real rows: two date formats, coordinates at 0,0, ages below zero, zero padding that a
//! spreadsheet would lose, and empty victims, weapons and cross streets.
//!
//! # What it guarantees
//! * The same seed gives the same bytes on every platform, and in every release unless the CHANGELOG says otherwise. All
//!   draws are integers from ChaCha8; no floating point number is drawn, added or printed.
//! * A longer file begins with the shorter file of the same seed.
//! * `DR_NO` is unique in a file.
//! * Rare dirty values are spread evenly: each stretch of 769 records has one at 0,0. So a small sample has its share, too.
//!
//! # What it is not
//! No record, address or street is real. Codes and their descriptions come from the published code lists, and areas lie
//! where the real ones lie. Columns depend on each other only as far as a model may notice (crime and place, crime and
//! weapon, victim and age), and not as in life.
//!
//! # Example
//! ```
//! let mut csv = Vec::new();
//! gugus_generate::write(3, 1, &mut csv)?;
//! let text = String::from_utf8(csv)?;
//! assert_eq!(text.lines().count(), 4);
//! assert!(text.starts_with("DR_NO,Date Rptd,DATE OCC,TIME OCC,"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod city;
mod draw;
mod record;
mod tables;

use std::io::Write;

pub use record::COLUMNS;

/// Why a sample was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The output refused the records: the disk is full, or the reader of a pipe has gone.
    #[error("the sample broke off after {written} records; free some room or check where it goes")]
    Write {
        /// Records that were handed over before. Not all of them need have arrived.
        written: u64,
        /// The error of the writer.
        #[source]
        source: std::io::Error,
    },
}

/// Writes a header and `records` made-up records as CSV, lines ending in `\n`.
///
/// Writes in large pieces, so `out` needs no buffer of its own, and flushes it at the end.
///
/// # Errors
/// [`Error::Write`] when `out` fails.
pub fn write(records: u64, seed: u64, out: impl Write) -> Result<(), Error> {
    let mut out = csv::WriterBuilder::new()
        .buffer_capacity(256 * 1024)
        .from_writer(out);
    let mut maker = record::Maker::new(seed);
    let failed = |written, source: csv::Error| Error::Write {
        written,
        source: match source.into_kind() {
            csv::ErrorKind::Io(source) => source,
            other => std::io::Error::other(format!("{other:?}")),
        },
    };
    out.write_record(COLUMNS).map_err(|e| failed(0, e))?;
    let mut row = csv::ByteRecord::new();
    for written in 0..records {
        maker.next_into(&mut row);
        out.write_byte_record(&row)
            .map_err(|e| failed(written, e))?;
    }
    out.flush().map_err(|source| Error::Write {
        written: records,
        source,
    })
}
