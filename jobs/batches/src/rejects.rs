//! Reject files: written before the batch that names them, read again for a replay.
//!
//! A reject file never changes. Which of its records were taken again is written in the batches that took them: they
//! name the file under `replayed`. So an offset that was rejected is in one reject file, and in one batch at most.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use gugus_files::{Created, Store, blocking, sha256_hex};
use gugus_spec::{BatchNumber, CommitId};

use crate::{
    BatchLog, Footer, JumpReason, LogError, RejectFile, RejectedRecord,
    append::{Encoded, Retry},
    draft::places,
    encode::{from_parquet, reject_records},
    log::FOOTERS_AT_ONCE,
};

/// The folder of reject files.
pub(crate) const REJECTED: &str = "rejected";

/// A reject file, and what became of its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejects {
    /// The batch whose commit refused them.
    pub batch: BatchNumber,
    /// The file.
    pub file: RejectFile,
    /// Partition and offset of its records that a later batch has as rows: those are rejected no longer.
    pub replayed: BTreeSet<(i32, i64)>,
    /// How often the topic was made anew before, as far as the batches that are there tell. Offsets come again with
    /// each, so a replay may name files of one generation only.
    pub generation: u64,
}

impl Rejects {
    /// How many records of the file are rejected still.
    pub fn left(&self) -> u64 {
        self.file.rows.saturating_sub(self.replayed.len() as u64)
    }
}

impl BatchLog {
    /// The reject files that batches name, in the order of the batches, each with what later batches took again of it.
    ///
    /// Holds the places of replayed records and no others. Whoever appends a replay makes this list after the last
    /// [`BatchLog::refresh`], and makes it anew when the append is lost: then nothing is replayed twice.
    ///
    /// # Errors
    /// Those of [`BatchLog::footers`], [`BatchLog::rows`] and [`BatchLog::rejected_records`].
    pub async fn rejects(&self) -> Result<Vec<Rejects>, LogError> {
        let numbers = self.numbers().await?;
        let mut footers = stream::iter(numbers)
            .map(|number| self.footer(number))
            .buffered(FOOTERS_AT_ONCE);
        let mut all: Vec<Rejects> = Vec::new();
        let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
        let mut generation = 0;
        while let Some(footer) = footers.try_next().await? {
            let jumps = footer.jumps.iter();
            generation += u64::from(
                jumps
                    .clone()
                    .any(|jump| jump.reason == JumpReason::Recreated),
            );
            if !footer.replayed.is_empty() {
                self.note_replay(&footer, &by_name, &mut all).await?;
            }
            let Footer {
                number: batch,
                rejected: Some(file),
                ..
            } = footer
            else {
                continue;
            };
            by_name.insert(file.file.clone(), all.len());
            all.push(Rejects {
                batch,
                file,
                replayed: BTreeSet::new(),
                generation,
            });
        }
        Ok(all)
    }

    /// Finds which records of which files a batch replayed. Files that are pruned are left out.
    async fn note_replay(
        &self,
        footer: &Footer,
        by_name: &BTreeMap<String, usize>,
        all: &mut [Rejects],
    ) -> Result<(), LogError> {
        let rows: BTreeSet<(i32, i64)> = places(&self.rows(footer.number).await?)?
            .into_iter()
            .collect();
        for part in &footer.replayed {
            let Some(rejects) = by_name
                .get(&part.file)
                .and_then(|index| all.get_mut(*index))
            else {
                continue;
            };
            if footer.replayed.len() == 1 {
                rejects.replayed.extend(&rows);
                continue;
            }
            let records = self.rejected_records(rejects).await?;
            let of_file = records
                .iter()
                .map(|record| (record.partition, record.offset));
            rejects
                .replayed
                .extend(of_file.filter(|place| rows.contains(place)));
        }
        Ok(())
    }

    /// All records of a reject file as they came, sorted by partition and offset, those that were replayed among them.
    ///
    /// # Errors
    /// [`LogError::Checksum`] and [`LogError::Damaged`] when the file is not as its batch says, [`LogError::RejectPath`]
    /// for a footer that names a file elsewhere.
    pub async fn rejected_records(
        &self,
        rejects: &Rejects,
    ) -> Result<Vec<RejectedRecord>, LogError> {
        let RejectFile { file, sha256, .. } = &rejects.file;
        check_reject_path(&self.store, rejects.batch, file)?;
        let bytes = self.store.get(file).await?;
        let sha256 = sha256.clone();
        let work = move || {
            let whole = sha256_hex(&bytes) == sha256;
            Ok(whole.then(|| from_parquet(bytes).and_then(|rows| reject_records(&rows))))
        };
        match blocking(work).await? {
            Some(Ok(records)) => Ok(records),
            Some(Err(source)) => Err(LogError::Damaged {
                file: self.store.display(file),
                source,
            }),
            None => Err(LogError::Checksum {
                file: self.store.display(file),
                batch: rejects.batch,
            }),
        }
    }

    /// Step 1. The name is new, so if it is there already, it is there from an earlier try of ours.
    pub(crate) async fn write_rejects(&self, encoded: &Encoded) -> Result<(), LogError> {
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
}

/// A footer is text from a file: the name in it must not lead out of the folder.
pub(crate) fn check_reject_path(
    store: &Store,
    number: BatchNumber,
    reject: &str,
) -> Result<(), LogError> {
    if is_reject_path(reject) {
        return Ok(());
    }
    Err(LogError::RejectPath {
        file: store.display(&number.file_name()),
        reject: reject.to_owned(),
    })
}

/// Whether a name is one that a writer of ours gives to a reject file.
pub(crate) fn is_reject_path(name: &str) -> bool {
    let id = name
        .strip_prefix(REJECTED)
        .and_then(|name| name.strip_prefix('/'))
        .and_then(|name| name.strip_suffix(".parquet"));
    id.is_some_and(|id| id.parse::<CommitId>().is_ok())
}
