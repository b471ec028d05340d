//! [`Store`]: one folder, local or in an object store, that everything else in this crate works in.

use std::{
    fmt,
    path::{Component, Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use object_store::{
    ObjectStore, local::LocalFileSystem, memory::InMemory, path::Path as ObjectPath,
};

use crate::{StoreError, s3};

/// A folder of files: on this machine, or under a prefix of an [`ObjectStore`]. Cheap to clone.
///
/// Opening one touches nothing: the folder need not exist, and is made by whoever writes into it first. A bucket must
/// exist.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// Where the folder is within `objects`.
    prefix: ObjectPath,
    /// Where the folder is on this machine, when it is. Local writes go past `objects`, which never syncs.
    root: Option<PathBuf>,
    registry_url: Arc<str>,
    location: Arc<str>,
    /// Whether the store was seen to refuse a second creation of one name. Clones share it, so one look is enough.
    proven: Arc<AtomicBool>,
}

impl Store {
    /// Opens a path, a `file://` url, or `s3://bucket/prefix` by what this process's environment says
    /// ([`S3Settings`](crate::S3Settings)). All stores of a bucket that are opened so share one client.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] for any other url, [`StoreError::Location`] for text that names no folder,
    /// [`StoreError::Settings`] for variables that do not do.
    pub fn open(location: &str) -> Result<Self, StoreError> {
        let path = match location.split_once("://") {
            // A Windows drive or a folder with a colon has no "://"; a scheme has nothing but these letters.
            Some((scheme, rest))
                if scheme
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) =>
            {
                if scheme.eq_ignore_ascii_case(s3::SCHEME) {
                    return s3::open_shared(location);
                }
                if !scheme.eq_ignore_ascii_case("file") {
                    return Err(StoreError::Unsupported {
                        location: location.to_owned(),
                        scheme: scheme.to_owned(),
                    });
                }
                path_of_file_url(location, rest)?
            }
            _ => location.to_owned(),
        };
        Self::open_folder(Path::new(&path), location)
    }

    fn open_folder(path: &Path, location: &str) -> Result<Self, StoreError> {
        let wrong = |reason: String| StoreError::Location {
            location: location.to_owned(),
            reason,
        };
        if path.as_os_str().is_empty() {
            return Err(wrong("it is empty".to_owned()));
        }
        let root = resolve(path).map_err(|e| wrong(e.to_string()))?;
        let prefix = ObjectPath::from_absolute_path(&root).map_err(|e| wrong(e.to_string()))?;
        Ok(Self {
            objects: Arc::new(LocalFileSystem::new()),
            prefix,
            root: Some(root),
            registry_url: Arc::from("file:///"),
            location: Arc::from(location),
            proven: Arc::default(),
        })
    }

    /// A store that lives in memory for as long as a clone of it does: for tests, and for a demo without files.
    pub fn in_memory() -> Self {
        Self::on_objects(
            Arc::new(InMemory::new()),
            ObjectPath::default(),
            "memory:///",
        )
    }

    /// A store under `prefix` of any object store. `registry_url` is what a query engine knows `objects` by.
    ///
    /// Creation (`PutMode::Create`) has to be atomic there, and listings strongly consistent. The first is looked at
    /// by [`BatchLog::open`](crate::BatchLog::open) where `registry_url` is of `s3://`, for some stores that speak S3's
    /// protocol overwrite.
    pub fn on_objects(
        objects: Arc<dyn ObjectStore>,
        prefix: ObjectPath,
        registry_url: &str,
    ) -> Self {
        Self {
            location: Arc::from(format!("{registry_url}{prefix}")),
            objects,
            prefix,
            root: None,
            registry_url: Arc::from(registry_url),
            proven: Arc::default(),
        }
    }

    /// The folder on this machine, if it is on this machine; absolute, without links or `..`.
    pub fn local_root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// The object store that [`Store::object_path`] is a path of.
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects)
    }

    /// Where a file of this folder is in [`Store::object_store`]: `relative` is split at `/`, empty text is the folder.
    pub fn object_path(&self, relative: &str) -> ObjectPath {
        let parts = relative.split('/').filter(|part| !part.is_empty());
        parts.fold(self.prefix.clone(), |path, part| path.join(part))
    }

    /// The url that [`Store::object_store`] is to be registered under with a query engine, for paths
    /// by [`Store::object_path`]: `file:///` for local folders, `s3://bucket/` for buckets, `memory:///` for
    /// [`Store::in_memory`]. [`object_store_for`] finds the object store of such a url in another process.
    pub fn registry_url(&self) -> &str {
        &self.registry_url
    }

    /// Whether it has to be shown yet that this store refuses a second creation of one name.
    pub(crate) fn is_unproven(&self) -> bool {
        let s3 = self.registry_url.strip_prefix(s3::SCHEME);
        s3.is_some_and(|rest| rest.starts_with("://")) && !self.proven.load(Ordering::Relaxed)
    }

    pub(crate) fn set_proven(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    /// How messages name a file of this folder.
    pub fn display(&self, relative: &str) -> String {
        if relative.is_empty() {
            return self.location.to_string();
        }
        format!("{}/{relative}", self.location.trim_end_matches('/'))
    }
}

