//! Writing a model folder, so that readers see the old one or the new one.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use gugus_files::{FolderContent, Onto, Placed, sha256_hex};
use gugus_kmeans::Params;
use gugus_spec::ModelName;
use parquet::errors::ParquetError;

use crate::{
    ModelDraft, ModelError, ModelJson, ModelStore, centers,
    json::file_content,
    place::{MODEL_JSON, SUCCESS},
    spark, tables,
};

/// Whether writing replaces a complete model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and writing ends in [`ModelError::Exists`].
    Keep,
    /// It is replaced.
    Replace,
}

/// Files of a folder, in the order of writing.
type Files = Vec<(String, Bytes)>;

impl ModelStore {
    /// Saves a fit with its `model.json`: as a folder that Spark loads where it has centers, else with data of our own.
    ///
    /// An unfinished or torn folder is replaced whatever `existing` says, because it counts as absent.
    ///
    /// # Errors
    /// [`ModelError::Exists`], [`ModelError::Draft`] for a fit that contradicts itself, and those of writing.
    pub async fn write(
        &self,
        draft: &ModelDraft,
        existing: Existing,
    ) -> Result<ModelJson, ModelError> {
        let name: ModelName = draft.about.model.parse().map_err(wrong(draft))?;
        if let Some(reason) = draft.contradiction() {
            return Err(wrong(draft)(reason));
        }
        let (about, content) = encode(draft)?;
        let content = Arc::new(content);
        if self.first_write(&name) {
            self.store.sweep(name.as_str()).await?;
        }
        let folder = Self::folder(&name, &about.extent());
        let put = |onto| self.store.put_folder(&folder, Arc::clone(&content), onto);
        let onto = match existing {
            // Mostly nothing is there, and the call that writes finds that out.
            Existing::Keep => Onto::Nothing,
            Existing::Replace => Onto::Anything,
        };
        if put(onto).await? == Placed::InTheWay {
            self.refuse_existing(&folder).await?;
            put(Onto::Anything).await?;
        }
        Ok(about)
    }

    /// Fails with [`ModelError::Exists`] if the folder is complete.
    async fn refuse_existing(&self, folder: &str) -> Result<(), ModelError> {
        match self.about_folder(folder).await? {
            Some(_) => Err(ModelError::Exists {
                folder: self.store.display(folder),
            }),
            None => Ok(()),
        }
    }

    /// Whether this process has not written a model of this name before.
    fn first_write(&self, model: &ModelName) -> bool {
        let mut swept = self
            .swept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        swept.insert(model.clone())
    }
}

/// Makes the error of a draft that cannot be saved.
fn wrong<E: ToString>(draft: &ModelDraft) -> impl Fn(E) -> ModelError {
    |reason| ModelError::Draft {
        model: draft.about.model.clone(),
        reason: reason.to_string(),
    }
}

/// `model.json` comes first: without it a folder with Spark's two marks would pass for one of Spark's. The last mark holds
/// the SHA-256 of `model.json`, which holds those of the other files.
fn encode(draft: &ModelDraft) -> Result<(ModelJson, FolderContent), ModelError> {
    let uid = spark::new_uid(&draft.about.algorithm);
    let (parts, marks) = parts(draft, &uid).map_err(wrong(draft))?;
    let checksums: BTreeMap<_, _> = parts
        .iter()
        .map(|(file, bytes)| (file.clone(), sha256_hex(bytes)))
        .collect();
    let about = draft.complete(uid, checksums);
    let json = file_content(&about).map_err(wrong(draft))?;
    let mark_content = Bytes::from(sha256_hex(&json));
    let mut files = vec![(MODEL_JSON.to_owned(), json)];
    files.extend(parts);
    files.extend(marks.iter().map(|file| ((*file).to_owned(), Bytes::new())));
    let content = FolderContent {
        files,
        mark: SUCCESS,
        mark_content,
    };
    Ok((about, content))
}

/// The files of a model beside `model.json`, and the marks that Spark looks for where it can load them.
fn parts(draft: &ModelDraft, uid: &str) -> Result<(Files, &'static [&'static str]), ParquetError> {
    if let Some(layout) = &draft.about.algorithm.facts().table {
        let table = tables::write(layout, draft.fitted.table())?;
        return Ok((vec![(tables::path(layout), table)], &[]));
    }
    let centers = draft.fitted.centers().unwrap_or_default();
    let now = chrono::Utc::now().timestamp_millis();
    let weight_col = draft.about.weight_col.as_deref();
    let line = match draft.about.algorithm.kmeans() {
        Some(params) => spark::line(params, weight_col, uid, now),
        // The parameters that Spark has, too. Spark would refuse other values, such as our k-means++.
        None => {
            let mut params = Params::default();
            params.k = draft.about.algorithm.k().unwrap_or(centers.len());
            params.seed = draft.about.algorithm.seed().unwrap_or(params.seed);
            spark::line(&params, weight_col, uid, now)
        }
    };
    let name = format!(
        "data/part-00000-{}-c000.snappy.parquet",
        uuid::Uuid::new_v4()
    );
    let parts = vec![
        ("metadata/part-00000".to_owned(), Bytes::from(line)),
        (name, centers::to_parquet(centers)?),
    ];
    Ok((parts, &["metadata/_SUCCESS", "data/_SUCCESS"]))
}
