//! Reject files: written before the batch that names them, read again for a replay.
//!
//! A reject file never changes. Which of its records were taken again is written in the batches that took them: they
//! name the file under `replayed`. So an offset that was rejected is in one reject file, and in one batch at most.

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
}
