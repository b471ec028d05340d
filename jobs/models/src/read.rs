//! Reading a saved model, and as much of it as a question needs.

use std::collections::BTreeMap;

use bytes::Bytes;
use gugus_clusters::{Centers, Fitted, Saved, TableLayout};
use gugus_files::{Sizes, StoreError, blocking, sha256_hex};
use gugus_spec::ModelName;

use crate::{
    Extent, MODEL_VERSION, ModelError, ModelJson, ModelStore, centers,
    place::{DATA, Found, Kind, METADATA, MODEL_JSON},
    spark, tables,
};

/// A model as it stands in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedModel {
    /// What `model.json` says; none for a folder that Spark wrote.
    pub about: Option<ModelJson>,
    /// What was fitted: all that predictions need.
    pub fitted: Fitted,
    /// Clusters asked for, of which there may be fewer.
    pub k: usize,
    /// The uid of the model, Spark's own where Spark wrote it.
    pub uid: String,
    /// Where it stands, relative to the store.
    pub folder: String,
    /// Changes when the model is trained again.
    pub stamp: Stamp,
}

/// A cheap identity of a saved model: it changes when the model is written again, and says nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stamp(String);

impl ModelStore {
    /// Reads a model: ours, or one that Spark wrote.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] for whatever is not there, unfinished, or no model's name; [`ModelError::Torn`] and
    /// [`ModelError::Format`] for what is there and cannot be used.
    pub async fn read(
        &self,
        model: &str,
        extent: impl Into<Extent>,
    ) -> Result<SavedModel, ModelError> {
        let extent = extent.into();
        let mut found = self.find(model, &extent).await?;
        loop {
            match self.read_folder(&found).await {
                // A folder that is replaced while we read is torn for as long as that takes. It ends with a new stamp.
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
                let about = self.model_json(&found.folder).await?;
                let mut files = BTreeMap::new();
                for (file, checksum) in &about.checksums {
                    let bytes = self.checked(&found.folder, file, checksum).await?;
                    files.insert(file.clone(), bytes);
                }
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

    /// A model as Spark has it: metadata and centers. The files are those of the folder by their names in it.
    async fn sparks(
        &self,
        folder: &str,
        about: Option<&ModelJson>,
        mut files: BTreeMap<String, Bytes>,
    ) -> Result<(Fitted, usize, String), ModelError> {
        let metadata = files
            .iter()
            .find(|(file, _)| file.starts_with("metadata/part-"));
        let (_, metadata) = metadata.ok_or_else(|| self.torn(folder, METADATA))?;
        let spark::Metadata {
            uid,
            k,
            distance_measure,
        } = spark::parse(metadata).map_err(|e| self.wrong(folder, METADATA, e))?;
        files.retain(|file, _| file.starts_with("data/") && file.ends_with(".parquet"));
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
        mut files: BTreeMap<String, Bytes>,
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

    /// What `model.json` says of a model that we wrote; none when there is no complete and whole folder of ours.
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
        match self.complete(folder).await? {
            Some(Found {
                kind: Kind::Ours, ..
            }) => {}
            _ => return Ok(None),
        }
        match self.checked_json(folder).await {
            Ok(about) => Ok(Some(about)),
            Err(ModelError::Torn { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn checked_json(&self, folder: &str) -> Result<ModelJson, ModelError> {
        let about = self.model_json(folder).await?;
        for (file, checksum) in &about.checksums {
            self.checked(folder, file, checksum).await?;
        }
        Ok(about)
    }

    /// A text that changes when a model is written again; none when the model is not there. No file is opened.
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
        let file = format!("{folder}/{MODEL_JSON}");
        let bytes = match self.store.get(&file).await {
            Err(StoreError::NotFound { .. }) => return Err(self.torn(folder, MODEL_JSON)),
            other => other?,
        };
        let wrong = |reason| self.wrong(folder, MODEL_JSON, reason);
        // A file that was cut off is no JSON at all; JSON with other content is no accident of a crash.
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

    /// A file of a folder of ours, with the right checksum.
    async fn checked(&self, folder: &str, file: &str, checksum: &str) -> Result<Bytes, ModelError> {
        // The list is text from a file: it must not lead out of the folder.
        if file
            .split('/')
            .any(|part| part.is_empty() || part == "." || part == "..")
        {
            return Err(self.torn(folder, MODEL_JSON));
        }
        match self.store.get(&format!("{folder}/{file}")).await {
            Ok(bytes) if sha256_hex(&bytes) == checksum => Ok(bytes),
            Ok(_) | Err(StoreError::NotFound { .. }) => Err(self.torn(folder, file)),
            Err(e) => Err(e.into()),
        }
    }

    /// The metadata and data of a folder that Spark wrote, by their names in it.
    async fn sparks_files(&self, folder: &str) -> Result<BTreeMap<String, Bytes>, ModelError> {
        let mut files = BTreeMap::new();
        for part in [METADATA, DATA] {
            let listed = self
                .store
                .list(&format!("{folder}/{part}"), Sizes::Skip)
                .await?;
            for entry in listed.unwrap_or_default().files {
                let file = format!("{part}/{}", entry.name);
                if file.starts_with("metadata/part-") || file.ends_with(".parquet") {
                    let bytes = self.store.get(&format!("{folder}/{file}")).await?;
                    files.insert(file, bytes);
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
