//! From texts to instants: the formats that a timestamp column may have.
//!
//! The check of a job file and the parser of records share this code. So a format that the check accepts can be
//! followed. A wrong instant is worse than a reject, so nothing is guessed. A year has four digits. A format that would
//! lose a part of the text is refused. So is an instant outside of the years 0001 to 9999.

mod epoch;
mod format;
mod iso;
mod moment;
mod parts;
mod plain;
mod reader;

pub use self::format::TimestampFormat;
pub use self::iso::parse_iso_timestamp;
pub use self::moment::NotAnInstant;
pub use self::reader::TimestampReader;
