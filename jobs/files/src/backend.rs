//! The trait of a place for files. The batch log and the model folders use this trait only.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;

use crate::StoreError;

/// Names of temporary files and folders begin with a dot and end like this, so that no reader takes them for data.
pub(crate) const TEMPORARY: &str = ".tmp";

/// One kind of place for files, with one folder in it open. Names are relative to that folder, with `/` between parts.
///
/// A new kind of place is one file that implements this trait, and one line in [`Stores::open`](crate::Stores::open).
/// The suite in `conformance` says what each method has to do, and runs on every kind.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Makes ready to write: the folder is there afterwards, and [`Backend::create`] is seen to refuse a second creation
    /// of one name, where that is in doubt.
    ///
    /// The probe cannot show that a place checks the condition atomically. A place that checks the condition at all is
    /// trusted to do so.
    ///
    /// # Errors
    /// [`StoreError::HardLinks`] and [`StoreError::CreateOnly`] where creations are not safe.
    async fn prepare(&self) -> Result<(), StoreError>;

    /// The files and folders directly in a folder; `None` if a folder on this machine does not exist. Buckets have no
    /// folders, so a missing folder in a bucket is empty.
    async fn list(&self, folder: &str, sizes: Sizes) -> Result<Option<Listed>, StoreError>;

    /// The folders and files below a folder, at least; all of them for the empty text. Looking through them may block.
    async fn tree(&self, below: &str) -> Result<Box<dyn Tree>, StoreError>;

    /// A whole file.
    async fn get(&self, file: &str) -> Result<Bytes, StoreError>;

    /// The last `length` bytes of a file, or all of it when it is shorter, in one request.
    async fn tail(&self, file: &str, length: u64) -> Result<Tail, StoreError>;

    /// The facts about a file that are known without reading it; `None` if the file is missing.
    async fn head(&self, file: &str) -> Result<Option<Head>, StoreError>;

    /// Whether a file is there.
    async fn exists(&self, file: &str) -> Result<bool, StoreError> {
        Ok(self.head(file).await?.is_some())
    }

    /// Creates a file that must not be there yet, at once and durably, with the folders above it.
    ///
    /// After an error the file may be there nevertheless.
    async fn create(&self, file: &str, bytes: Bytes) -> Result<Created, StoreError>;

    /// Replaces the content of a file, at once and durably, if the file holds `old`. `None` means that the file must not
    /// be there. Readers find the old content or the new one.
    ///
    /// After an error the new content may be there nevertheless. A place that checks the condition at all is trusted to do
    /// so atomically.
    async fn swap(&self, file: &str, old: Option<Bytes>, new: Bytes)
    -> Result<Swapped, StoreError>;

    /// Removes a file. A missing file is no error.
    async fn delete(&self, file: &str) -> Result<(), StoreError>;

    /// Makes creations and deletions in a folder durable, where that is in doubt.
    async fn sync(&self, folder: &str) -> Result<(), StoreError>;

    /// Removes unfinished files that writers left in a folder when they were killed long ago.
    async fn sweep(&self, folder: &str) -> Result<(), StoreError>;

    /// Puts a whole folder of files in place, so that a reader finds the old folder, the new one, or one without its
    /// mark, which counts as not there. Not synced.
    async fn put_folder(
        &self,
        folder: &str,
        content: Arc<FolderContent>,
        onto: Onto,
    ) -> Result<Placed, StoreError>;

    /// Removes a folder with all its files, so that a reader finds the folder, or one without its mark, which counts as not
    /// there. A missing folder is no error. Not synced.
    async fn remove_folder(&self, folder: &str, mark: &'static str) -> Result<(), StoreError>;

    /// Notices of changes from now on; `None` where nobody sends any, so that the place has to be looked at now and then.
    fn notices(&self) -> Option<Box<dyn Notices>> {
        None
    }
}

/// Notices of changes in a place.
#[async_trait]
pub trait Notices: Send + Sync {
    /// Returns when something may have changed since the last call. If the future is dropped, no change gets lost.
    async fn next(&mut self);

    /// Makes sure that notices still come, after the place itself was removed or made.
    fn renew(&mut self);

    /// Whether every folder is watched whose changes are to be told.
    fn tells_all(&self) -> bool;

    /// What changed since this was called last.
    fn changes(&mut self) -> Changes;
}

/// What changed in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Nobody tells, or nobody can tell any more.
    Anything,
    /// These names directly in the place, or in one of its folders: `model`, `model/batch_00000001`.
    Names(BTreeSet<String>),
}

/// The content of a store, either at the call of [`Backend::tree`] or now, whichever is cheaper.
pub trait Tree: Send + Sync {
    /// The names of the folders in a folder; none if the folder does not exist.
    ///
    /// # Errors
    /// Those of listing.
    fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError>;

    /// The names of the files in a folder; none if the folder does not exist.
    ///
    /// # Errors
    /// Those of listing.
    fn files(&self, folder: &str) -> Result<Vec<String>, StoreError>;

    /// Whether a file is there.
    fn has(&self, file: &str) -> bool;

    /// Differs as soon as a name in a folder has come or gone; none where nobody can tell, or not yet.
    fn names_stamp(&self, _folder: &str) -> Option<NamesStamp> {
        None
    }
}

/// Which folder it is, and when its names changed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamesStamp {
    pub(crate) inode: u64,
    pub(crate) changed: Duration,
}

/// A file in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the folder.
    pub name: String,
    /// The facts that the listing tells.
    pub about: About,
}

/// The facts that a listing tells about a file, apart from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Bytes.
    pub size: u64,
    /// When it was written. A batch is written once, so that is when it was created.
    pub modified: SystemTime,
}

impl About {
    /// The facts of a file whose size and age were not asked for.
    pub const UNASKED: Self = Self {
        size: 0,
        modified: SystemTime::UNIX_EPOCH,
    };
}

/// The facts about a file that are known without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Size and time.
    pub about: About,
    /// A text that changes whenever the file is written again.
    pub stamp: String,
}

/// Whether a listing needs the files' sizes and ages, which cost a system call for each file on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// They are not asked for.
    Skip,
    /// They are.
    Read,
}

/// The files and folders directly in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its files.
    pub files: Vec<Entry>,
    /// The names of its folders.
    pub folders: Vec<String>,
}

/// The end of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// How the replacement of a file's content went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swapped {
    /// The file holds the new content now.
    Done,
    /// The file held something else before; maybe our own content from a first try.
    Changed,
}

/// The files of a folder that [`Backend::put_folder`] writes.
#[derive(Clone, Debug)]
pub struct FolderContent {
    /// Names in the folder, at most one folder deep, and bytes. The first file is written first.
    pub files: Vec<(String, Bytes)>,
    /// The name of the file that is written last, and removed first.
    pub mark: &'static str,
    /// The content of that file, which may be empty.
    pub mark_content: Bytes,
}

/// Which content a new folder may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onto {
    /// Nothing at all.
    Nothing,
    /// Anything.
    Anything,
}

/// The result of writing a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It is there.
    Written,
    /// Something was there, and was to stay: nothing was done.
    InTheWay,
}