/// The object store that a query engine is to read with what lies under a url: `s3://bucket`, `file:///`, each with or
/// without a path.
///
/// It is made of the environment of this process, and is the same for all urls of a bucket; so a process that gets a
/// plan with such urls needs nothing from whoever made the plan, and nobody sends credentials.
///
/// # Errors
/// Those of [`Store::open`].
pub fn object_store_for(url: &str) -> Result<Arc<dyn ObjectStore>, StoreError> {
    Store::open(url).map(|store| store.object_store())
}

/// The location as it was given.
impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.location)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.location)
    }
}

/// `rest` is what follows `file://`: a host, which must be this one, and a path with `%20` and the like.
fn path_of_file_url(location: &str, rest: &str) -> Result<String, StoreError> {
    let wrong = |reason: &str| StoreError::Location {
        location: location.to_owned(),
        reason: reason.to_owned(),
    };
    let path = rest
        .strip_prefix("localhost")
        .filter(|p| p.starts_with('/'))
        .unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(wrong(
            "a file url holds an absolute path, as in file:///data/batch",
        ));
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path.bytes();
    while let Some(byte) = left.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [left.next(), left.next()].map(|d| d.and_then(|d| (d as char).to_digit(16)));
        match digits {
            [Some(high), Some(low)] => bytes.push((high * 16 + low) as u8),
            _ => return Err(wrong("a % in a url is followed by two hex digits")),
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong("its path is not utf-8"))
}

/// An absolute path without `..` and without links as far as the path exists: what object stores take.
fn resolve(path: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let mut there = absolute.clone();
    let mut missing = Vec::new();
    let mut resolved = loop {
        match there.canonicalize() {
            Ok(found) => break found,
            // A file in the middle of the path, or a folder we may not look into, is reported by the first access.
            Err(_) => match there.components().next_back() {
                Some(Component::RootDir | Component::Prefix(_)) | None => break there.clone(),
                Some(last) => {
                    missing.push(last.as_os_str().to_owned());
                    there.pop();
                }
            },
        }
    };
    for part in missing.into_iter().rev() {
        if part == ".." {
            resolved.pop();
        } else if part != "." {
            resolved.push(part);
        }
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_its_url_open_the_same_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("with space/b");
        let by_path = Store::open(folder.to_str().unwrap()).unwrap();
        let url = format!("file://{}/with%20space/b", dir.path().display());
        let by_url = Store::open(&url).unwrap();
        assert_eq!(by_path.local_root(), by_url.local_root());
        assert_eq!(by_path.object_path("a/b"), by_url.object_path("a/b"));
        assert!(!folder.exists(), "opening makes nothing");
    }

    #[test]
    fn parents_in_a_path_are_resolved_whether_it_exists_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let odd = format!("{}/x/../y/./z/..", dir.path().display());
        assert_eq!(
            Store::open(&odd).unwrap().local_root().unwrap(),
            root.join("y")
        );
    }

    #[test]
    fn other_schemes_say_what_to_do() {
        let error = Store::open("gs://bucket/batches").unwrap_err();
        assert!(matches!(error, StoreError::Unsupported { .. }));
        assert!(error.to_string().contains("name a local folder"), "{error}");
        assert!(matches!(Store::open(""), Err(StoreError::Location { .. })));
        assert!(matches!(
            Store::open("file://host/x"),
            Err(StoreError::Location { .. })
        ));
        assert!(matches!(
            Store::open("file:///a%2"),
            Err(StoreError::Location { .. })
        ));
    }

    #[tokio::test]
    async fn the_object_store_sees_local_files_at_object_paths() {
        use object_store::ObjectStoreExt;
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("50% & ünder #1");
        std::fs::create_dir(&odd).unwrap();
        std::fs::write(odd.join("f"), b"here").unwrap();
        let store = Store::open(odd.to_str().unwrap()).unwrap();
        let got = store
            .object_store()
            .get(&store.object_path("f"))
            .await
            .unwrap();
        assert_eq!(got.bytes().await.unwrap().as_ref(), b"here");
    }
}
