//! The commit protocol.
//!
//! 1. Rejects go first, to `rejected/<commit id>.parquet`. Until a footer names the file, it counts for nothing.
//! 2. The batch is created under the next number, only if nothing has that name. This is the commit.
//! 3. After an error or "already exists", the writer reads the batch of that number. Its own commit id means that the
//!    creation took effect and only the answer was lost. No batch means that the writer tries the same number again.
//!    Another commit id means that the writer lost.
//! 4. If the batch before was pruned meanwhile, the number may have been pruned, too. Then the new file is no part of
//!    the log. The writer removes the file again and has lost.
//!
//! A writer never tries the next number before it has read this one. So no writer commits past a batch that it has not
//! seen.

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
    encode::{batch_file, reject_rows, to_parquet},
    listing,
    reject_path::{REJECTED, check_reject_path},
    tail::read_footer,
};

/// An append that took longer than this writes its reject file once more, because pruning may have removed the file.
/// Pruning waits an hour before it removes a file that no footer names. An append that is not stopped takes seconds.
const SWEPT_MEANWHILE: Duration = Duration::from_secs(300);

/// How an append ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a lost append has committed nothing"]
pub enum Appended {
    /// The batch is in the log, durably. This is the footer of the batch.
    Committed(Footer),
    /// Another writer took the number, and nothing of the draft is in the log. Drop the buffers of partitions whose end
    /// moved, seek to the log's end, and go on.
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

impl BatchLog {
    /// Commits a draft as the next batch.
    ///
    /// If the future is dropped, the batch may or may not be committed. Call [`BatchLog::refresh`] before going on.
    ///
    /// # Errors
    /// [`LogError::NotAtEnd`] and [`LogError::FedBy`] when the draft does not continue this log, and [`LogError::Draft`] when
    /// the draft contradicts itself. Then nothing was written. [`LogError::Commit`] when the store kept failing.
    pub async fn append<'a>(&mut self, draft: impl Into<Draft<'a>>) -> Result<Appended, LogError> {
        let encoded = self.encode(draft.into()).await?;
        let before = self.head.as_ref().map(|head| head.number);
        let begun = SystemTime::now();
        let (rejects, newest) = futures::join!(self.write_rejects(&encoded), self.is_newest());
        rejects?;
        if !newest? {
            // Our head was pruned, so there are newer batches. The next number may have been pruned, too. Creating its
            // file would succeed and leave a gap in the log.
            self.find_head().await?;
            return self.lost(&encoded.footer).await;
        }
        let appended = self.commit(&encoded).await?;
        if let Appended::Committed(footer) = &appended {
            if self.is_behind(before, footer.number).await {
                return self.retract(&encoded.footer).await;
            }
            // A process may be stopped for hours. Meanwhile pruning removes old reject files that no footer names.
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
        let file = self.store.display(&footer.number.file_name());
        let failed = move |source| LogError::Encode {
            file: file.clone(),
            source,
        };
        let refused = match draft.rejects().as_slice() {
            [] => None,
            some => Some(reject_rows(some).map_err(&failed)?),
        };
        let work = move || {
            let rejects = refused.as_ref().map(to_parquet);
            let rejects = rejects.transpose().map_err(&failed)?;
            let named = rejects.as_ref().zip(refused.as_ref());
            footer.rejected = named.map(|(bytes, rows)| RejectFile {
                file: format!("{REJECTED}/{}.parquet", footer.commit_id),
                rows: rows.num_rows() as u64,
                sha256: sha256_hex(bytes),
            });
            let refused = refused.as_ref().map_or(Ok(Vec::new()), places)?;
            let found = contradictions(&footer, &places(&rows)?, Some(&refused));
            if let Some(reason) = found.into_iter().next() {
                return Err(LogError::contradiction(reason));
            }
            let text = serde_json::to_string(&footer);
            let text = text.map_err(|e| failed(ParquetError::External(e.into())))?;
            let (batch, hash) = batch_file(&rows, text).map_err(&failed)?;
            footer.hash = Some(hash);
            Ok(Encoded {
                batch,
                rejects,
                footer,
            })
        };
        blocking(move || Ok(work())).await?
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

    /// Step 1. The name is new. A file of that name can only come from an earlier try of this append.
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

    /// Whether our head still exists. The newest batch is never pruned. A writer that has seen no batch yet lists the
    /// folder instead.
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
                    // The failed step may have been the last one, which makes the name durable.
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
                // The file existed and then was gone. Someone removes batches, or the store is not consistent.
                None => {
                    tracing::warn!(batch = %number, try_number, "a batch was there and is not, trying again")
                }
            }
            if try_number < tries {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
        }
        // The reject file stays, because the last try may still take effect. Then the new footer names the file.
        Err(match last {
            Some(e) if !e.may_pass() => e,
            last => LogError::Commit {
                file: self.store.display(&name),
                tries,
                source: last.map(Box::new),
            },
        })
    }

    /// Whether our new batch took a number that was pruned. Then the batch is no part of the log.
    ///
    /// This happens when a process is stopped between looking for its head and creating the next number. Meanwhile
    /// other writers commit and prune batches. Pruning goes upwards, so our old head, the batch `before`, goes first.
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
                // The batch is committed, and almost surely in its place. So the append did not fail.
                tracing::warn!(batch = %ours, error = gugus_error::chain(&e), "committed, but whether older batches were pruned meanwhile could not be seen");
                false
            }
        }
    }

    /// Removes a batch that is no part of the log. Until then a gap follows the batch, so no writer appends to it.
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

    /// Another writer took the number, so no footer will ever name our reject file.
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
