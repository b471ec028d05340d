//! Reject files. They are written before the batch that names them, and read again for a replay.
//!
//! A reject file never changes. A batch that took some of its records again names the file under `replayed`. So a rejected
//! offset is in one reject file, and in at most one batch.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use gugus_files::{blocking, sha256_hex};
use gugus_spec::BatchNumber;

use crate::{
    BatchLog, Footer, JumpReason, LogError, RejectFile, RejectedRecord,
    columns::places,
    encode::{from_parquet, reject_records},
    log::FOOTERS_AT_ONCE,
    reject_path::check_reject_path,
};

/// A reject file, and which of its records were replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejects {
    /// The batch whose commit refused them.
    pub batch: BatchNumber,
    /// The file.
    pub file: RejectFile,
    /// Partition and offset of its records that later batches took. These records are no longer rejected.
    pub replayed: BTreeSet<(i32, i64)>,
    /// How often the topic was made anew before, as far as the remaining batches tell. Each time the offsets begin anew, so
    /// a replay may name files of one generation only.
    pub generation: u64,
}

impl Rejects {
    /// How many records of the file are still rejected.
    pub fn left(&self) -> u64 {
        self.file.rows.saturating_sub(self.replayed.len() as u64)
    }
}

impl BatchLog {
    /// The reject files of all batches, in the order of the batches, with the records that later batches took again.
    ///
    /// Make this list after the last [`BatchLog::refresh`] before a replay is appended, and make it anew if the append is
    /// lost. Then no record is replayed twice.
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

    /// Finds the records that a batch replayed, by file. Pruned files are left out.
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

    /// All records of a reject file as they came, including replayed ones, sorted by partition and offset.
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
            Ok(whole.then(|| from_parquet(bytes, None).and_then(|rows| reject_records(&rows))))
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
}
