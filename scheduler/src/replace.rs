//! Replaces files as a whole.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Writes a file so that it is there as it was or as it will be, whenever the process ends. `before` sees the new file before it
/// gets its name.
pub(crate) fn replace(
    path: &Path,
    bytes: &[u8],
    before: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    before(file.as_file())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
