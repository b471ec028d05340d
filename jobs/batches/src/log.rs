//! The batch log. Invariant: the writer of batch N+1 has read batch N.

use arrow::array::RecordBatch;
use futures::{StreamExt, TryStreamExt, stream};
use gugus_files::{Sizes, Store, StoreError, blocking};
use gugus_spec::{BatchNumber, JobName};

use crate::{
    BatchFile, FedBy, Footer, LogError, PartitionEnd, Reach, Retry, Verification, encode,
    listing::{self, Found},
    reject_path, tail, verify,
};

/// How many footers are read at a time: enough to hide the time of one request, and few enough for any store.
pub(crate) const FOOTERS_AT_ONCE: usize = 32;

/// A folder of numbered batches that is its own commit log.
///
/// It holds no lock and no open file, so any number of writers and readers may have the folder open. A writer that is
/// behind loses its next append, learns the new head, and may go on.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gugus_batches::LogError> {
/// use gugus_batches::{BatchLog, FedBy};
/// use gugus_files::Store;
/// let log = BatchLog::read(Store::in_memory()).await?;
/// assert_eq!(log.fed_by(), FedBy::Nothing);
/// for footer in log.footers(&log.numbers().await?).await? {
///     println!("batch {}: {} rows", footer.number, footer.rows);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct BatchLog {
    pub(crate) store: Store,
    pub(crate) retry: Retry,
    /// Set when the log was opened to append.
    pub(crate) writer: Option<Writer>,
    pub(crate) head: Option<Footer>,
}

/// The job and topic that a log was opened for.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) job: String,
    pub(crate) topic: String,
}

impl BatchLog {
    /// Opens a log to append to it: makes the folder, probes that it can be committed in, and reads its newest footer.
    ///
    /// # Errors
    /// [`LogError::Foreign`] when the newest batch is of another job or topic, [`LogError::Gap`] when batches are
    /// missing between others, [`StoreError::HardLinks`] and [`StoreError::CreateOnly`] where nothing can be committed, and
    /// all errors of reading.
    pub async fn open(store: Store, job: &JobName, topic: &str) -> Result<Self, LogError> {
        store.prepare().await?;
        for folder in ["", reject_path::REJECTED] {
            store.sweep(folder).await?;
        }
        let writer = Writer {
            job: job.to_string(),
            topic: topic.to_owned(),
        };
        let mut log = Self {
            store,
            retry: Retry::default(),
            writer: Some(writer),
            head: None,
        };
        log.find_head().await?;
        Ok(log)
    }

    /// Opens a log of any job to read it. The folder may have no batches.
    ///
    /// # Errors
    /// [`LogError::NoFolder`] when there is no folder, and those of reading the newest footer.
    pub async fn read(store: Store) -> Result<Self, LogError> {
        let mut log = Self::unread(store);
        log.find_head().await?;
        Ok(log)
    }

    /// A log of any job to read it, of which nothing was read yet, so that it has no [`Self::head`].
    pub fn unread(store: Store) -> Self {
        Self {
            store,
            retry: Retry::default(),
            writer: None,
            head: None,
        }
    }

