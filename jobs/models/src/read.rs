//! Reads saved models, or only as much of them as a caller needs.

use std::collections::BTreeMap;

use bytes::Bytes;
use gugus_clusters::{Centers, Fitted, Saved, TableLayout};
use gugus_files::{Sizes, StoreError, blocking, sha256_hex};
use gugus_spec::ModelName;
use serde::{Deserialize, Serialize};

use crate::{
    Extent, MODEL_VERSION, ModelError, ModelJson, ModelStore, centers,
    place::{DATA, Found, Kind, METADATA, MODEL_JSON, SUCCESS, is_visible},
    spark, tables,
};

/// A model as it is in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedModel {
    /// The content of `model.json`; none for a folder that Spark wrote.
    pub about: Option<ModelJson>,
    /// The fitted model, which is all that predictions need.
    pub fitted: Fitted,
    /// The number of clusters asked for; the model may have fewer.
    pub k: usize,
    /// The uid of the model. Spark's folders have their own.
    pub uid: String,
    /// The folder, relative to the store.
    pub folder: String,
    /// The stamp changes when the model is trained again.
    pub stamp: Stamp,
}

/// The files of a model folder, by their names in it.
type Files = BTreeMap<String, Bytes>;

/// A cheap identity of a saved model. It changes when the model is written again, and has no other meaning.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp(String);

impl ModelStore {
    /// Reads a model that Gugus or Spark wrote.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] for a folder that is absent or unfinished, and for a text that is no model's name;
    /// [`ModelError::Torn`] and [`ModelError::Format`] for a folder that cannot be used.
    pub async fn read(
        &self,
        model: &str,
        extent: impl Into<Extent>,
    ) -> Result<SavedModel, ModelError> {
        let extent = extent.into();
        let mut found = self.find(model, &extent).await?;
        loop {
            match self.read_folder(&found).await {
                // A folder looks torn while a writer replaces it. Afterwards it has a new stamp.
                Err(torn @ ModelError::Torn { .. }) => match self.find(model, &extent).await {
                    Ok(again) if again.stamp != found.stamp => found = again,
                    _ => return Err(torn),
                },
                done => return done,
            }
        }
    }

    async fn read_folder(&self, found: &Found) -> Result<SavedModel, ModelError> {
        let (about, files) = match found.kind {
            Kind::Ours => {
                let (about, files) = self.checked_files(&found.folder).await?;
                (Some(about), files)
            }
            Kind::Sparks => (None, self.sparks_files(&found.folder).await?),
        };
        let (fitted, k, uid) = match &about {
            Some(about) => match &about.algorithm.facts().table {
                Some(layout) => {
                    let fitted = self.tabled(&found.folder, about, layout, files).await?;
                    (fitted, about.k, about.uid.clone())
                }
                None => self.sparks(&found.folder, Some(about), files).await?,
            },
            None => self.sparks(&found.folder, None, files).await?,
        };
        let features = about.as_ref().map(|about| about.features.len());
        if let Some(features) = features.filter(|features| *features != fitted.dimensions()) {
            let dimensions = fitted.dimensions();
            let reason = format!("it has {dimensions} dimensions for {features} features");
            return Err(self.wrong(&found.folder, DATA, reason));
        }
        Ok(SavedModel {
            about,
            fitted,
            k,
            uid,
            folder: found.folder.clone(),
            stamp: Stamp(found.stamp.clone()),
        })
    }

    /// Reads a model in Spark's form, which has metadata and centers.
    async fn sparks(
        &self,
        folder: &str,
        about: Option<&ModelJson>,
        mut files: Files,
    ) -> Result<(Fitted, usize, String), ModelError> {
        let mut metadata = files
            .iter()
            .filter(|(file, _)| file.starts_with("metadata/"));
        let metadata =
            metadata.find_map(|(file, bytes)| spark::first_line(file, bytes).transpose());
        let metadata = metadata
            .ok_or_else(|| self.torn(folder, METADATA))?
            .and_then(|line| spark::parse(&line));
        let spark::Metadata {
            uid,
            k,
            distance_measure,
        } = metadata.map_err(|e| self.wrong(folder, METADATA, e))?;
        files.retain(|file, _| file.starts_with("data/"));
        let centers = blocking(move || Ok(centers::from_parquet(files.into_values().collect())))
            .await?
            .map_err(|e| self.wrong(folder, DATA, e))?;
        let fitted = match about {
            Some(about) => {
                let saved = Saved {
                    centers,
                    ..saved(about)
                };
                let opened = about.algorithm.open(saved);
                opened.map_err(|e| self.wrong(folder, DATA, e))?
            }
            None => Fitted::Centers(Centers {
                centers,
                distance_measure,
            }),
        };
        Ok((fitted, k, uid))
    }

    /// A model that is saved in a table of our own.
    async fn tabled(
        &self,
        folder: &str,
        about: &ModelJson,
        layout: &'static TableLayout,
        mut files: Files,
    ) -> Result<Fitted, ModelError> {
        let name = tables::path(layout);
        let file = files.remove(&name);
        let file = file.ok_or_else(|| self.torn(folder, &name))?;
        let table = blocking(move || Ok(tables::read(layout, file))).await?;
        let open = |table| {
            let rest = saved(about);
            about.algorithm.open(Saved { table, ..rest })
        };
        table
            .and_then(open)
            .map_err(|e| self.wrong(folder, DATA, e))
    }

