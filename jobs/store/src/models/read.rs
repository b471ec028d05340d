//! Reading a saved model, and as much of it as a question needs.

use bytes::Bytes;
use gugus_kmeans::DistanceMeasure;
use gugus_spec::ModelName;

use super::{
    MODEL_VERSION, ModelError, ModelJson, ModelStore, centers,
    place::{DATA, Found, Kind, METADATA, MODEL_JSON},
    spark,
};
use crate::{
    BatchNumber, StoreError,
    files::{Sizes, blocking},
    log::sha256_hex,
};

/// A model as it stands in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedModel {
    /// What `model.json` says; none for a folder that Spark wrote.
    pub about: Option<ModelJson>,
    /// One center a cluster, all of the same length.
    pub centers: Vec<Vec<f64>>,
    /// What "near" means to this model.
    pub distance_measure: DistanceMeasure,
    /// Clusters asked for; there may be fewer centers.
    pub k: usize,
    /// Spark's uid of the model.
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
        batch: Option<BatchNumber>,
    ) -> Result<SavedModel, ModelError> {
        let mut found = self.find(model, batch).await?;
        loop {
            match self.read_folder(&found).await {
                // A folder that is replaced while we read is torn for as long as that takes. It ends with a new stamp.
                Err(torn @ ModelError::Torn { .. }) => match self.find(model, batch).await {
                    Ok(again) if again.stamp != found.stamp => found = again,
                    _ => return Err(torn),
                },
                done => return done,
            }
        }
    }

    async fn read_folder(&self, found: &Found) -> Result<SavedModel, ModelError> {
        let (about, metadata, data) = match found.kind {
            Kind::Ours => {
                let about = self.model_json(&found.folder).await?;
                let mut metadata = None;
                let mut data = Vec::new();
                for (file, checksum) in &about.checksums {
                    let bytes = self.checked(&found.folder, file, checksum).await?;
                    if file.starts_with("metadata/part-") {
                        metadata = Some(bytes);
                    } else if file.starts_with("data/") && file.ends_with(".parquet") {
                        data.push(bytes);
                    }
                }
                let metadata = metadata.ok_or_else(|| self.torn(&found.folder, METADATA))?;
                (Some(about), metadata, data)
            }
            Kind::Sparks => {
                let metadata = self
                    .parts(&found.folder, METADATA, |name| name.starts_with("part-"))
                    .await?;
                let data = self
                    .parts(&found.folder, DATA, |name| name.ends_with(".parquet"))
                    .await?;
                let metadata = metadata.into_iter().next();
                (
                    None,
                    metadata.ok_or_else(|| self.torn(&found.folder, METADATA))?,
                    data,
                )
            }
        };
        let wrong = |part: &str, reason| ModelError::Format {
            file: self.store.display(&format!("{}/{part}", found.folder)),
            reason,
        };
        let spark::Metadata {
            uid,
            k,
            distance_measure,
        } = spark::parse(&metadata).map_err(|e| wrong(METADATA, e))?;
        let centers = blocking(move || Ok(centers::from_parquet(data)))
            .await?
            .map_err(|e| wrong(DATA, e))?;
        if let Some(about) = about
            .as_ref()
            .filter(|about| about.features.len() != centers[0].len())
        {
            let reason = format!(
                "its centers have {} dimensions for {} features",
                centers[0].len(),
                about.features.len()
            );
            return Err(wrong(DATA, reason));
        }
        let (folder, stamp) = (found.folder.clone(), Stamp(found.stamp.clone()));
        Ok(SavedModel {
            about,
            centers,
            distance_measure,
            k,
            uid,
            folder,
            stamp,
        })
    }

    /// What `model.json` says of a model that we wrote; none when there is no complete and whole folder of ours.
    ///
    /// # Errors
    /// [`ModelError::Format`] for a `model.json` of a newer version, and those of reading.
    pub async fn about(
        &self,
        model: &ModelName,
        batch: Option<BatchNumber>,
    ) -> Result<Option<ModelJson>, ModelError> {
        self.about_folder(&Self::folder(model, batch)).await
    }

    pub(super) async fn about_folder(&self, folder: &str) -> Result<Option<ModelJson>, ModelError> {
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
        batch: Option<BatchNumber>,
    ) -> Result<Option<Stamp>, ModelError> {
        match self.find(model, batch).await {
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
        let wrong = |reason| ModelError::Format {
            file: self.store.display(&file),
            reason,
        };
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

    /// The files of a folder that Spark wrote, by name.
    async fn parts(
        &self,
        folder: &str,
        part: &str,
        wanted: fn(&str) -> bool,
    ) -> Result<Vec<Bytes>, ModelError> {
        let inner = format!("{folder}/{part}");
        let listed = self
            .store
            .list(&inner, Sizes::Skip)
            .await?
            .unwrap_or_default();
        let mut names: Vec<_> = listed
            .files
            .into_iter()
            .map(|entry| entry.name)
            .filter(|name| wanted(name))
            .collect();
        names.sort();
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            found.push(self.store.get(&format!("{inner}/{name}")).await?);
        }
        Ok(found)
    }

    fn torn(&self, folder: &str, file: &str) -> ModelError {
        ModelError::Torn {
            folder: self.store.display(folder),
            file: file.to_owned(),
        }
    }
}
