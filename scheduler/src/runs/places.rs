//! Which folders a run may name.

use std::io;
use std::path::{Component, Path, PathBuf};

use thiserror::Error;

/// The folders that runs may read from and write to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    root: Option<PathBuf>,
}

/// Why a run may not use a place.
#[derive(Debug, Error)]
pub enum PlaceError {
    /// The folder depends on where one stands.
    #[error("{what} \"{place}\" is not absolute; the scheduler stands elsewhere than who submits, so name the whole path")]
    Relative {
        /// Which of the request's places.
        what: &'static str,
        /// The place.
        place: String,
    },
    /// The folder goes up.
    #[error("{what} \"{place}\" goes up by \"..\"; name the folder itself")]
    Up {
        /// Which of the request's places.
        what: &'static str,
        /// The place.
        place: String,
    },
    /// The folder lies elsewhere.
    #[error("{what} \"{place}\" is not below the folder that this scheduler lets runs use (--data-root)")]
    Outside {
        /// Which of the request's places.
        what: &'static str,
        /// The place.
        place: String,
    },
}

impl Places {
    /// Local folders below `root` only; all when there is none.
    pub(crate) fn new(root: Option<&Path>) -> io::Result<Self> {
        let root = root.map(Path::canonicalize).transpose()?;
        Ok(Self { root })
    }

    /// Whether a run may use `place`. Object stores are limited by the credentials of scheduler and executors.
    pub(crate) fn check(&self, what: &'static str, place: &str) -> Result<(), PlaceError> {
        let owned = || place.to_owned();
        let path = match place.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => Path::new(rest),
            Some(_) => return Ok(()),
            None => Path::new(place),
        };
        if !path.is_absolute() {
            return Err(PlaceError::Relative {
                what,
                place: owned(),
            });
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(PlaceError::Up {
                what,
                place: owned(),
            });
        }
        match &self.root {
            Some(root) if !resolved(path).starts_with(root) => Err(PlaceError::Outside {
                what,
                place: owned(),
            }),
            _ => Ok(()),
        }
    }
}

/// The path with every link followed; what is not there yet is taken as it is written, for it will be made so.
fn resolved(path: &Path) -> PathBuf {
    for above in path.ancestors() {
        if let Ok(there) = above.canonicalize() {
            let rest = path.strip_prefix(above).unwrap_or(Path::new(""));
            return there.join(rest);
        }
    }
    path.to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn only_folders_below_the_root_are_used() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("data"), folder.path().join("other"));
        std::fs::create_dir(&inside).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();

        let places = Places::new(Some(&inside)).unwrap();
        let check = |place: &str| places.check("batches", place);
        check(&text(inside.join("batch/not-there-yet"))).unwrap();
        check(&format!("file://{}", text(inside.join("batch")))).unwrap();
        check("s3://bucket/batch").unwrap();
        assert!(matches!(check("data/batch"), Err(PlaceError::Relative { .. })));
        assert!(matches!(check(&text(inside.join("../other"))), Err(PlaceError::Up { .. })));
        for place in [outside.clone(), inside.join("link"), inside.join("link/deeper"), PathBuf::from("/etc")] {
            let refused = check(&text(place.clone()));
            assert!(matches!(refused, Err(PlaceError::Outside { .. })), "{}", place.display());
        }
        Places::default().check("models", &text(outside)).unwrap();
    }
}
