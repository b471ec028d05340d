//! Reading, listing and creating files of a [`Store`], alike for folders and object stores.
//!
//! Local reads go to the file system directly rather than through `object_store`, for the sake of errors that
//! can be told apart; local creations go through [`crate::local`], which syncs.

use std::{collections::BTreeSet, io, path::Path, time::SystemTime};

use bytes::Bytes;
use object_store::{
    Attribute, Attributes, Error, GetOptions, GetRange, ObjectStoreExt, PutMode, PutOptions,
    PutPayload,
};

use crate::{
    Store, StoreError, local,
    s3::{Kind, Trouble},
};

/// What [`Store::put_mark`] keeps beside an object, as `x-amz-meta-stamp` on S3.
const STAMP: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("stamp"));

/// A file in a folder.
pub struct Entry {
    /// Its name in the folder.
    pub name: String,
    /// What the listing tells of it.
    pub about: About,
}

/// What a listing tells of a file beside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Bytes.
    pub size: u64,
    /// When it was written. A batch is written once, so that is when it was created.
    pub modified: SystemTime,
}

impl About {
    /// Of a file that nobody asked about.
    pub const UNASKED: Self = Self {
        size: 0,
        modified: SystemTime::UNIX_EPOCH,
    };

    fn of_object(meta: &object_store::ObjectMeta) -> Self {
        Self {
            size: meta.size,
            modified: meta.last_modified.into(),
        }
    }

    fn of_file(found: &std::fs::Metadata) -> Self {
        Self {
            size: found.len(),
            // Every system that we build for knows it; where one does not, nothing is ever too old.
            modified: found.modified().unwrap_or_else(|_| SystemTime::now()),
        }
    }
}

/// Whether a listing needs the files' sizes and ages, which cost a local one a system call each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// They are not asked for.
    Skip,
    /// They are.
    Read,
}

/// What stands directly in a folder.
#[derive(Default)]
pub struct Listed {
    /// Its files.
    pub files: Vec<Entry>,
    /// The names of its folders.
    pub folders: Vec<String>,
}

/// The end of a file.
pub struct Tail {
    /// The last bytes.
    pub bytes: Bytes,
    /// Size of the whole file.
    pub size: u64,
}

/// How a creation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The file is there now, and durable.
    New,
    /// A file of that name was there before; maybe from our own first try.
    Exists,
}

/// Runs file I/O where it may block.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(StoreError::join)?
}

impl Store {
    /// What stands in a folder; `None` when a local folder is not there. An object store has no folders, so there
    /// one that is not there is empty.
    pub async fn list(&self, folder: &str, sizes: Sizes) -> Result<Option<Listed>, StoreError> {
        if let Some(root) = &self.local_root() {
            let path = root.join(folder);
            return blocking(move || list_local(&path, sizes)).await;
        }
        let prefix = self.object_path(folder);
        let listed = self.object_store().list_with_delimiter(Some(&prefix)).await;
        let listed = listed.map_err(|e| StoreError::object("listing", self.display(folder), e))?;
        let name = |path: &object_store::path::Path| path.filename().map(str::to_owned);
        Ok(Some(Listed {
            files: listed
                .objects
                .iter()
                .filter_map(|o| {
                    Some(Entry {
                        name: name(&o.location)?,
                        about: About::of_object(o),
                    })
                })
                .collect(),
            folders: listed.common_prefixes.iter().filter_map(name).collect(),
        }))
    }

    /// A whole file.
    pub async fn get(&self, file: &str) -> Result<Bytes, StoreError> {
        if let Some(root) = self.local_root() {
            let path = root.join(file);
            return blocking(move || {
                std::fs::read(&path)
                    .map(Bytes::from)
                    .map_err(|e| StoreError::io("reading", &path, e))
            })
            .await;
        }
        let wrong = |e| StoreError::object("reading", self.display(file), e);
        let got = self
            .object_store()
            .get(&self.object_path(file))
            .await
            .map_err(wrong)?;
        got.bytes().await.map_err(wrong)
    }