    fn wrong(&self, folder: &str, part: &str, reason: String) -> ModelError {
        ModelError::Format {
            file: self.store.display(&format!("{folder}/{part}")),
            reason,
        }
    }

    /// The `model.json` of a model that Gugus wrote; none if there is no complete folder with the right checksums.
    ///
    /// # Errors
    /// [`ModelError::Format`] for a `model.json` of a newer version, and those of reading.
    pub async fn about(
        &self,
        model: &ModelName,
        extent: impl Into<Extent>,
    ) -> Result<Option<ModelJson>, ModelError> {
        self.about_folder(&Self::folder(model, &extent.into()))
            .await
    }

    pub(crate) async fn about_folder(&self, folder: &str) -> Result<Option<ModelJson>, ModelError> {
        match self.checked_files(folder).await {
            Ok((about, _)) => Ok(Some(about)),
            Err(ModelError::Torn { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// `model.json` of a folder of ours, and the files that it names, whose checksums are right.
    async fn checked_files(&self, folder: &str) -> Result<(ModelJson, Files), ModelError> {
        let about = self.model_json(folder).await?;
        let mut files = Files::new();
        for (file, checksum) in &about.checksums {
            let bytes = self.checked(folder, file, checksum).await?;
            files.insert(file.clone(), bytes);
        }
        Ok((about, files))
    }

    /// The stamp of a model; none if there is no such model. No file is opened.
    ///
    /// # Errors
    /// Those of looking.
    pub async fn stamp(
        &self,
        model: &str,
        extent: impl Into<Extent>,
    ) -> Result<Option<Stamp>, ModelError> {
        match self.find(model, &extent.into()).await {
            Ok(found) => Ok(Some(Stamp(found.stamp))),
            Err(ModelError::NotFound { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn model_json(&self, folder: &str) -> Result<ModelJson, ModelError> {
        let mark = self.file(folder, SUCCESS).await?;
        let bytes = self.file(folder, MODEL_JSON).await?;
        // Earlier versions left the mark empty.
        if !mark.is_empty() && mark != sha256_hex(&bytes) {
            return Err(self.torn(folder, MODEL_JSON));
        }
        let wrong = |reason| self.wrong(folder, MODEL_JSON, reason);
        // A file that was cut off is no JSON at all. JSON with other content is no accident of a crash.
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|_| self.torn(folder, MODEL_JSON))?;
        if let Some(version) = value["version"]
            .as_u64()
            .filter(|version| *version > u64::from(MODEL_VERSION))
        {
            return Err(wrong(format!(
                "its version {version} is newer than this gugus reads; upgrade gugus"
            )));
        }
        serde_json::from_value(value)
            .map_err(|e| wrong(format!("it is not what gugus writes: {e}")))
    }

    /// Reads a file of a folder of ours and checks its checksum.
    async fn checked(&self, folder: &str, file: &str, checksum: &str) -> Result<Bytes, ModelError> {
        // The name is text from a file, so it must not lead out of the folder.
        if file
            .split('/')
            .any(|part| part.is_empty() || part == "." || part == "..")
        {
            return Err(self.torn(folder, MODEL_JSON));
        }
        let bytes = self.file(folder, file).await?;
        if sha256_hex(&bytes) == checksum {
            Ok(bytes)
        } else {
            Err(self.torn(folder, file))
        }
    }

    /// A file that a complete folder of ours has.
    async fn file(&self, folder: &str, file: &str) -> Result<Bytes, ModelError> {
        match self.store.get(&format!("{folder}/{file}")).await {
            Err(StoreError::NotFound { .. }) => Err(self.torn(folder, file)),
            got => Ok(got?),
        }
    }

    /// Reads the metadata and data of a folder that Spark wrote: the files that Spark would read.
    async fn sparks_files(&self, folder: &str) -> Result<Files, ModelError> {
        let mut files = Files::new();
        for part in [METADATA, DATA] {
            for entry in self.entries(folder, part, Sizes::Skip).await? {
                if is_visible(&entry.name) {
                    let file = format!("{part}/{}", entry.name);
                    let bytes = self.store.get(&format!("{folder}/{file}")).await?;
                    // Spark writes an empty file for a part without rows, and skips such files.
                    if !bytes.is_empty() {
                        files.insert(file, bytes);
                    }
                }
            }
        }
        Ok(files)
    }

    fn torn(&self, folder: &str, file: &str) -> ModelError {
        ModelError::Torn {
            folder: self.store.display(folder),
            file: file.to_owned(),
        }
    }
}

/// What `model.json` says of the model itself.
fn saved(about: &ModelJson) -> Saved {
    Saved {
        dimensions: about.features.len(),
        clusters: about.summary.sizes.len(),
        counts: about.counts.clone(),
        ..Saved::default()
    }
}
