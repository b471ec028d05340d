//! Writing a model folder, so that readers see the old one or the new one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use gugus_clusters::Fitted;
use gugus_files::{StoreError, blocking, sha256_hex, sweep, temporary_beside};
use gugus_kmeans::Params;
use gugus_spec::{Algorithm, ModelName};
use parquet::errors::ParquetError;
use rustix::fs::{CWD, RenameFlags, renameat_with};

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
        let folder = Self::folder(&draft.model, &draft.extent);
        match self.store.local_root() {
            Some(root) => {
                let path = root.join(&folder);
                self.write_local(draft, existing, &folder, path).await
            }
            None => {
                self.refuse_existing(existing, &folder).await?;
                let (about, files) = encode(draft)?;
                self.write_objects(&folder, files).await?;
                Ok(about)
            }
        }
    }

    /// [`ModelError::Exists`] where a complete model is to stay.
    async fn refuse_existing(&self, existing: Existing, folder: &str) -> Result<(), ModelError> {
        if existing == Existing::Keep && self.about_folder(folder).await?.is_some() {
            return Err(ModelError::Exists {
                folder: self.store.display(folder),
            });
        }
        Ok(())
    }

    async fn write_local(
        &self,
        draft: &ModelDraft,
        existing: Existing,
        folder: &str,
        path: PathBuf,
    ) -> Result<ModelJson, ModelError> {
        let (about, files) = encode(draft)?;
        let files = Arc::new(files);
        if self.first_write(&draft.model)
            && let Some(parent) = path.parent().map(Path::to_owned)
        {
            blocking(move || Ok(sweep(&parent))).await?;
        }
        let write = |onto: Onto| {
            let (path, files) = (path.clone(), Arc::clone(&files));
            blocking(move || write_folder(&path, &files, onto))
        };
        let onto = match existing {
            // Mostly nothing is there, which the call that writes finds out, too.
            Existing::Keep => Onto::Nothing,
            Existing::Replace => Onto::Anything,
        };
        if write(onto).await? == Placed::InTheWay {
            self.refuse_existing(existing, folder).await?;
            write(Onto::Anything).await?;
        }
        Ok(about)
    }

    /// Whether this is the first model of that name that we write.
    fn first_write(&self, model: &ModelName) -> bool {
        let mut swept = self
            .swept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        swept.insert(model.clone())
    }

    /// An object store has no names to exchange. So the mark goes first, and the folder counts as not there
    /// until the mark is back.
    async fn write_objects(&self, folder: &str, files: Files) -> Result<(), StoreError> {
        let mark = format!("{folder}/{SUCCESS}");
        let old = self.store.objects_under(folder).await?;
        // Mostly nothing is there, and a request takes as long as everything else that we do for a model.
        if old.contains(&mark) {
            self.store.delete(&mark).await?;
        }
        let mut files = files
            .into_iter()
            .map(|(file, bytes)| (format!("{folder}/{file}"), bytes));
        let mut written = BTreeSet::new();
        if let Some((path, bytes)) = files.next() {
            self.store.put(&path, bytes).await?;
            written.insert(path);
        }
        let put = async |(path, bytes): (String, Bytes)| {
            self.store.put(&path, bytes).await?;
            Ok::<_, StoreError>(path)
        };
        written.extend(futures::future::try_join_all(files.map(put)).await?);
        // Spark reads every file under data/, so an old one would be a second set of centers.
        for path in old.difference(&written).filter(|path| **path != mark) {
            self.store.delete(path).await?;
        }
        self.store.put_mark(&mark).await
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
    let centers = match &draft.fitted {
        Fitted::Centers(model) => &model.centers,
        Fitted::MiniBatch(model) => &model.centers,
        Fitted::HotSpots(model) => {
            let points = tables::core_points(&model.core_points)?;
            return Ok((vec![(tables::CORE_POINTS.to_owned(), points)], &[]));
        }
        Fitted::Mixture(model) => {
            let gaussians = tables::gaussians(&model.gaussians)?;
            return Ok((vec![(tables::GAUSSIANS.to_owned(), gaussians)], &[]));
        }
    };
    let now = chrono::Utc::now().timestamp_millis();
    let weight_col = draft.weight_col.as_deref();
    let line = match &draft.algorithm {
        Algorithm::KMeans(params) => spark::line(params, weight_col, uid, now),
        // What Spark has in common with it. Another value, such as our k-means++, it would refuse to load.
        other => {
            let mut params = Params::default();
            params.k = other.k().unwrap_or(centers.len());
            params.seed = other.seed().unwrap_or(params.seed);
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

fn made(path: &Path, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => StoreError::NotAFolder {
            path: path.display().to_string(),
        },
        _ => StoreError::io("making", path, error),
    }
}

/// What a folder may be put in the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Onto {
    /// Nothing at all.
    Nothing,
    /// Whatever is there.
    Anything,
}

/// What became of a folder that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placed {
    /// It is there.
    Written,
    /// Something was there, and was to stay: nothing was done.
    InTheWay,
}

