//! `failed.json` of a model: the data that allow no model of it, so that standing training does not try them again.
//!
//! The file is a memory and no promise: without it, training tries once more and says again why it failed.

use bytes::Bytes;
use gugus_files::Swapped;
use gugus_spec::{CommitId, ModelName};
use serde::{Deserialize, Serialize};

use crate::{Extent, ModelError, ModelStore, json::file_content};

/// The version of `failed.json` that this crate writes, and the newest that it reads.
const FAILED_VERSION: u32 = 1;

/// The most entries of a file: older ones are dropped. So the file stays small if every batch fails.
const MOST: usize = 1_000;

/// The longest reason that is kept, in characters. Training tells all of it when it fails.
const LONGEST_REASON: usize = 300;

/// How often a change is tried. Each failed try means that somebody else's change succeeded.
const TRIES: usize = 10;

/// The content of `failed.json`. Readers ignore keys that they do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Document {
    version: u32,
    failed: Vec<FailedFit>,
}

/// Data that allowed no model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedFit {
    /// The data, by the name of the folder that the model would have: `batch_00000007`, `window_2024-05`, `all`.
    pub of: String,
    /// The newest commit of the data. The data changed if there is another one.
    pub commit_id: CommitId,
    /// A text that changes when the job file says something else of the model, or when older data went.
    pub fit: String,
    /// Why it failed.
    pub reason: String,
}

impl FailedFit {
    /// That a fit failed. A long reason is cut.
    pub fn new(of: &Extent, commit_id: CommitId, fit: &str, reason: &str) -> Self {
        Self {
            of: of.folder_name(),
            commit_id,
            fit: fit.to_owned(),
            reason: reason.chars().take(LONGEST_REASON).collect(),
        }
    }
}

impl ModelStore {
    /// The data that allowed no model of this name, the newest failures last. None where nothing is remembered.
    ///
    /// # Errors
    /// [`ModelError::Format`] for a file of a newer version, and those of reading. A damaged file counts as absent.
    pub async fn failed(&self, model: &ModelName) -> Result<Vec<FailedFit>, ModelError> {
        Ok(self.failed_file(model).await?.1)
    }

    /// Remembers that these fits failed, in place of what was known of the same data.
    ///
    /// # Errors
    /// Those of [`ModelStore::failed`] and of writing.
    pub async fn remember_failed(
        &self,
        model: &ModelName,
        failed: &[FailedFit],
    ) -> Result<(), ModelError> {
        for _ in 0..TRIES {
            let (old, mut all) = self.failed_file(model).await?;
            all.retain(|known| failed.iter().all(|new| new.of != known.of));
            all.extend_from_slice(failed);
            all.drain(..all.len().saturating_sub(MOST));
            let file = file(model);
            let document = Document {
                version: FAILED_VERSION,
                failed: all,
            };
            let json = file_content(&document).map_err(|e| ModelError::Format {
                file: self.store.display(&file),
                reason: e.to_string(),
            })?;
            if self.store.swap(&file, old, json).await? == Swapped::Done {
                return Ok(());
            }
        }
        // Others write all the time. What failed now is tried once more after a restart.
        Ok(())
    }

    async fn failed_file(
        &self,
        model: &ModelName,
    ) -> Result<(Option<Bytes>, Vec<FailedFit>), ModelError> {
        let bytes = match self.store.get(&file(model)).await {
            Ok(bytes) => bytes,
            Err(e) if e.is_not_found() => return Ok((None, Vec::new())),
            Err(e) => return Err(e.into()),
        };
        let known = match serde_json::from_slice::<Document>(&bytes) {
            Ok(document) if document.version > FAILED_VERSION => {
                return Err(ModelError::Format {
                    file: self.store.display(&file(model)),
                    reason: format!(
                        "its version {} is newer than this gugus reads; upgrade gugus",
                        document.version
                    ),
                });
            }
            Ok(document) => document.failed,
            Err(_) => Vec::new(),
        };
        Ok((Some(bytes), known))
    }
}

fn file(model: &ModelName) -> String {
    format!("{model}/failed.json")
}
