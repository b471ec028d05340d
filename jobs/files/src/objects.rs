//! A folder in an object store: in memory, in a bucket, or in any store that speaks `object_store`'s trait.

mod errors;

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{
    Attribute, Attributes, Error, GetOptions, GetRange, ObjectMeta, ObjectStoreExt, PutMode,
    PutOptions, PutPayload, UpdateVersion, path::Path,
};

use self::errors::{error_of, is_no_such_range, is_not_implemented};
use crate::{
    StoreError,
    backend::{
        About, Backend, Created, Entry, FolderContent, Head, Listed, Onto, Placed, Sizes, Swapped,
        TEMPORARY, Tail, Tree,
    },
    place::Place,
};

/// The attribute that tells one mark from another: `x-amz-meta-stamp` on S3.
const STAMP: Attribute = Attribute::Metadata(Cow::Borrowed("stamp"));

/// Whether an object store is known to refuse a second creation of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Creations {
    /// It is safe by its code, which runs in this process.
    Safe,
    /// Some stores that speak S3's protocol overwrite. So the store is probed once, before anything is created.
    Unproven,
}

/// A folder in an object store.
pub(crate) struct Objects {
    place: Arc<Place>,
    unproven: AtomicBool,
}

impl Objects {
    pub(crate) fn new(place: Arc<Place>, creations: Creations) -> Self {
        Self {
            place,
            unproven: AtomicBool::new(creations == Creations::Unproven),
        }
    }

    fn failed(&self, action: &'static str, file: &str, error: Error) -> StoreError {
        error_of(action, self.place.display(file), error)
    }

    async fn put(
        &self,
        action: &'static str,
        file: &str,
        bytes: Bytes,
        options: PutOptions,
    ) -> Result<Created, StoreError> {
        let path = self.place.path(file);
        let conditional = options.mode != PutMode::Overwrite;
        let payload = PutPayload::from_bytes(bytes);
        match self.place.objects.put_opts(&path, payload, options).await {
            Ok(_) => Ok(Created::New),
            // Some stores answer a lost race of two creations with a failed precondition.
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) if conditional => {
                Ok(Created::Exists)
            }
            Err(e) => Err(self.failed(action, file, e)),
        }
    }

    async fn replace(&self, file: &str, bytes: Bytes) -> Result<(), StoreError> {
        let put = self.put("writing", file, bytes, PutOptions::default());
        put.await.map(drop)
    }

    /// Writes a mark. Marks of equal content are all alike, and buckets give times in seconds. So each mark has its own
    /// stamp, by which [`Backend::head`] tells a new mark from an old one.
    async fn put_mark(&self, file: &str, content: Bytes) -> Result<(), StoreError> {
        let stamp = uuid::Uuid::new_v4().simple().to_string();
        let options = PutOptions {
            attributes: Attributes::from_iter([(STAMP, stamp)]),
            ..PutOptions::default()
        };
        let put = self.put("writing", file, content, options);
        put.await.map(drop)
    }

    /// The names of all objects under a folder.
    async fn under(&self, folder: &str) -> Result<BTreeSet<String>, StoreError> {
        let prefix = self.place.path(folder);
        let listed = self.place.objects.list(Some(&prefix));
        let objects: Vec<ObjectMeta> = listed
            .try_collect()
            .await
            .map_err(|e| self.failed("listing", folder, e))?;
        let relative = |object: &ObjectMeta| {
            let parts = object.location.prefix_match(&self.place.prefix)?;
            let parts: Vec<_> = parts.map(|part| part.as_ref().to_owned()).collect();
            Some(parts.join("/"))
        };
        Ok(objects.iter().filter_map(relative).collect())
    }

    /// Creates a name twice. The first creation may answer "exists" if its first answer was lost and the client asked
    /// again.
    async fn create_twice(&self, file: &str) -> Result<(), StoreError> {
        let create = || self.create(file, Bytes::from_static(b"probe"));
        let lets_through = |source| StoreError::CreateOnly {
            folder: self.place.display(""),
            source,
        };
        let created = match create().await {
            Ok(_) => create().await,
            failed => failed,
        };
        match created {
            Ok(Created::Exists) => Ok(()),
            Ok(Created::New) => Err(lets_through(None)),
            Err(e) if is_not_implemented(&e) => Err(lets_through(Some(Box::new(e)))),
            Err(e) => Err(e),
        }
    }
}

