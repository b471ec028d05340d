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
use gugus_spec::BatchNumber;
use parquet::errors::ParquetError;

use crate::{
    BatchLog, Draft, FedBy, Footer, LogError, RejectFile, Retry,
    columns::{arranged, places},
    contents::contradictions,
    continuity::{Before, Break, breaks},
    encode::{reject_rows, to_parquet},
    listing,
    reject_path::{REJECTED, check_reject_path},
    tail::read_footer,
};

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
struct Encoded {
    batch: Bytes,
    rejects: Option<Bytes>,
    footer: Footer,
}

/// Why a draft was not encoded.
enum Refused {
    Draft(LogError),
    Parquet(ParquetError),
}

impl From<LogError> for Refused {
    fn from(error: LogError) -> Self {
        Self::Draft(error)
    }
}

impl From<ParquetError> for Refused {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

impl BatchLog {
    /// Commits a draft as the next batch.
    ///
    /// Dropping the future leaves open whether it commits: [`BatchLog::refresh`] before going on.
    ///
    /// # Errors
    /// [`LogError::NotAtEnd`] and [`LogError::FedBy`] when the draft does not continue this log, [`LogError::Draft`] when it
    /// contradicts itself: then nothing was written. [`LogError::Commit`] when the store kept failing.
    pub async fn append<'a>(&mut self, draft: impl Into<Draft<'a>>) -> Result<Appended, LogError> {
        let encoded = self.encode(draft.into()).await?;
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

    async fn encode(&self, draft: Draft<'_>) -> Result<Encoded, LogError> {
        let Some(writer) = &self.writer else {
            return Err(LogError::OpenedToRead {
                folder: self.store.to_string(),
            });
        };
        let rows = arranged(draft.rows())?;
        let mut footer = draft.footer(&writer.job, &writer.topic, self.head(), &rows)?;
        self.check_continues(&footer)?;
        for part in &footer.replayed {
            check_reject_path(&self.store, footer.number, &part.file)?;
        }
        let number = footer.number;
        let refused = match draft.rejects().as_slice() {
            [] => None,
            some => Some(reject_rows(some).map_err(|source| self.encode_error(number, source))?),
        };
        let work = move || -> Result<Encoded, Refused> {
            let rejects = refused.as_ref().map(|rows| to_parquet(rows, None));
            let rejects = rejects.transpose()?;
            let named = rejects.as_ref().zip(refused.as_ref());
            footer.rejected = named.map(|(bytes, rows)| RejectFile {
                file: format!("{REJECTED}/{}.parquet", footer.commit_id),
                rows: rows.num_rows() as u64,
                sha256: sha256_hex(bytes),
            });
            let refused = refused.as_ref().map_or(Ok(Vec::new()), places)?;
            let found = contradictions(&footer, &places(&rows)?, Some(&refused));
            if let Some(reason) = found.into_iter().next() {
                return Err(LogError::contradiction(reason).into());
            }
            let text = serde_json::to_string(&footer);
            let text = text.map_err(|e| ParquetError::External(e.into()))?;
            Ok(Encoded {
                batch: to_parquet(&rows, Some(text))?,
                rejects,
                footer,
            })
        };
        let encoded = blocking(move || Ok(work())).await?;
        encoded.map_err(|refused| match refused {
            Refused::Draft(error) => error,
            Refused::Parquet(source) => self.encode_error(number, source),
        })
    }

    fn check_continues(&self, footer: &Footer) -> Result<(), LogError> {
        let before = self.head().map_or(Before::Nothing, Before::Batch);
        let Some(found) = breaks(footer, before).into_iter().next() else {
            return Ok(());
        };
        Err(match found {
            Break::FedBy(feed) => {
                let (found, refused) = match feed {
                    FedBy::Imports => ("imports", "records of a topic"),
                    FedBy::Nothing | FedBy::Topic => ("a topic", "an import"),
                };
                LogError::FedBy {
                    folder: self.store.to_string(),
                    found,
                    refused,
                }
            }
            Break::RangeNotAtEnd {
                partition,
                first,
                end,
            }
            | Break::JumpNotAtEnd {
                partition,
                from: first,
                end,
            } => LogError::NotAtEnd {
                partition,
                first,
                end,
            },
            Break::Other(reason) => LogError::contradiction(reason),
        })
    }

    /// Step 1. The name is new, so if it is there already, it is there from an earlier try of ours.
    async fn write_rejects(&self, encoded: &Encoded) -> Result<(), LogError> {
        let (Some(bytes), Some(file)) = (&encoded.rejects, &encoded.footer.rejected) else {
            return Ok(());
        };
        let Retry { tries, first_wait } = self.retry;
        let mut wait = first_wait;
        for try_number in 1.. {
            match self.store.create(&file.file, bytes.clone()).await {
                Ok(Created::New) => break,
                Ok(Created::Exists) => {
                    self.store.sync(REJECTED).await?;
                    break;
                }
                Err(e) if e.may_pass() && try_number < tries => {
                    tracing::warn!(
                        file = file.file,
                        error = gugus_error::chain(&e),
                        "writing rejects failed, trying again"
                    );
                }
                Err(e) => return Err(e.into()),
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Ok(())
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
