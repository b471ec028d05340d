//! Opens files in folders where somebody may have put a pipe or a device.
//!
//! Opening a pipe waits until somebody writes into it, and reading a device such as `/dev/zero` has no end. So these functions
//! open without waiting, and refuse at once what is not a file.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// Opens a file to read from it. A folder opens, too: the system says by itself that a folder cannot be read.
///
/// # Errors
/// Those of the system, and [`io::ErrorKind::InvalidInput`] for a pipe, a device or a socket.
pub fn open_regular(path: &Path) -> io::Result<File> {
    open_regular_with(OpenOptions::new().read(true), path)
}

/// Opens a file with options, such as to write to it.
///
/// # Errors
/// As [`open_regular`].
pub fn open_regular_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // The flag changes nothing for files and folders.
    let flags = OFlags::NONBLOCK.bits() as i32;
    let opened = options.custom_flags(flags).open(path);
    let kind = match &opened {
        Ok(file) => file.metadata()?.file_type(),
        // A pipe without a reader cannot be opened to write, and a socket not at all. The system does not say which it is.
        Err(error) if Errno::from_io_error(error) == Some(Errno::NXIO) => {
            fs::metadata(path)?.file_type()
        }
        Err(_) => return opened,
    };
    match kind.is_file() || kind.is_dir() {
        true => opened,
        false => Err(special(kind)),
    }
}

/// The error for something that is no file.
fn special(kind: FileType) -> io::Error {
    let found = if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("it is {found} and not a file; put a file in its place"),
    )
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
        let socket = folder.join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, what) in [(&pipe, "a pipe"), (&socket, "a socket")] {
            let mut append = OpenOptions::new();
            let refused = open_regular_with(append.create(true).append(true), path);
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(what), "{refused}");
        }
        let refused = read_regular(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);

        let file = folder.join("file");
        std::fs::write(&file, "text").unwrap();
        assert_eq!(read_regular_text(&file).unwrap(), "text");
        open_regular_with(OpenOptions::new().append(true), &file).unwrap();
        let missing = read_regular_text(&folder.join("none")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
