//! Durations and sizes as people write them.

use std::time::Duration;

use bytesize::ByteSize;
use toml::de::DeValue;

use super::table::Entry;
use crate::Error;

/// `"30s"`, `"1h 30m"`; never zero.
pub(super) fn duration(entry: &Entry<'_>) -> Result<Duration, Error> {
    let expected =
        "it must be a duration longer than zero, such as \"30s\", \"500ms\" or \"1h 30m\"";
    let text = entry
        .value()
        .as_str()
        .ok_or_else(|| entry.refuse(&expected))?;
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(entry.refuse(&expected)),
    }
}

/// `"64MiB"`, `"1.5 GB"`, or a number of bytes; never zero.
pub(super) fn size(entry: &Entry<'_>) -> Result<u64, Error> {
    let expected = "it must be a size of at least one byte, such as \"64MiB\", \"10MB\" or a whole number of bytes";
    let bytes = match entry.value() {
        DeValue::String(text) => text.parse::<ByteSize>().ok().map(|size| size.as_u64()),
        DeValue::Integer(n) => u64::from_str_radix(n.as_str(), n.radix()).ok(),
        _ => None,
    };
    // The parser gives the largest number for a size beyond 64 bits. Nobody means such a size, so it is refused.
    match bytes {
        Some(bytes) if (1..u64::MAX).contains(&bytes) => Ok(bytes),
        _ => Err(entry.refuse(&expected)),
    }
}