    /// This log, with another number of tries for writes that fail.
    pub fn retrying(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// The newest footer that was read; none while the log is empty.
    pub fn head(&self) -> Option<&Footer> {
        self.head.as_ref()
    }

    /// The end of a partition: the first offset that is not in the log. None if the log never had the partition.
    pub fn end_of(&self, partition: i32) -> Option<i64> {
        self.head.as_ref().and_then(|head| head.end_of(partition))
    }

    /// The end of a partition, with its newest record in the log.
    pub fn partition_end(&self, partition: i32) -> Option<&PartitionEnd> {
        self.head.as_ref()?.partition_end(partition)
    }

    /// The source of the log's records.
    pub fn fed_by(&self) -> FedBy {
        self.head.as_ref().map_or(FedBy::Nothing, Footer::feed)
    }

    /// The folder.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Looks for newer batches of other writers, and returns the newest footer. Without newer batches, this takes one or two
    /// requests.
    ///
    /// # Errors
    /// As [`BatchLog::open`] for a log that was opened to append, as [`BatchLog::read`] for others.
    pub async fn refresh(&mut self) -> Result<Option<&Footer>, LogError> {
        if let Some(head) = &self.head {
            let (next, there) = (head.number.next().file_name(), head.number.file_name());
            let (next, there) =
                futures::try_join!(self.store.exists(&next), self.store.exists(&there))?;
            if there && !next {
                return Ok(self.head.as_ref());
            }
        }
        self.find_head().await?;
        Ok(self.head.as_ref())
    }

    /// Lists the folder and reads the newest footer.
    pub(crate) async fn find_head(&mut self) -> Result<(), LogError> {
        // The newest batch is never pruned. But other writers may append and prune between listing and reading. A few
        // listings are enough.
        const LISTINGS: usize = 5;
        for _ in 0..LISTINGS {
            let Some(number) = self.list(Sizes::Skip).await?.last().map(|file| file.number) else {
                self.head = None;
                return Ok(());
            };
            if let Some(footer) = tail::read_footer(&self.store, number).await? {
                self.check_owner(&footer)?;
                self.head = Some(footer);
                return Ok(());
            }
        }
        Err(self.no_batch(BatchNumber::FIRST))
    }

    pub(crate) async fn list(&self, sizes: Sizes) -> Result<Vec<Found>, LogError> {
        match listing::run(&self.store, sizes).await? {
            None => Err(self.no_folder()),
            Some(run) if self.writer.is_some() => run.without_gap(&self.store),
            Some(run) => Ok(run.files),
        }
    }

    pub(crate) fn check_owner(&self, footer: &Footer) -> Result<(), LogError> {
        let Some(Writer { job, topic }) = &self.writer else {
            return Ok(());
        };
        for (what, found, expected) in [("job", &footer.job, job), ("topic", &footer.topic, topic)]
        {
            if found != expected {
                return Err(LogError::Foreign {
                    file: self.store.display(&footer.number.file_name()),
                    what,
                    found: found.clone(),
                    expected: expected.clone(),
                });
            }
        }
        Ok(())
    }

    /// The batch files from the first one up to the first gap.
    ///
    /// # Errors
    /// Those of listing a folder; and [`LogError::Gap`] for a log that was opened to append.
    pub async fn batches(&self) -> Result<Vec<BatchFile>, LogError> {
        let found = self.list(Sizes::Read).await?.into_iter();
        Ok(found.map(|found| found.file(&self.store)).collect())
    }

    /// The numbers of [`BatchLog::batches`]. This is cheaper, because it asks for no sizes.
    ///
    /// # Errors
    /// As [`BatchLog::batches`].
    pub async fn numbers(&self) -> Result<Vec<BatchNumber>, LogError> {
        let found = self.list(Sizes::Skip).await?;
        Ok(found.into_iter().map(|file| file.number).collect())
    }

    /// The first and the newest batch; none while the log is empty. This lists the folder without sizes.
    ///
    /// # Errors
    /// Those of listing a folder. A gap is no error, but is told in the result.
    pub async fn reach(&self) -> Result<Option<Reach>, LogError> {
        match listing::run(&self.store, Sizes::Skip).await? {
            Some(run) => Ok(run.reach()),
            None => Err(self.no_folder()),
        }
    }

    /// The footer of a batch.
    ///
    /// # Errors
    /// [`LogError::NoBatch`], and an error with the file's name if the file is no batch of this folder.
    pub async fn footer(&self, number: BatchNumber) -> Result<Footer, LogError> {
        let footer = tail::read_footer(&self.store, number)
            .await?
            .ok_or_else(|| self.no_batch(number))?;
        self.check_owner(&footer)?;
        Ok(footer)
    }

    /// The footers of several batches, in the order asked for, read several at a time.
    ///
    /// # Errors
    /// As [`BatchLog::footer`], for the first footer that fails.
    pub async fn footers(&self, numbers: &[BatchNumber]) -> Result<Vec<Footer>, LogError> {
        let footers = stream::iter(numbers.to_vec()).map(|number| self.footer(number));
        footers.buffered(FOOTERS_AT_ONCE).try_collect().await
    }

    /// As [`BatchLog::footers`], up to the first file that [is not whole](LogError::is_torn).
    ///
    /// # Errors
    /// All others of [`BatchLog::footers`].
    pub async fn whole_footers(&self, numbers: &[BatchNumber]) -> Result<Vec<Footer>, LogError> {
        let footers = stream::iter(numbers.to_vec()).map(|number| self.footer(number));
        let mut footers = std::pin::pin!(footers.buffered(FOOTERS_AT_ONCE));
        let mut whole = Vec::with_capacity(numbers.len());
        loop {
            match footers.try_next().await {
                Ok(Some(footer)) => whole.push(footer),
                Ok(None) => return Ok(whole),
                Err(torn) if torn.is_torn() => return Ok(whole),
                Err(error) => return Err(error),
            }
        }
    }

    /// The rows of a batch, all of them, sorted by partition and offset.
    ///
    /// # Errors
    /// [`LogError::NoBatch`], [`LogError::Damaged`], and [`LogError::Altered`] for a file that does not have its hashes.
    pub async fn rows(&self, number: BatchNumber) -> Result<RecordBatch, LogError> {
        self.rows_up_to(number, None).await
    }

    /// The first rows of a batch, at most so many. The whole file is fetched, but only these rows are decoded.
    ///
    /// # Errors
    /// As [`BatchLog::rows`].
    pub async fn first_rows(
        &self,
        number: BatchNumber,
        most: usize,
    ) -> Result<RecordBatch, LogError> {
        self.rows_up_to(number, Some(most)).await
    }

    /// The records that a commit refused, with the columns of reject files. There may be no rows.
    ///
    /// # Errors
    /// [`LogError::RejectPath`] for a footer that names a file elsewhere, and [`LogError::Damaged`].
    pub async fn rejected(&self, footer: &Footer) -> Result<RecordBatch, LogError> {
        match &footer.rejected {
            Some(reject) => {
                reject_path::check_reject_path(&self.store, footer.number, &reject.file)?;
                self.decode(&reject.file, None).await
            }
            None => encode::reject_rows(&[]).map_err(|source| LogError::Encode {
                file: self.store.display(&footer.number.file_name()),
                source,
            }),
        }
    }

    /// Reads every file of the log; see [`verify`]. `progress` is called with the number of batches that are done.
    ///
    /// # Errors
    /// Those of listing the folder. A wrong file is a problem in the result.
    pub async fn verify(&self, progress: impl FnMut(u64)) -> Result<Verification, LogError> {
        verify(&self.store, progress).await
    }

    async fn rows_up_to(
        &self,
        number: BatchNumber,
        most: Option<usize>,
    ) -> Result<RecordBatch, LogError> {
        match self.decode(&number.file_name(), most).await {
            Err(LogError::Store(StoreError::NotFound { .. })) => Err(self.no_batch(number)),
            other => other,
        }
    }

    async fn decode(&self, file: &str, most: Option<usize>) -> Result<RecordBatch, LogError> {
        let bytes = self.store.get(file).await?;
        let decoded = blocking(move || Ok(encode::from_parquet(bytes, most))).await?;
        decoded.map_err(|source| LogError::unreadable(self.store.display(file), source))
    }

    fn no_folder(&self) -> LogError {
        LogError::NoFolder {
            folder: self.store.to_string(),
        }
    }

    pub(crate) fn no_batch(&self, number: BatchNumber) -> LogError {
        LogError::NoBatch {
            file: self.store.display(&number.file_name()),
        }
    }
}