    /// The last `length` bytes of a file, or all of it when it is shorter, in one request.
    pub async fn tail(&self, file: &str, length: u64) -> Result<Tail, StoreError> {
        if let Some(root) = self.local_root() {
            let path = root.join(file);
            return blocking(move || {
                local::tail(&path, length).map_err(|e| StoreError::io("reading", &path, e))
            })
            .await;
        }
        let wrong = |e| StoreError::object("reading the end of", self.display(file), e);
        let options = GetOptions {
            range: Some(GetRange::Suffix(length)),
            ..GetOptions::default()
        };
        let got = self
            .object_store()
            .get_opts(&self.object_path(file), options)
            .await;
        let got = match got {
            // The last bytes of an object that has none: S3 refuses, others send all of it.
            Err(e) if Trouble::of(&e).is_some_and(|it| it.kind == Kind::NoSuchRange) => {
                return match self.head(file).await? {
                    Some((About { size: 0, .. }, _)) => Ok(Tail {
                        bytes: Bytes::new(),
                        size: 0,
                    }),
                    _ => Err(wrong(e)),
                };
            }
            got => got.map_err(wrong)?,
        };
        let size = got.meta.size;
        Ok(Tail {
            bytes: got.bytes().await.map_err(wrong)?,
            size,
        })
    }

