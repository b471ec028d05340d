//! Files with secrets.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Warns of a file with a token or a key that every user of this machine can read. It is no error: in a container there
/// may be no other user.
pub(crate) fn warn_if_open(path: &Path) {
    if is_open(path) {
        tracing::warn!(
            file = %path.display(),
            "every user of this machine can read this secret; take the right from them with chmod o-rwx"
        );
    }
}

fn is_open(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o004 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_others_can_read_is_open() {
        let path = std::env::temp_dir().join(format!("gugus-secret-{}", std::process::id()));
        fs::write(&path, "token").unwrap();
        for (mode, open) in [(0o644, true), (0o640, false), (0o600, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_open(&path), open, "{mode:o}");
        }
        fs::remove_file(&path).unwrap();
        assert!(!is_open(&path));
    }
}
