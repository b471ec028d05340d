//! The object stores of this process, found by the URLs in plans.

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry};
use datafusion::object_store::ObjectStore;
use gugus_files::Stores;
use url::Url;

/// Local files, and every bucket that a plan names.
///
/// The client of a bucket is made when this process first names the bucket, by the settings of this process. A plan holds
/// a URL and no credentials, so neither client nor scheduler sends any.
#[derive(Debug)]
pub(crate) struct Registry {
    stores: Stores,
    registered: DefaultObjectStoreRegistry,
}

impl Registry {
    pub(crate) fn new(stores: Stores) -> Self {
        Self {
            stores,
            registered: DefaultObjectStoreRegistry::default(),
        }
    }
}

impl ObjectStoreRegistry for Registry {
    fn register_store(
        &self,
        url: &Url,
        store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        self.registered.register_store(url, store)
    }

    fn deregister_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        self.registered.deregister_store(url)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        match self.registered.get_store(url) {
            Err(_) if url.scheme() == "s3" => {
                let bucket = format!("s3://{}/", url.host_str().unwrap_or_default());
                let store = self.stores.object_store(&bucket);
                store.map_err(|error| DataFusionError::External(Box::new(error)))
            }
            found => found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_there_and_buckets_come_with_their_name() {
        let registry = Registry::new(Stores::from_env());
        let store = |url: &str| registry.get_store(&Url::parse(url).unwrap());
        store("file:///").unwrap();
        assert!(store("gs://bucket/").is_err());
        // If the environment names a profile and has no keys, the bucket is refused with the message of the store.
        match (store("s3://bucket/"), store("s3://bucket/a/b")) {
            (Ok(one), Ok(same)) => assert!(Arc::ptr_eq(&one, &same)),
            (one, _) => assert!(one.unwrap_err().to_string().contains("s3://bucket/")),
        }
    }
}
