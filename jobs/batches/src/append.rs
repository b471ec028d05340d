//! The commit protocol.
//!
//! 1. Rejects go first, to `rejected/<commit id>.parquet`. Until a footer names that file it is rubbish.
//! 2. The batch is created under the next number, only if nothing has that name. This is the commit.
//! 3. After an error or "already exists", the number is read: our commit id there means that the creation took effect
//!    and only its answer was lost; nothing there means to try the same number again; another's id means that we lost.
//! 4. Where the head that the number follows is pruned by now, we look whether the number was pruned too: then what we
//!    created is no part of the log, and we take it back and have lost.
//!
//! The number after that is never tried before this one was read, so nobody can commit past what it has not seen.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use gugus_files::{Created, Sizes, blocking, sha256_hex};
use gugus_spec::{BatchNumber, CommitId};

use crate::{
    BatchLog, Draft, FedBy, Footer, LogError, RejectFile, ReplayedFile,
    admit::check_ranges,
    draft::arrange,
    encode::{reject_rows, to_parquet},
    ends::ends_after,
    footer::{FOOTER_VERSION, schema_fields},
    listing,
    rejects::{REJECTED, check_reject_path},
    tail::read_footer,
};

/// How often one write is tried before its error is handed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How many tries there are.
    pub tries: u32,
    /// The wait after the first try; it doubles with each.
    pub first_wait: Duration,
}

/// With the waits between (0.1, 0.2, 0.4, 0.8, 1.6 s) six tries ride over a store's hiccup of three seconds; longer
/// trouble is for the caller, who knows how to say so.
impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: 6,
            first_wait: Duration::from_millis(100),
        }
    }
}

/// How long an append must have taken for its reject file to be written once more. Far below the hour after which
/// pruning takes a file that no footer names, and far above what an append takes that was not stopped.
const SWEPT_MEANWHILE: Duration = Duration::from_secs(300);

/// How an append ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a lost append has committed nothing"]
pub enum Appended {
    /// The batch is in the log, durably; this is its footer.
    Committed(Footer),
    /// Another writer took the number; nothing of the draft is in the log. Drop the buffers of partitions whose end
    /// moved, seek to the log's end, go on.
    Lost {
        /// The newest footer.
        head: Footer,
    },
}

/// A draft ready to be written.
pub(crate) struct Encoded {
    batch: Bytes,
    pub(crate) rejects: Option<Bytes>,
    pub(crate) footer: Footer,
}

impl BatchLog {
    /// Commits a draft as the next batch.
    ///
    /// Dropping the future leaves open whether it commits: [`BatchLog::refresh`] before going on.
    ///
    /// # Errors
    /// [`LogError::NotAtEnd`] and [`LogError::FedBy`] when the draft does not continue this log, [`LogError::Draft`] when it
    /// contradicts itself: then nothing was written. [`LogError::Commit`] when the store kept failing.
    pub async fn append(&mut self, draft: &Draft) -> Result<Appended, LogError> {
        self.check_feed(draft)?;
        let encoded = self.encode(draft).await?;
        let before = self.head.as_ref().map(|head| head.number);
        let begun = SystemTime::now();
        let (rejects, newest) = futures::join!(self.write_rejects(&encoded), self.is_newest());
        rejects?;
        if !newest? {
            // Our head was pruned, so there are newer ones, and the number after ours may have been pruned too: creating
            // it would succeed, and tear the log apart.
            self.find_head().await?;
            return self.lost(&encoded.footer).await;
        }
        let appended = self.commit(&encoded).await?;
        if let Appended::Committed(footer) = &appended {
            if self.is_behind(before, footer.number).await {
                return self.retract(&encoded.footer).await;
            }
            // A process may be stopped anywhere, for hours, and pruning takes old reject files that no footer names.
            if begun.elapsed().is_ok_and(|took| took > SWEPT_MEANWHILE) {
                self.write_rejects(&encoded).await?;
            }
        }
        Ok(appended)
    }

    async fn encode(&self, draft: &Draft) -> Result<Encoded, LogError> {
        let Some(writer) = &self.writer else {
            return Err(LogError::OpenedToRead {
                folder: self.store.to_string(),
            });
        };
        let ranges = check_ranges(draft, self.head.as_ref())?;
        let (rows, refused) = arrange(draft, &ranges)?;
        let head = self.head.as_ref();
        let number = head.map_or(BatchNumber::FIRST, |head| head.number.next());
        let (mut jumps, mut replayed) = (draft.jumps.clone(), draft.replayed.clone());
        jumps.sort_unstable_by_key(|jump| jump.partition);
        replayed.sort_unstable_by(|one, other| one.file.cmp(&other.file));
        for ReplayedFile { file, .. } in &replayed {
            check_reject_path(&self.store, number, file)?;
        }
        // Else a folder whose newest batch is a replay would no longer know what feeds it.
        let fed_by =
            Some(self.fed_by()).filter(|fed_by| !replayed.is_empty() && *fed_by == FedBy::Imports);
        let mut footer = Footer {
            version: FOOTER_VERSION,
            job: writer.job.clone(),
            topic: writer.topic.clone(),
            number,
            rows: rows.num_rows() as u64,
            ends: ends_after(
                head.map_or(&[], |head| &head.ends),
                &ranges,
                &draft.lasts,
                &draft.jumps,
            ),
            ranges,
            commit_id: CommitId::random(),
            previous: head.map(|head| head.commit_id.clone()),
            imported: draft.imported.clone(),
            rejected: None,
            schema: schema_fields(&rows.schema()),
            jumps,
            replayed,
            fed_by,
        };
        let refused = match refused.as_slice() {
            [] => None,
            some => Some(reject_rows(some).map_err(|source| self.encode_error(number, source))?),
        };
        let work = move || -> Result<Encoded, parquet::errors::ParquetError> {
            let rejects = refused
                .as_ref()
                .map(|rows| to_parquet(rows, None))
                .transpose()?;
            footer.rejected =
                rejects
                    .as_ref()
                    .zip(refused.as_ref())
                    .map(|(bytes, rows)| RejectFile {
                        file: format!("{REJECTED}/{}.parquet", footer.commit_id),
                        rows: rows.num_rows() as u64,
                        sha256: sha256_hex(bytes),
                    });
            let text = serde_json::to_string(&footer)
                .map_err(|e| parquet::errors::ParquetError::External(e.into()))?;
            Ok(Encoded {
                batch: to_parquet(&rows, Some(text))?,
                rejects,
                footer,
            })
        };
        let encoded = blocking(move || Ok(work())).await?;
        encoded.map_err(|source| self.encode_error(number, source))
    }

