//! Records to typed Arrow columns: JSON objects, CSV rows and Parquet rows, one record at a time.
//!
//! [`Columns::push_record`] takes a record in the format of the job's topic, and [`RecordWriter`] writes such records. The other
//! pushes are for files, whose names tell their format.
//!
//! # What it guarantees
//! * **One meaning of a value.** A cell of CSV, a JSON string and a JSON number with the same text give the same value,
//!   or the same refusal: there is one parser per type ("Rules" below).
//! * **All of a record or nothing.** If a push returns a [`Reason`], no column has grown, and no column was added.
//! * **No text is lost.** A JSON number in a column of text keeps its text: `1.50` stays `1.50`, and an identifier of 20
//!   digits keeps all digits.
//! * **Damage is never data.** A row that breaks the rules of CSV is a [`Reason`] with the place of its quote, and each byte of
//!   a file is in some row ([`CsvRows`]).
//! * **Any bytes are allowed.** Each record gives a row or a [`Reason`], and never a panic.
//! * **The same records give the same batch**, bit for bit, whatever records came before.
//!
//! # Rules
//! * Empty text is null for every type, and so are the `null_values` of the job. Blanks alone are null for every type but text. JSON null and a missing key are null.
//!   Null in a required column rejects the record.
//! * Blanks around values are trimmed, except in text. For an int32, `0330` is 330, `3.0` and `3e0` are 3, and `3.5` rejects
//!   the record.
//! * `nan` and `inf` are floats, also without quotes in JSON, as Python's `json` writes them. A number that is too large for its type rejects the record, also for floats (`1e999`).
//! * A bool is `true` or `false` in any case, or `1` or `0`.
//! * The first format that can read a timestamp decides its value; without formats, ISO 8601 / RFC 3339. A timestamp outside of
//!   the years 0001 to 9999 rejects the record. So does a time that the clocks of the column's zone skip.
//! * A JSON number, bool, array or object in a column of text becomes its JSON text, unchanged.
//! * A value that does not parse rejects the record, even if the column is not required.
//! * If a key (or a header cell) appears several times, the last one counts, as in Python and JavaScript.
//! * Columns that the job does not name are kept as text behind the others, in order of first appearance, or dropped, as the
//!   job says. `_partition`, `_offset` and `_timestamp` in a record are dropped, because a batch has its own.
//!
//! # What it is not
//! It opens no files and decodes no Parquet: callers hand over readers, bytes, cells or Arrow batches. It never guesses a type while
//! records flow. [`infer`] proposes types once, and a person checks them.
//!
//! # Why not arrow-json or arrow-csv
//! Both read many rows and fail as a whole. A stream needs the reason for each wrong record, and must accept the next one.
//! Both also know only the columns of a fixed schema, and read `""` as text.
//!
//! # Example
//! ```
//! use gugus_records::{Columns, Header, Layout};
//!
//! let job = gugus_spec::Job::parse(
//!     r#"
//!     name = "crime"
//!     [source]
//!     topic = "crime-topic"
//!     [source.columns]
//!     "TIME OCC" = { type = "int32" }
//!     "LAT" = { type = "float64", required = true }
//!     "#,
//!     "crime.toml",
//! )?;
//! let layout = Layout::new(&job.source);
//! let mut columns = Columns::new(layout.clone());
//!
//! columns.push_json(br#"{"TIME OCC": "0330", "LAT": 34.01, "AREA": "07"}"#)?;
//! let reason = columns.push_json(br#"{"TIME OCC": "0330", "LAT": "north"}"#).unwrap_err();
//! assert_eq!(reason.to_string(), "column \"LAT\": \"north\" is not of type float64");
//!
//! let header = Header::new(["LAT", "TIME OCC"], &layout)?;
//! columns.push_cells(&header, [b"34.05".as_slice(), b""])?;
//!
//! let batch = columns.finish()?;
//! assert_eq!(batch.num_rows(), 2);
//! assert_eq!(batch.schema().field(2).name(), "AREA");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrow_rows;
mod buffer;
mod cell;
mod cells;
mod columns;
mod csv;
mod expected_keys;
mod formats;
mod header;
pub mod infer;
mod layout;
mod parse;
mod reason;
mod row_json;
mod slots;
mod unescape;

pub use arrow_rows::{ImportError, RejectedRow};
pub use columns::{Columns, FinishError};
pub use csv::{
    Cells, CsvError, CsvRow, CsvRows, HeaderError, LONGEST_HEADER, LONGEST_ROW, fitting_delimiter,
    header_names,
};
pub use formats::RecordWriter;
pub use formats::json::with_finite_numbers;
pub use header::Header;
pub use layout::Layout;
pub use reason::{Misfit, QuotePlace, Reason};
pub use row_json::row_json;
