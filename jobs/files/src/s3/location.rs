//! `s3://bucket/prefix`

use std::{fmt, sync::Arc};

use object_store::{ObjectStore, path::Path as ObjectPath};

use crate::{Store, StoreError, objects::Creations};

/// The scheme of locations in buckets.
pub(crate) const SCHEME: &str = "s3";

/// A bucket and where in it.
pub(crate) struct Location {
    pub(crate) bucket: String,
    prefix: ObjectPath,
}

impl Location {
    pub(crate) fn parse(location: &str) -> Result<Self, StoreError> {
        let rest = location
            .split_once("://")
            .map_or(location, |(_, rest)| rest);
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if let Some((_, bucket)) = bucket.rsplit_once('@') {
            return Err(StoreError::Location {
                location: format!("{SCHEME}://…@{bucket}/{prefix}"),
                reason: "credentials are taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, not from a location"
                    .to_owned(),
            });
        }
        let wrong = |reason: String| StoreError::Location {
            location: location.to_owned(),
            reason,
        };
        let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if bucket.is_empty() || !bucket.bytes().all(in_names) {
            return Err(wrong("it is like s3://bucket/prefix".to_owned()));
        }
        let prefix = ObjectPath::parse(prefix).map_err(|e| wrong(e.to_string()))?;
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix,
        })
    }

    pub(crate) fn on(self, objects: Arc<dyn ObjectStore>) -> Store {
        let url = format!("{SCHEME}://{}/", self.bucket);
        Store::of_objects(objects, self.prefix, &url, Creations::Unproven)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}://{}/{}", self.bucket, self.prefix)
    }
}