    /// What can be told of a file without reading it, and a text that changes whenever the file is written again;
    /// `None` when it is not there.
    pub async fn head(&self, file: &str) -> Result<Option<(About, String)>, StoreError> {
        if let Some(root) = self.local_root() {
            let path = root.join(file);
            return blocking(move || match std::fs::metadata(&path) {
                Ok(found) => Ok(Some((About::of_file(&found), local::stamp(&found)))),
                Err(e) if absent(&e) => Ok(None),
                Err(e) => Err(StoreError::io("looking for", &path, e)),
            })
            .await;
        }
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let path = self.object_path(file);
        match self.object_store().get_opts(&path, options).await {
            Ok(got) => {
                let stamp = got.attributes.get(&STAMP).map_or("", AsRef::as_ref);
                let changed = got.meta.last_modified.timestamp_micros();
                let tag = got.meta.e_tag.as_deref().unwrap_or_default();
                Ok(Some((
                    About::of_object(&got.meta),
                    format!("{tag}-{changed}-{stamp}"),
                )))
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(StoreError::object("looking for", self.display(file), e)),
        }
    }

    /// Whether a file is there.
    pub async fn exists(&self, file: &str) -> Result<bool, StoreError> {
        Ok(self.head(file).await?.is_some())
    }

    /// Creates a file that must not be there yet, at once and durably.
    ///
    /// After an error it may be there nevertheless.
    pub async fn create(&self, file: &str, bytes: Bytes) -> Result<Created, StoreError> {
        if let Some(root) = self.local_root() {
            let path = root.join(file);
            return blocking(move || local::create(&path, &bytes)).await;
        }
        let options = PutOptions {
            mode: PutMode::Create,
            ..PutOptions::default()
        };
        let put = self
            .object_store()
            .put_opts(
                &self.object_path(file),
                PutPayload::from_bytes(bytes),
                options,
            )
            .await;
        match put {
            Ok(_) => Ok(Created::New),
            // Some stores answer the lost race of two creations with a failed precondition.
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(Created::Exists),
            Err(e) => Err(StoreError::object("creating", self.display(file), e)),
        }
    }

    /// Looks, once, whether the store refuses a second creation of one name, where that is not known.
    ///
    /// It cannot show that of two creations at the same time one is refused; a store that looks at the condition at
    /// all is trusted to do that.
    pub async fn probe_creation(&self) -> Result<(), StoreError> {
        if !self.is_unproven() {
            return Ok(());
        }
        let file = format!(
            ".probe.{}{}",
            uuid::Uuid::new_v4().simple(),
            local::TEMPORARY
        );
        let create = || self.create(&file, Bytes::from_static(b"probe"));
        let lets_through = |source| StoreError::CreateOnly {
            folder: self.to_string(),
            source,
        };
        // That the first one says "exists" is fine: its answer was lost, and the client asked again.
        let created = match create().await {
            Ok(_) => create().await,
            failed => failed,
        };
        let probed = match created {
            Ok(Created::Exists) => Ok(()),
            Ok(Created::New) => Err(lets_through(None)),
            Err(e) if e.is_not_implemented() => Err(lets_through(Some(Box::new(e)))),
            Err(e) => Err(e),
        };
        if let Err(e) = self.delete(&file).await
            && probed.is_ok()
        {
            tracing::warn!(file = %self.display(&file), error = %e, "a file that was there for a test could not be removed");
        }
        probed?;
        self.set_proven();
        Ok(())
    }

    /// Makes durable what was created in a folder, where that is in doubt.
    pub async fn settle(&self, folder: &str) -> Result<(), StoreError> {
        let Some(root) = self.local_root() else {
            return Ok(());
        };
        let path = root.join(folder);
        blocking(move || local::sync_folder(&path)).await
    }

    /// Writes an object, over what stands there. Object stores only: local files are written in folders of their own.
    pub async fn put(&self, file: &str, bytes: Bytes) -> Result<(), StoreError> {
        let put = self
            .object_store()
            .put(&self.object_path(file), PutPayload::from_bytes(bytes))
            .await;
        put.map(drop)
            .map_err(|e| StoreError::object("writing", self.display(file), e))
    }

    /// Writes an empty object that says that something is done. Empty objects are all alike, and buckets tell times in
    /// seconds; so each is written with a stamp of its own, by which [`Store::head`] tells a new one from an old one.
    pub async fn put_mark(&self, file: &str) -> Result<(), StoreError> {
        let stamp = uuid::Uuid::new_v4().simple().to_string();
        let options = PutOptions {
            attributes: Attributes::from_iter([(STAMP, stamp)]),
            ..PutOptions::default()
        };
        let put = self
            .object_store()
            .put_opts(&self.object_path(file), PutPayload::new(), options)
            .await;
        put.map(drop)
            .map_err(|e| StoreError::object("writing", self.display(file), e))
    }

    /// Takes a file away; it is no error when it is not there.
    pub async fn delete(&self, file: &str) -> Result<(), StoreError> {
        if let Some(root) = self.local_root() {
            let path = root.join(file);
            return blocking(move || match std::fs::remove_file(&path) {
                Err(e) if !absent(&e) => Err(StoreError::io("removing", &path, e)),
                _ => Ok(()),
            })
            .await;
        }
        match self.object_store().delete(&self.object_path(file)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(StoreError::object("removing", self.display(file), e)),
        }
    }

    /// The paths of all objects under a folder, relative to the store. Object stores only.
    pub async fn objects_under(&self, folder: &str) -> Result<BTreeSet<String>, StoreError> {
        use futures::TryStreamExt;
        let root = self.object_path("");
        let prefix = self.object_path(folder);
        let objects: Vec<_> = self
            .object_store()
            .list(Some(&prefix))
            .try_collect()
            .await
            .map_err(|e| StoreError::object("listing", self.display(folder), e))?;
        let relative = |path: &object_store::path::Path| {
            let parts: Vec<_> = path
                .prefix_match(&root)?
                .map(|p| p.as_ref().to_owned())
                .collect();
            Some(parts.join("/"))
        };
        Ok(objects
            .iter()
            .filter_map(|o| relative(&o.location))
            .collect())
    }
}

/// No such file, or a file where one of its folders should be.
fn absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// What stands in a folder of this machine.
pub fn list_local(folder: &Path, sizes: Sizes) -> Result<Option<Listed>, StoreError> {
    let wrong = |e| StoreError::io("listing", folder, e);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(wrong(e)),
    };
    let mut listed = Listed::default();
    for entry in entries {
        let entry = entry.map_err(wrong)?;
        // A name that is not UTF-8 is none of ours.
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let mut kind = entry.file_type().map_err(wrong)?;
        if kind.is_symlink() {
            // A link counts as what it points at; one that points nowhere as nothing.
            let Ok(target) = std::fs::metadata(entry.path()) else {
                continue;
            };
            kind = target.file_type();
        }
        if kind.is_dir() {
            listed.folders.push(name);
            continue;
        }
        let about = match sizes {
            Sizes::Skip => About::UNASKED,
            Sizes::Read => match std::fs::metadata(entry.path()) {
                Ok(found) => About::of_file(&found),
                // Pruned since the folder was opened.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(StoreError::io("looking for", &entry.path(), e)),
            },
        };
        listed.files.push(Entry { name, about });
    }
    Ok(Some(listed))
}
