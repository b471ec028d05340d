//! Opens files in folders where somebody may have put a pipe or a device.
//!
//! Opening a pipe waits until somebody writes into it, and reading a device such as `/dev/zero` has no end. So these functions
//! open without waiting, and refuse at once what is not a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a file to read from it. A folder opens, too: the system says by itself that a folder cannot be read.
///
/// # Errors
/// Those of the system, and [`io::ErrorKind::InvalidInput`] for a pipe, a device or a socket.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // The flag changes nothing for files and folders.
    let flags = OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() || kind.is_dir() {
        return Ok(file);
    }
    let found = if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("it is {found} and not a file; put a file in its place"),
    ))
}

/// Reads a file as a whole.
///
/// # Errors
/// As [`open_regular`].
pub fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a text file as a whole.
///
/// # Errors
/// As [`open_regular`], and [`io::ErrorKind::InvalidData`] for bytes that are not UTF-8.
pub fn read_regular_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open_regular(path)?.read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipes_and_devices_are_refused_at_once() {
        let folder = std::env::temp_dir().join(format!("gugus-regular-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let pipe = folder.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let refused = read_regular(&pipe).unwrap_err().to_string();
        assert!(refused.contains("a pipe and not a file"), "{refused}");
        let refused = read_regular(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);

        let file = folder.join("file");
        std::fs::write(&file, "text").unwrap();
        assert_eq!(read_regular_text(&file).unwrap(), "text");
        let missing = read_regular_text(&folder.join("none")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
