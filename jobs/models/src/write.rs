//! Writing a model folder, so that readers see the old one or the new one.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use gugus_files::{FolderContent, Onto, Placed, sha256_hex};
use gugus_kmeans::Params;
use gugus_spec::ModelName;
use parquet::errors::ParquetError;

use crate::{
    ModelDraft, ModelError, ModelJson, ModelStore, centers,
    place::{DATA_SUCCESS, METADATA_SUCCESS, MODEL_JSON, SUCCESS},
    spark, tables,
};

/// What becomes of a complete model that stands where one is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and writing ends in [`ModelError::Exists`].
    Keep,
    /// It is replaced.
    Replace,
}

/// A folder's files, the one that has to be written first at the front, without the last one, [`SUCCESS`].
type Files = Vec<(String, Bytes)>;

impl ModelStore {
    /// Saves a fit with its `model.json`: as a folder that Spark loads where it has centers, else with data of our own.
    ///
    /// A folder that is unfinished or torn is replaced whatever `existing` says: it counts as not there.
    ///
    /// # Errors
    /// [`ModelError::Exists`], [`ModelError::Draft`] for a fit that contradicts itself, and those of writing.
    pub async fn write(
        &self,
        draft: &ModelDraft,
        existing: Existing,
    ) -> Result<ModelJson, ModelError> {
        if let Some(reason) = draft.contradiction() {
            return Err(ModelError::Draft {
                model: draft.model.to_string(),
                reason,
            });
        }
        let (about, files) = encode(draft)?;
        let content = Arc::new(FolderContent {
            files,
            mark: SUCCESS,
        });
        if self.first_write(&draft.model) {
            self.store.sweep(draft.model.as_str()).await?;
        }
        let folder = Self::folder(&draft.model, &draft.extent);
        let put = |onto| self.store.put_folder(&folder, Arc::clone(&content), onto);
        let onto = match existing {
            // Mostly nothing is there, which the call that writes finds out, too.
            Existing::Keep => Onto::Nothing,
            Existing::Replace => Onto::Anything,
        };
        if put(onto).await? == Placed::InTheWay {
            self.refuse_existing(&folder).await?;
            put(Onto::Anything).await?;
        }
        Ok(about)
    }

    /// [`ModelError::Exists`] where a complete model stands.
    async fn refuse_existing(&self, folder: &str) -> Result<(), ModelError> {
        match self.about_folder(folder).await? {
            Some(_) => Err(ModelError::Exists {
                folder: self.store.display(folder),
            }),
            None => Ok(()),
        }
    }

    /// Whether this is the first model of that name that we write.
    fn first_write(&self, model: &ModelName) -> bool {
        let mut swept = self
            .swept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        swept.insert(model.clone())
    }
}

/// `model.json` comes first: without it a folder with Spark's two marks would pass for one of Spark's.
fn encode(draft: &ModelDraft) -> Result<(ModelJson, Files), ModelError> {
    let contradiction = |reason: String| ModelError::Draft {
        model: draft.model.to_string(),
        reason,
    };
    let uid = spark::new_uid(&draft.algorithm);
    let (parts, marks) = parts(draft, &uid).map_err(|e| contradiction(e.to_string()))?;
    let checksums: BTreeMap<_, _> = parts
        .iter()
        .map(|(file, bytes)| (file.clone(), sha256_hex(bytes)))
        .collect();
    let about = draft.clone().into_json(uid, checksums);
    let mut json = serde_json::to_vec_pretty(&about).map_err(|e| contradiction(e.to_string()))?;
    json.push(b'\n');
    let mut files = vec![(MODEL_JSON.to_owned(), json.into())];
    files.extend(parts);
    files.extend(marks.iter().map(|file| ((*file).to_owned(), Bytes::new())));
    Ok((about, files))
}

/// The files of a model beside `model.json`, and the marks that Spark looks for where it can load them.
fn parts(draft: &ModelDraft, uid: &str) -> Result<(Files, &'static [&'static str]), ParquetError> {
    if let Some(layout) = &draft.algorithm.facts().table {
        let table = tables::write(layout, draft.fitted.table())?;
        return Ok((vec![(tables::path(layout), table)], &[]));
    }
    let centers = draft.fitted.centers().unwrap_or_default();
    let now = chrono::Utc::now().timestamp_millis();
    let weight_col = draft.weight_col.as_deref();
    let line = match draft.algorithm.kmeans() {
        Some(params) => spark::line(params, weight_col, uid, now),
        // The parameters that Spark has, too. Spark would refuse other values, such as our k-means++.
        None => {
            let mut params = Params::default();
            params.k = draft.algorithm.k().unwrap_or(centers.len());
            params.seed = draft.algorithm.seed().unwrap_or(params.seed);
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
    Ok((parts, &[METADATA_SUCCESS, DATA_SUCCESS]))
}
