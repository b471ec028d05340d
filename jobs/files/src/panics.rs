//! A Parquet reader that returns on damaged files, where the parquet crate panics.

use gugus_error::{catch, panic_text};
use parquet::errors::ParquetError;

/// Runs a decoder over bytes from disk, and makes an error of its panic.
///
/// The parquet crate checks most of what it reads and asserts the rest (a negative column offset, for one), so a flipped
/// bit can panic. A file must not end a process that could name the file instead. Nothing of what the
/// decoder held is used afterwards, so unwinding leaves nothing half done.
///
/// # Errors
/// Those of `decode`, and its panic as [`ParquetError::General`].
pub fn catch_panic<T>(decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    catch(decode).unwrap_or_else(|panic| {
        let text = panic_text(&*panic);
        Err(ParquetError::General(format!(
            "the parquet reader gave up: {text}"
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let error = catch_panic::<()>(|| panic!("row {}", 7)).unwrap_err();
        assert!(error.to_string().contains("row 7"), "{error}");
        assert_eq!(catch_panic(|| Ok(1)).unwrap(), 1);
    }
}
