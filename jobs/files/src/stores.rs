//! Opens stores by the location that a user gives.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use object_store::ObjectStore;

use crate::{S3Settings, Store, StoreError, location, s3::SCHEME};

/// Opens stores. All stores of one bucket that are opened by this or by a clone of it share one client.
///
/// A process makes one `Stores` when it starts, and passes it on to all code that opens stores.
///
/// ```
/// # fn main() -> Result<(), gugus_files::StoreError> {
/// let stores = gugus_files::Stores::from_env();
/// assert_eq!(stores.open("/data/batch")?.registry_url(), "file:///");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Stores {
    settings: Arc<S3Settings>,
    clients: Arc<Mutex<BTreeMap<String, Arc<dyn ObjectStore>>>>,
}

impl Stores {
    /// By the environment of this process, which says where buckets are and with which credentials.
    pub fn from_env() -> Self {
        Self::new(S3Settings::from_env())
    }

    /// By these settings for buckets.
    pub fn new(settings: S3Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            clients: Arc::default(),
        }
    }

    /// Opens a path, a `file://` url, or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] for any other url, [`StoreError::Location`] for text that names no folder,
    /// [`StoreError::Settings`] for variables that contradict each other or are missing.
    pub fn open(&self, location: &str) -> Result<Store, StoreError> {
        let path = match location::scheme_of(location) {
            None => location.to_owned(),
            Some((scheme, rest)) => match scheme.as_str() {
                "file" => location::path_of_url(location, rest)?,
                SCHEME => return self.open_bucket(location),
                _ => {
                    return Err(StoreError::Unsupported {
                        location: location.to_owned(),
                        scheme: location[..scheme.len()].to_owned(),
                    });
                }
            },
        };
        Store::of_folder(location::folder_of_path(&path, location)?, location)
    }

    /// The object store that a query engine is to read with what lies under a url: `s3://bucket`, `file:///`, each with
    /// or without a path.
    ///
    /// A process that gets a plan with such urls needs nothing from the process that made the plan, and nobody sends
    /// credentials.
    ///
    /// # Errors
    /// Those of [`Stores::open`].
    pub fn object_store(&self, url: &str) -> Result<Arc<dyn ObjectStore>, StoreError> {
        self.open(url).map(|store| store.object_store())
    }

    fn open_bucket(&self, location: &str) -> Result<Store, StoreError> {
        let place = crate::s3::Location::parse(location)?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match clients.get(&place.bucket) {
            Some(client) => Arc::clone(client),
            None => {
                let client = self.settings.client(&place)?;
                clients.insert(place.bucket.clone(), Arc::clone(&client));
                client
            }
        };
        Ok(place.on(client))
    }
}

impl Default for Stores {
    fn default() -> Self {
        Self::from_env()
    }
}

/// Shows the endpoint, and no credentials.
impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stores").field(&self.settings).finish()
    }
}

impl Store {
    /// Opens a location as [`Stores::open`] does, by the environment of this process, with a client of its own.
    ///
    /// # Errors
    /// Those of [`Stores::open`].
    pub fn open(location: &str) -> Result<Self, StoreError> {
        Stores::from_env().open(location)
    }
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
        assert_eq!(by_path.object_path("a/b"), by_url.object_path("a/b"));
        assert!(!folder.exists(), "opening makes nothing");
    }

    #[test]
    fn parents_in_a_path_are_resolved_whether_it_exists_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let odd = format!("{}/x/../y/./z/..", dir.path().display());
        let expected = Store::open(root.join("y").to_str().unwrap()).unwrap();
        let opened = Store::open(&odd).unwrap();
        assert_eq!(opened.object_path(""), expected.object_path(""));
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

    #[test]
    fn one_client_for_each_bucket() {
        let keys = [
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        let stores = Stores::new(S3Settings::from_vars(keys));
        let one = stores.open("s3://one-bucket/a").unwrap();
        let same = stores.clone().open("s3://one-bucket/b/c").unwrap();
        let other = stores.open("s3://other-bucket/a").unwrap();
        assert!(Arc::ptr_eq(&one.object_store(), &same.object_store()));
        assert!(!Arc::ptr_eq(&one.object_store(), &other.object_store()));
        let url = stores.object_store("s3://one-bucket/").unwrap();
        assert!(Arc::ptr_eq(&one.object_store(), &url));
        assert!(!format!("{stores:?}").contains("secret"));
    }
}
