//! The folders that a run may use.

use std::path::{Component, Path, PathBuf};

use gugus_files::{Store, StoreError, Stores};
use thiserror::Error;

/// The places that runs may read and write: folders below one root, and buckets. The credentials of scheduler and executors
/// decide which buckets.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    root: PathBuf,
    stores: Stores,
}

/// Why a run may not use a place.
#[derive(Debug, Error)]
#[error("{what} \"{place}\" {why}")]
pub struct PlaceError {
    /// Which of the request's places.
    what: &'static str,
    place: String,
    why: Wrong,
}

/// What is wrong with a place.
#[derive(Debug, Error)]
enum Wrong {
    #[error(
        "is neither an absolute path nor s3://…; the scheduler has another current folder than you"
    )]
    Relative,
    #[error("goes up by \"..\"; name the folder itself")]
    Up,
    #[error(
        "is not below {}, the folder that this scheduler lets runs use (its --data-root)", root.display()
    )]
    Outside { root: PathBuf },
}

impl Places {
    /// Folders below `root`, which need not be there yet.
    pub(crate) fn below(root: &Path, stores: Stores) -> std::io::Result<Self> {
        let root = std::path::absolute(root)?;
        Ok(Self { root, stores })
    }

    /// Opens a place that was checked.
    pub(crate) fn open(&self, place: &str) -> Result<Store, StoreError> {
        self.stores.open(place)
    }

    /// Whether a run may use `place`.
    pub(crate) fn check(&self, what: &'static str, place: &str) -> Result<(), PlaceError> {
        match self.wrong(place) {
            None => Ok(()),
            Some(why) => Err(PlaceError {
                what,
                place: place.to_owned(),
                why,
            }),
        }
    }

    fn wrong(&self, place: &str) -> Option<Wrong> {
        let scheme = place.get(..5);
        if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("s3://")) {
            return None;
        }
        // Only plain paths are taken, because the escapes of a file:// URL can hide what a path says.
        let path = Path::new(place);
        if !path.is_absolute() {
            return Some(Wrong::Relative);
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Some(Wrong::Up);
        }
        // Links are followed each time, because somebody may have made a new link since.
        let outside = !resolved(path).starts_with(resolved(&self.root));
        outside.then(|| Wrong::Outside {
            root: self.root.clone(),
        })
    }
}

/// The path with every link followed. Parts that do not exist yet stay as they are written.
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
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let places = Places::below(&inside, Stores::from_env()).unwrap();
        let check = |place: &str| places.check("batches", place);
        // Before the folder exists, and afterwards.
        check(&text(inside.join("batch/not-there-yet"))).unwrap();
        std::fs::create_dir(&inside).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();

        check(&text(inside.join("batch/not-there-yet"))).unwrap();
        check("s3://bucket/batch").unwrap();
        let why = |place: &str| check(place).unwrap_err().why;
        for place in [
            "data/batch",
            "",
            "file:///etc",
            &format!("file://{}", text(inside.join("batch"))),
            "http://elsewhere/batch",
        ] {
            assert!(matches!(why(place), Wrong::Relative), "{place}");
        }
        assert!(matches!(why(&text(inside.join("../other"))), Wrong::Up));
        for place in [
            outside.clone(),
            inside.join("link"),
            inside.join("link/deeper"),
            folder.path().join("data2"),
            PathBuf::from("/etc"),
        ] {
            let why = why(&text(place.clone()));
            assert!(matches!(why, Wrong::Outside { .. }), "{}", place.display());
        }
        let everywhere = Places::below(Path::new("/"), Stores::from_env()).unwrap();
        everywhere.check("models", &text(outside)).unwrap();
    }
}