/// What bears the temporary name in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Nothing,
    /// The folder that was replaced.
    Old,
    /// The folder that was to be put in place, and was not: something is there that stays.
    New,
}

/// Builds the folder under a temporary name, then gives it its own. Not synced: a model can be trained again, its
/// checksums show what a crash tore, and ten thousand models are written in a run, a quarter of whose processor time goes
/// into the calls below.
fn write_folder(path: &Path, files: &Files, onto: Onto) -> Result<Placed, StoreError> {
    if onto == Onto::Nothing && fs::symlink_metadata(path).is_ok() {
        return Ok(Placed::InTheWay);
    }
    let temporary = temporary_beside(path);
    let write = || {
        make_beside(&temporary)?;
        let folders = files.iter().filter_map(|(file, _)| file.split_once('/'));
        for folder in folders.map(|(folder, _)| folder).collect::<BTreeSet<_>>() {
            let folder = temporary.join(folder);
            fs::create_dir(&folder).map_err(|e| made(&folder, e))?;
        }
        let mark = (SUCCESS.to_owned(), Bytes::new());
        for (file, bytes) in files.iter().chain([&mark]) {
            let file = temporary.join(file);
            fs::write(&file, bytes).map_err(|e| StoreError::io("writing", &file, e))?;
        }
        put_in_place(&temporary, path, onto).map_err(|e| made(path, e))
    };
    let result = write();
    if !matches!(result, Ok(Left::Nothing))
        && let Err(e) = fs::remove_dir_all(&temporary)
        && e.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %temporary.display(), error = %e, "a model folder that is not wanted any more could not be removed");
    }
    result.map(|left| match left {
        Left::Nothing | Left::Old => Placed::Written,
        Left::New => Placed::InTheWay,
    })
}

/// Makes a folder, and those above it where they are missing.
fn make_beside(temporary: &Path) -> Result<(), StoreError> {
    match (fs::create_dir(temporary), temporary.parent()) {
        (Err(e), Some(parent))
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            fs::create_dir_all(parent).map_err(|e| made(parent, e))?;
            fs::create_dir(temporary)
        }
        (done, _) => done,
    }
    .map_err(|e| made(temporary, e))
}

/// Renames; where a folder stands in the way that may be replaced, exchanges names with it.
fn put_in_place(temporary: &Path, path: &Path, onto: Onto) -> io::Result<Left> {
    // Renaming a folder onto another succeeds only when that one is empty, and then nothing is lost.
    match fs::rename(temporary, path).map(|()| Left::Nothing) {
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
            ) => {}
        done => return done,
    }
    if onto == Onto::Nothing {
        return Ok(Left::New);
    }
    match renameat_with(CWD, temporary, CWD, path, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(Left::Old),
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::INVAL | rustix::io::Errno::OPNOTSUPP) => {
            replace_without_exchange(temporary, path).map(|()| Left::Nothing)
        }
        Err(e) => Err(e.into()),
    }
}

/// For file systems that cannot exchange names: for a moment the model is not there, but never half there.
fn replace_without_exchange(temporary: &Path, path: &Path) -> io::Result<()> {
    match fs::remove_file(path.join(SUCCESS)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let old = temporary_beside(path);
    fs::rename(path, &old)?;
    fs::rename(temporary, path)?;
    fs::remove_dir_all(&old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_without_exchange_ends_with_the_new_folder_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("m"), dir.path().join(".new"));
        for (folder, text) in [(&old, "old"), (&new, "new")] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join(SUCCESS), "").unwrap();
            fs::write(folder.join("f"), text).unwrap();
        }
        replace_without_exchange(&new, &old).unwrap();
        assert_eq!(fs::read_to_string(old.join("f")).unwrap(), "new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_in_the_way_is_exchanged() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("m"), dir.path().join(".new"));
        for (folder, text) in [(&old, "old"), (&new, "new")] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("f"), text).unwrap();
        }
        assert_eq!(put_in_place(&new, &old, Onto::Nothing).unwrap(), Left::New);
        assert_eq!(fs::read_to_string(old.join("f")).unwrap(), "old");
        assert_eq!(put_in_place(&new, &old, Onto::Anything).unwrap(), Left::Old);
        assert_eq!(fs::read_to_string(old.join("f")).unwrap(), "new");
        assert_eq!(fs::read_to_string(new.join("f")).unwrap(), "old");
    }

    #[test]
    fn what_is_to_stay_is_not_even_written_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m");
        let files = vec![("f".to_owned(), Bytes::from_static(b"new"))];
        let write = |onto| write_folder(&path, &files, onto).unwrap();
        assert_eq!(write(Onto::Nothing), Placed::Written);
        fs::write(path.join("f"), "old").unwrap();
        assert_eq!(write(Onto::Nothing), Placed::InTheWay);
        assert_eq!(fs::read_to_string(path.join("f")).unwrap(), "old");
        assert_eq!(write(Onto::Anything), Placed::Written);
        assert_eq!(fs::read_to_string(path.join("f")).unwrap(), "new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