#[async_trait]
impl Backend for Objects {
    async fn prepare(&self) -> Result<(), StoreError> {
        if !self.unproven.load(Ordering::Relaxed) {
            return Ok(());
        }
        let id = uuid::Uuid::new_v4().simple();
        let file = format!(".probe.{id}{TEMPORARY}");
        let probed = self.create_twice(&file).await;
        if let Err(e) = self.delete(&file).await
            && probed.is_ok()
        {
            tracing::warn!(file = %self.place.display(&file), error = %e, "a file that was there for a test could not be removed");
        }
        probed?;
        self.unproven.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn list(&self, folder: &str, _: Sizes) -> Result<Option<Listed>, StoreError> {
        let prefix = self.place.path(folder);
        let listed = self.place.objects.list_with_delimiter(Some(&prefix)).await;
        let listed = listed.map_err(|e| self.failed("listing", folder, e))?;
        let name = |path: &Path| path.filename().map(str::to_owned);
        let entry = |object: &ObjectMeta| {
            Some(Entry {
                name: name(&object.location)?,
                about: about(object),
            })
        };
        Ok(Some(Listed {
            files: listed.objects.iter().filter_map(entry).collect(),
            folders: listed.common_prefixes.iter().filter_map(name).collect(),
        }))
    }

    /// One listing of everything below: a request for each folder would take minutes.
    async fn tree(&self, below: &str) -> Result<Box<dyn Tree>, StoreError> {
        Ok(Box::new(Names(self.under(below).await?)))
    }

    async fn get(&self, file: &str) -> Result<Bytes, StoreError> {
        let wrong = |e| self.failed("reading", file, e);
        let got = self.place.objects.get(&self.place.path(file)).await;
        got.map_err(wrong)?.bytes().await.map_err(wrong)
    }

    async fn tail(&self, file: &str, length: u64) -> Result<Tail, StoreError> {
        let wrong = |e| self.failed("reading the end of", file, e);
        let options = GetOptions {
            range: Some(GetRange::Suffix(length)),
            ..GetOptions::default()
        };
        let path = self.place.path(file);
        let got = match self.place.objects.get_opts(&path, options).await {
            // For an empty object, S3 refuses the range. Other stores send the whole object.
            Err(e) if is_no_such_range(&e) => {
                return match self.head(file).await? {
                    Some(head) if head.about.size == 0 => Ok(Tail {
                        bytes: Bytes::new(),
                        size: 0,
                    }),
                    _ => Err(wrong(e)),
                };
            }
            got => got.map_err(wrong)?,
        };
        let size = got.meta.size;
        let bytes = got.bytes().await.map_err(wrong)?;
        Ok(Tail { bytes, size })
    }

    async fn head(&self, file: &str) -> Result<Option<Head>, StoreError> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let path = self.place.path(file);
        match self.place.objects.get_opts(&path, options).await {
            Ok(got) => {
                let stamp = got.attributes.get(&STAMP).map_or("", AsRef::as_ref);
                let changed = got.meta.last_modified.timestamp_micros();
                let tag = got.meta.e_tag.as_deref().unwrap_or_default();
                Ok(Some(Head {
                    about: about(&got.meta),
                    stamp: format!("{tag}-{changed}-{stamp}"),
                }))
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.failed("looking for", file, e)),
        }
    }

    async fn create(&self, file: &str, bytes: Bytes) -> Result<Created, StoreError> {
        let options = PutOptions {
            mode: PutMode::Create,
            ..PutOptions::default()
        };
        self.put("creating", file, bytes, options).await
    }

