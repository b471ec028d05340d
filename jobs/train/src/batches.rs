//! The batches of a run, as they are when it begins. Batches that are committed later belong to the next run, or are taken
//! in by a run that follows the batches.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::ops::RangeBounds;
use std::sync::Arc;

use gugus_batches::{Arrivals, BatchFile, BatchLog, Footer, LogError, arrivals};
use gugus_features::{AllFile, WaveFile};
use gugus_files::Store;
use gugus_spec::{BatchNumber, CommitId, Model, OffsetRange};

use crate::error::Error;

/// How many footers are read before the whole of them is thrown away: a footer holds every column's name, and a folder
/// may have a million of them.
const FOOTERS_AT_ONCE: usize = 1_000;

/// How files that are not whole are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Torn {
    /// They are an error.
    Refused,
    /// The log ends before the first of them.
    End,
}

/// Batches of one job, by number. A part of them, [`Self::only`], costs little, because facts are shared.
#[derive(Clone, Debug)]
pub struct Batches {
    store: Store,
    /// Shared by clones: there may be a million.
    facts: Arc<BTreeMap<BatchNumber, Arc<BatchFacts>>>,
    /// The names of all columns of all batches; `None` where a footer does not say.
    columns: Option<BTreeSet<String>>,
}

/// What a batch's footer says that a model records.
#[derive(Clone, Debug)]
pub struct BatchFacts {
    /// The batch's file.
    pub file: WaveFile,
    /// Its commit.
    pub commit_id: CommitId,
    /// Its offsets, one range for each partition.
    pub ranges: Vec<OffsetRange>,
    /// How many rows it has.
    pub rows: u64,
    /// How many records were rejected when it was made.
    pub rejected: u64,
}

/// The data that a model was trained on, as the model records them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    /// The newest commit.
    pub commit_id: Option<CommitId>,
    /// The offsets, one range for each partition.
    pub offsets: Vec<OffsetRange>,
    /// How many records were rejected.
    pub rejected: u64,
}

impl BatchFacts {
    fn new(file: &BatchFile, footer: Footer) -> Arc<Self> {
        Arc::new(Self {
            file: WaveFile {
                batch: file.number.get(),
                path: file.path.to_string(),
                size: file.size,
            },
            rejected: footer.rejected_rows(),
            rows: footer.rows,
            commit_id: footer.commit_id,
            ranges: footer.ranges,
        })
    }
}

impl Batches {
    /// All batches that there are now.
    ///
    /// # Errors
    /// [`Error::Batches`], [`Error::NoBatches`], and [`Error::OtherJob`] where one is not of `job`.
    pub async fn freeze(store: &Store, job: &str) -> Result<Self, Error> {
        Self::read(store, job, Torn::Refused).await
    }

    /// The batches that there are now, up to the first whose file is not whole: somebody may be copying it into the folder.
    pub(crate) async fn freeze_whole(store: &Store, job: &str) -> Result<Self, Error> {
        Self::read(store, job, Torn::End).await
    }

    async fn read(store: &Store, job: &str, torn: Torn) -> Result<Self, Error> {
        let log = BatchLog::unread(store.clone());
        let files = log.batches().await.map_err(Error::Batches)?;
        let (mut facts, mut columns) = (BTreeMap::new(), Some(BTreeSet::new()));
        let mut before = Vec::new();
        for files in files.chunks(FOOTERS_AT_ONCE) {
            let numbers: Vec<BatchNumber> = files.iter().map(|file| file.number).collect();
            let footers = match torn {
                Torn::Refused => log.footers(&numbers).await,
                Torn::End => log.whole_footers(&numbers).await,
            };
            let footers = footers.map_err(Error::Batches)?;
            let whole = footers.len();
            for (file, footer) in files.iter().zip(footers) {
                see_job(store, &footer.job, job)?;
                if footer.schema.is_empty() {
                    columns = None;
                } else if footer.schema != before {
                    before.clone_from(&footer.schema);
                    let names = footer.schema.iter().map(|field| field.name.clone());
                    columns.iter_mut().for_each(|all| all.extend(names.clone()));
                }
                facts.insert(file.number, BatchFacts::new(file, footer));
            }
            if whole < numbers.len() {
                break;
            }
        }
        if facts.is_empty() {
            if let Some(torn) = files.first() {
                log.footer(torn.number).await.map_err(Error::Batches)?;
            }
            return Err(none(store));
        }
        Ok(Self {
            store: store.clone(),
            facts: Arc::new(facts),
            columns,
        })
    }