    /// Whether the head that we know is still there; the newest batch is never pruned. A writer that has seen no batch
    /// yet lists instead.
    async fn is_newest(&self) -> Result<bool, LogError> {
        match &self.head {
            Some(head) => Ok(self.store.exists(&head.number.file_name()).await?),
            None => Ok(self.list(Sizes::Skip).await?.is_empty()),
        }
    }

    /// Steps 2 and 3.
    async fn commit(&mut self, encoded: &Encoded) -> Result<Appended, LogError> {
        let Encoded { batch, footer, .. } = encoded;
        let number = footer.number;
        let name = number.file_name();
        let Retry { tries, first_wait } = self.retry;
        let mut wait = first_wait;
        let mut last: Option<LogError> = None;
        for try_number in 1..=tries {
            let failed = match self.store.create(&name, batch.clone()).await {
                Ok(Created::New) => return Ok(self.committed(footer.clone())),
                Ok(Created::Exists) => None,
                Err(e) => Some(LogError::from(e)),
            };
            match read_footer(&self.store, number).await {
                Ok(Some(there)) if there.commit_id == footer.commit_id => {
                    // What failed may have been the last step, making the name durable.
                    self.store.sync("").await?;
                    return Ok(self.committed(footer.clone()));
                }
                Ok(Some(there)) => {
                    self.check_owner(&there)?;
                    self.head = Some(there);
                    self.refresh().await?;
                    return self.lost(footer).await;
                }
                Ok(None) => last = failed,
                Err(e) if e.may_pass() => last = Some(e),
                Err(e) => return Err(e),
            }
            match &last {
                Some(e) if !e.may_pass() => break,
                Some(e) => {
                    tracing::warn!(batch = %number, try_number, error = gugus_error::chain(e), "commit failed, trying again")
                }
                // "Already exists", then gone: somebody removes batches, or a store is not consistent.
                None => {
                    tracing::warn!(batch = %number, try_number, "a batch was there and is not, trying again")
                }
            }
            if try_number < tries {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
        }
        // The reject file stays: the last try may yet take effect, and then its footer names it.
        Err(match last {
            Some(e) if !e.may_pass() => e,
            last => LogError::Commit {
                file: self.store.display(&name),
                tries,
                source: last.map(Box::new),
            },
        })
    }

    /// Whether the batch that we created stands where others were pruned: then it is no part of the log.
    ///
    /// It can be when we were stopped between looking for our head and creating the next number, while others
    /// committed, and pruned what they had committed. Pruning goes upwards, so our head, the one `before`, went first.
    async fn is_behind(&self, before: Option<BatchNumber>, ours: BatchNumber) -> bool {
        let look = async {
            if let Some(before) = before
                && self.store.exists(&before.file_name()).await?
            {
                return Ok(false);
            }
            let run = listing::run(&self.store, Sizes::Skip).await?;
            let gap = run.and_then(|run| run.gap);
            Ok::<_, LogError>(gap.is_some_and(|gap| gap.missing == ours.next()))
        };
        match look.await {
            Ok(behind) => behind,
            Err(e) => {
                // The batch is there, and all but surely where it should be: no reason to call it failed.
                tracing::warn!(batch = %ours, error = gugus_error::chain(&e), "committed, but whether older batches were pruned meanwhile could not be seen");
                false
            }
        }
    }

    /// Takes back a batch that is no part of the log. Until then there is a gap after it, so nobody appends to it.
    async fn retract(&mut self, ours: &Footer) -> Result<Appended, LogError> {
        self.store.delete(&ours.number.file_name()).await?;
        self.store.sync("").await?;
        self.find_head().await?;
        self.lost(ours).await
    }

    fn committed(&mut self, footer: Footer) -> Appended {
        tracing::debug!(batch = %footer.number, rows = footer.rows, rejected = footer.rejected_rows(), "committed");
        self.head = Some(footer.clone());
        Appended::Committed(footer)
    }

    /// The number went to somebody else, so our reject file will never be named by a footer.
    async fn lost(&mut self, ours: &Footer) -> Result<Appended, LogError> {
        if let Some(file) = &ours.rejected
            && let Err(e) = self.store.delete(&file.file).await
        {
            tracing::debug!(
                file = file.file,
                error = gugus_error::chain(&e),
                "a reject file that no footer names stays behind"
            );
        }
        match &self.head {
            Some(head) => Ok(Appended::Lost { head: head.clone() }),
            None => Err(self.no_batch(ours.number)),
        }
    }
}