    async fn swap(
        &self,
        file: &str,
        old: Option<Bytes>,
        new: Bytes,
    ) -> Result<Swapped, StoreError> {
        let mut options = PutOptions::from(PutMode::Create);
        if let Some(old) = old {
            let wrong = |e| self.failed("reading", file, e);
            let there = match self.place.objects.get(&self.place.path(file)).await {
                Err(Error::NotFound { .. }) => return Ok(Swapped::Changed),
                there => there.map_err(wrong)?,
            };
            options.mode = PutMode::Update(UpdateVersion {
                e_tag: there.meta.e_tag.clone(),
                version: there.meta.version.clone(),
            });
            if there.bytes().await.map_err(wrong)? != old {
                return Ok(Swapped::Changed);
            }
        }
        match self.put("replacing", file, new, options).await? {
            Created::New => Ok(Swapped::Done),
            Created::Exists => Ok(Swapped::Changed),
        }
    }

    async fn delete(&self, file: &str) -> Result<(), StoreError> {
        match self.place.objects.delete(&self.place.path(file)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.failed("removing", file, e)),
        }
    }

    /// An object is durable when the store has answered.
    async fn sync(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    /// A request that is cut off leaves nothing.
    async fn sweep(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    /// An object store has no names to exchange. So the mark goes first, and the folder counts as not there until the
    /// mark is back.
    async fn put_folder(
        &self,
        folder: &str,
        content: Arc<FolderContent>,
        onto: Onto,
    ) -> Result<Placed, StoreError> {
        let mark = format!("{folder}/{}", content.mark);
        let old = self.under(folder).await?;
        if onto == Onto::Nothing && !old.is_empty() {
            return Ok(Placed::InTheWay);
        }
        // Mostly the folder is new, and one request takes as long as all other work for a folder.
        if old.contains(&mark) {
            self.delete(&mark).await?;
        }
        let mut files = content
            .files
            .iter()
            .map(|(file, bytes)| (format!("{folder}/{file}"), bytes.clone()));
        let mut written = BTreeSet::new();
        if let Some((file, bytes)) = files.next() {
            self.replace(&file, bytes).await?;
            written.insert(file);
        }
        let replace = async |(file, bytes): (String, Bytes)| {
            self.replace(&file, bytes).await?;
            Ok::<_, StoreError>(file)
        };
        written.extend(futures::future::try_join_all(files.map(replace)).await?);
        // Spark reads every file under data/, so an old one would be a second set of centers.
        for file in old.difference(&written).filter(|file| **file != mark) {
            self.delete(file).await?;
        }
        self.put_mark(&mark, content.mark_content.clone()).await?;
        Ok(Placed::Written)
    }

    /// The mark goes first. A writer may put the folder again meanwhile, so this ends only when nothing is left.
    async fn remove_folder(&self, folder: &str, mark: &'static str) -> Result<(), StoreError> {
        let mark = format!("{folder}/{mark}");
        loop {
            self.delete(&mark).await?;
            let files = self.under(folder).await?;
            if files.is_empty() {
                return Ok(());
            }
            let others = files.iter().filter(|file| **file != mark);
            futures::future::try_join_all(others.map(|file| self.delete(file))).await?;
        }
    }
}

/// The names of all objects.
struct Names(BTreeSet<String>);

impl Names {
    /// The names below a folder, relative to it.
    fn below(&self, folder: &str) -> impl Iterator<Item = &str> {
        let above = match folder {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        let below = self.0.range(above.clone()..);
        below.map_while(move |name| name.strip_prefix(&above))
    }
}

impl Tree for Names {
    fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut folders: Vec<String> = Vec::new();
        for (folder, _) in self.below(folder).filter_map(|name| name.split_once('/')) {
            if folders.last().is_none_or(|last| last != folder) {
                folders.push(folder.to_owned());
            }
        }
        Ok(folders)
    }

    fn files(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let files = self.below(folder).filter(|name| !name.contains('/'));
        Ok(files.map(str::to_owned).collect())
    }

    fn has(&self, file: &str) -> bool {
        self.0.contains(file)
    }
}

fn about(object: &ObjectMeta) -> About {
    About {
        size: object.size,
        modified: object.last_modified.into(),
    }
}