    /// This batch alone; `None` where it is not there.
    ///
    /// # Errors
    /// [`Error::Batches`], and [`Error::OtherJob`] where it is not of `job`.
    pub async fn one(store: &Store, job: &str, number: BatchNumber) -> Result<Option<Self>, Error> {
        let log = open(store).await?;
        let files = log.batches().await.map_err(Error::Batches)?;
        let Some(file) = files.iter().find(|file| file.number == number) else {
            return Ok(None);
        };
        let footer = log.footer(number).await.map_err(Error::Batches)?;
        see_job(store, &footer.job, job)?;
        Ok(Some(Self {
            store: store.clone(),
            facts: Arc::new(BTreeMap::from([(number, BatchFacts::new(file, footer))])),
            columns: None,
        }))
    }

    /// Sees that there are batches, and that the newest is of `job`.
    pub(crate) async fn see(store: &Store, job: &str) -> Result<(), Error> {
        match open(store).await?.head() {
            None => Err(none(store)),
            Some(newest) => see_job(store, &newest.job, job),
        }
    }

    /// Keeps only some of them.
    pub fn retain(&mut self, keep: impl Fn(BatchNumber) -> bool) {
        Arc::make_mut(&mut self.facts).retain(|number, _| keep(*number));
    }

    /// Some of them.
    pub(crate) fn only(&self, of: impl RangeBounds<BatchNumber>) -> Self {
        let facts = self.facts.range(of);
        Self {
            store: self.store.clone(),
            facts: Arc::new(facts.map(|(number, of)| (*number, of.clone())).collect()),
            columns: None,
        }
    }

    /// Takes in batches that came since, and gives their numbers; `None` where the newest one is gone, or where another log
    /// has taken its place. If there are [`MOST_ARRIVALS`](gugus_batches::MOST_ARRIVALS), there may be more.
    pub(crate) async fn extend(&mut self, job: &str) -> Result<Option<Vec<BatchNumber>>, Error> {
        let Some((newest, facts)) = self.facts.last_key_value() else {
            return Ok(None);
        };
        let mut before = facts.commit_id.clone();
        let found = arrivals(&self.store, *newest).await;
        let Arrivals::Batches(found) = found.map_err(Error::Batches)? else {
            return Ok(None);
        };
        let mut came = Vec::with_capacity(found.len());
        for (file, footer) in found {
            see_job(&self.store, &footer.job, job)?;
            let previous = footer.previous.as_ref();
            if previous.is_some_and(|previous| *previous != before) {
                return Ok(None);
            }
            before.clone_from(&footer.commit_id);
            came.push(file.number);
            Arc::make_mut(&mut self.facts).insert(file.number, BatchFacts::new(&file, footer));
        }
        Ok(Some(came))
    }

    /// A text that changes with the file of the batch after the newest; none where there is no such file.
    pub(crate) async fn stamp_of_next(&self) -> Result<Option<String>, Error> {
        let Some((newest, _)) = self.facts.last_key_value() else {
            return Ok(None);
        };
        let head = self.store.head(&newest.next().file_name()).await;
        let head = head.map_err(|e| Error::Batches(e.into()))?;
        Ok(head.map(|head| format!("{} {:?}", head.stamp, head.about)))
    }

    /// Forgets batches that were pruned. Pruning begins with the oldest, so one look tells whether there are any.
    pub(crate) async fn forget_pruned(&mut self) -> Result<(), Error> {
        let Some((oldest, _)) = self.facts.first_key_value() else {
            return Ok(());
        };
        let there = self.store.exists(&oldest.file_name()).await;
        if there.map_err(|e| Error::Batches(e.into()))? {
            return Ok(());
        }
        match BatchLog::unread(self.store.clone()).reach().await {
            Ok(Some(reach)) => self.forget(reach.first),
            // All are gone, which the next look at the log shows.
            Ok(None) | Err(LogError::NoFolder { .. }) => {}
            Err(error) => return Err(Error::Batches(error)),
        }
        Ok(())
    }

