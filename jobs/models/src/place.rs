//! Finds the folder of a model, and says whether a folder is complete.

use std::time::SystemTime;

use gugus_files::{Entry, Sizes, StoreError};
use gugus_spec::{BatchNumber, ModelName};

use crate::{Extent, ModelError, ModelStore};

/// Written last into our folders. It holds the SHA-256 of `model.json` in hex.
pub(crate) const SUCCESS: &str = "_SUCCESS";
pub(crate) const MODEL_JSON: &str = "model.json";
pub(crate) const METADATA: &str = "metadata";
pub(crate) const DATA: &str = "data";

/// The text between the model's name and the batch in folder names that Spark users gave.
const BATCH_MARK: &str = "_batch_";

/// A folder that is complete according to its marks.
#[derive(Debug)]
pub(crate) struct Found {
    /// Relative to the store.
    pub(crate) folder: String,
    pub(crate) kind: Kind,
    /// A text that changes when the folder is written again.
    pub(crate) stamp: String,
}

/// The writer of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Gugus: the folder has a `model.json`.
    Ours,
    /// Spark: the folder has no `model.json`.
    Sparks,
}

/// The model and batch in the name of a folder of Spark's: `x_batch_7` is batch 7 of `x`.
///
/// Only the forms of [`names_by_spark`] count, so that every listed model can be read.
pub(crate) fn split_spark_name(name: &str) -> Option<(&str, BatchNumber)> {
    let (model, digits) = name.rsplit_once(BATCH_MARK)?;
    let number: BatchNumber = digits.parse().ok()?;
    let ours = names_by_spark(model, number)
        .iter()
        .any(|form| form == name);
    (ours && model.parse::<ModelName>().is_ok()).then_some((model, number))
}

/// The names that a batch of a model may have among Spark's folders: with a plain number, or with zeros as in our files.
fn names_by_spark(model: &str, batch: BatchNumber) -> [String; 2] {
    [
        format!("{model}{BATCH_MARK}{batch}"),
        format!("{model}_{}", batch.folder_name()),
    ]
}

/// The folders in which Spark's users may have put a model.
pub(crate) fn sparks_folders(model: &str, extent: &Extent) -> Vec<String> {
    match extent {
        Extent::Batch(batch) => names_by_spark(model, *batch).to_vec(),
        // The full name of a folder of Spark's always finds it.
        Extent::All => vec![model.to_owned()],
        Extent::Window(_) => Vec::new(),
    }
}

impl ModelStore {
    /// Finds the complete folder of a model. Our own come before Spark's.
    ///
    /// Requests may name anything, so a text that is no model's name is not found.
    pub(crate) async fn find(&self, model: &str, extent: &Extent) -> Result<Found, ModelError> {
        let not_found = || ModelError::NotFound {
            model: model.chars().take(128).collect(),
            extent: extent.clone(),
        };
        let Ok(name) = model.parse::<ModelName>() else {
            return Err(not_found());
        };
        let ours = Self::folder(&name, extent);
        if let Some(found) = self.complete(&ours).await? {
            return Ok(found);
        }
        for folder in sparks_folders(model, extent) {
            if let Some(found) = self
                .complete(&folder)
                .await?
                .filter(|found| found.kind == Kind::Sparks)
            {
                return Ok(found);
            }
        }
        Err(not_found())
    }

    /// Finds out whether a folder is complete. A folder of ours needs its last mark, [`SUCCESS`].
    pub(crate) async fn complete(&self, folder: &str) -> Result<Option<Found>, StoreError> {
        match self.complete_of_ours(folder).await? {
            Some(found) => Ok(Some(found)),
            None => self.complete_of_sparks(folder).await,
        }
    }

    pub(crate) async fn complete_of_ours(&self, folder: &str) -> Result<Option<Found>, StoreError> {
        let head = self.store.head(&format!("{folder}/{SUCCESS}")).await?;
        Ok(head.map(|head| Found {
            folder: folder.to_owned(),
            kind: Kind::Ours,
            stamp: head.stamp,
        }))
    }

    /// Spark loads a folder with metadata and data, and needs no mark: it can be told to write none. While Spark writes,
    /// the files have other names. A folder with `model.json` is an unfinished one of ours.
    async fn complete_of_sparks(&self, folder: &str) -> Result<Option<Found>, StoreError> {
        // Spark writes the data last. So one request is enough for most folders that are absent.
        let data = self.entries(folder, DATA, Sizes::Read).await?;
        if !has_content(data.iter().map(|file| &*file.name))
            || self.store.exists(&format!("{folder}/{MODEL_JSON}")).await?
        {
            return Ok(None);
        }
        let metadata = self.entries(folder, METADATA, Sizes::Skip).await?;
        if !has_content(metadata.iter().map(|file| &*file.name)) {
            return Ok(None);
        }
        let stamps = data.iter().map(|Entry { name, about }| {
            let age = about.modified.duration_since(SystemTime::UNIX_EPOCH);
            let age = age.unwrap_or_default().as_nanos();
            format!("{name}-{}-{age}", about.size)
        });
        Ok(Some(Found {
            folder: folder.to_owned(),
            kind: Kind::Sparks,
            stamp: stamps.collect::<Vec<_>>().join(" "),
        }))
    }

    /// The files of a part of a folder, sorted by name.
    pub(crate) async fn entries(
        &self,
        folder: &str,
        part: &str,
        sizes: Sizes,
    ) -> Result<Vec<Entry>, StoreError> {
        let listed = self.store.list(&format!("{folder}/{part}"), sizes).await?;
        let mut files = listed.unwrap_or_default().files;
        files.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(files)
    }
}

/// Whether Spark reads a file of this name.
pub(crate) fn is_visible(name: &str) -> bool {
    !name.starts_with(['_', '.'])
}

/// Whether a part of a folder has a file that Spark reads, or at least Spark's mark.
pub(crate) fn has_content<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    names.any(|name| name == SUCCESS || is_visible(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparks_names() {
        let seven = BatchNumber::new(7).unwrap();
        assert_eq!(
            split_spark_name("kmeans_model_batch_7"),
            Some(("kmeans_model", seven))
        );
        assert_eq!(
            split_spark_name("a_batch_1_batch_7"),
            Some(("a_batch_1", seven))
        );
        assert_eq!(split_spark_name("m_batch_00000007"), Some(("m", seven)));
        for name in [
            "kmeans_model",
            "kmeans_model_batch_",
            "x_batch_0",
            "x_batch_07",
            "x_batch_-1",
            "_batch_7",
            "x_batch_7_k5",
        ] {
            assert_eq!(split_spark_name(name), None, "{name}");
        }
    }
}