    /// Forgets the batches before this one, but never the newest.
    pub(crate) fn forget(&mut self, before: BatchNumber) {
        let newest = self.newest_number();
        let keep = newest.map_or(before, |newest| before.min(newest));
        if self.facts.range(..keep).next().is_some() {
            self.facts = Arc::new(Arc::make_mut(&mut self.facts).split_off(&keep));
        }
    }

    /// Each with its number, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (BatchNumber, &BatchFacts)> {
        self.facts.iter().map(|(number, facts)| (*number, &**facts))
    }

    /// What is known of one.
    #[must_use]
    pub fn get(&self, number: BatchNumber) -> Option<&BatchFacts> {
        self.facts.get(&number).map(|facts| &**facts)
    }

    /// The names of the columns that at least one batch has; `None` where nobody knows.
    pub(crate) fn columns(&self) -> Option<&BTreeSet<String>> {
        self.columns.as_ref()
    }

    /// The newest.
    pub(crate) fn newest(&self) -> Option<&BatchFacts> {
        self.facts.values().next_back().map(|facts| &**facts)
    }

    /// The number of the newest.
    pub(crate) fn newest_number(&self) -> Option<BatchNumber> {
        self.facts.last_key_value().map(|(number, _)| *number)
    }

    /// How many rows they have together.
    pub(crate) fn rows(&self, of: impl RangeBounds<BatchNumber>) -> u64 {
        self.facts.range(of).map(|(_, facts)| facts.rows).sum()
    }

    /// What a model of these records of them.
    #[must_use]
    pub fn origin(&self, of: impl RangeBounds<BatchNumber>) -> Origin {
        let mut origin = Origin::default();
        let mut offsets: BTreeMap<i32, OffsetRange> = BTreeMap::new();
        for (_, facts) in self.facts.range(of) {
            for range in &facts.ranges {
                let all = offsets.entry(range.partition).or_insert(*range);
                all.first = all.first.min(range.first);
                all.next = all.next.max(range.next);
            }
            origin.rejected += facts.rejected;
            origin.commit_id = Some(facts.commit_id.clone());
        }
        origin.offsets = offsets.into_values().collect();
        origin
    }

    /// What changes with the data of these: the newest commit, and how many rows they have.
    pub(crate) fn state(&self, of: impl RangeBounds<BatchNumber>) -> Option<(&CommitId, u64)> {
        let mut facts = self.facts.range(of).map(|(_, facts)| facts);
        let newest = facts.next_back()?;
        let older: u64 = facts.map(|facts| facts.rows).sum();
        Some((&newest.commit_id, older + newest.rows))
    }

    /// The files of those that have rows.
    pub(crate) fn files(&self, of: impl RangeBounds<BatchNumber>) -> Vec<WaveFile> {
        let facts = self.facts.range(of).map(|(_, facts)| facts);
        let with_rows = facts.filter(|facts| facts.rows > 0);
        with_rows.map(|facts| facts.file.clone()).collect()
    }

    /// The files of all that have rows, as a pass over all of them reads them.
    pub(crate) fn pass_files(&self, model: &Model) -> Vec<AllFile> {
        let with_rows = self.facts.values().filter(|facts| facts.rows > 0);
        let as_read = |facts: &Arc<BatchFacts>| AllFile {
            file: facts.file.clone(),
            commit: commit_number(&facts.commit_id),
            points: model.condition.is_none().then_some(facts.rows),
        };
        with_rows.map(as_read).collect()
    }

    /// The object store of the files, by the url that executors know it by.
    pub(crate) fn url(&self) -> &str {
        self.store.registry_url()
    }
}

async fn open(store: &Store) -> Result<BatchLog, Error> {
    let log = BatchLog::read(store.clone()).await;
    log.map_err(Error::Batches)
}

fn none(store: &Store) -> Error {
    Error::NoBatches {
        place: store.to_string(),
    }
}

fn see_job(store: &Store, found: &str, job: &str) -> Result<(), Error> {
    if found == job {
        return Ok(());
    }
    Err(Error::OtherJob {
        place: store.to_string(),
        found: found.to_owned(),
        job: job.to_owned(),
    })
}

/// A number that tells this commit from any other of the same file's name.
fn commit_number(commit: &CommitId) -> u64 {
    // Of fixed keys: the same in every process of one version, so that a second run finds what a first one cached.
    let mut hasher = DefaultHasher::new();
    commit.as_str().hash(&mut hasher);
    hasher.finish()
}
