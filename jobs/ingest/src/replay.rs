//! Rejected records → batches, after the job file was corrected. Invariant: a record is replayed at most once, even if many
//! replays run at a time.
//!
//! A replay reads the reject files and parses their records by the job file as it is now. It commits the records that fit
//! as batches of their own, with the partitions, offsets and timestamps that they came with. Such a batch names the files
//! that its records came from; the files themselves never change. Records that still do not fit stay where they are.

mod config;
mod form;

use std::collections::BTreeMap;

use gugus_batches::{Appended, BatchLog, RejectedRecord, Rejects, ReplayDraft, ReplayedFile};
use gugus_records::Layout;
use tokio_util::sync::CancellationToken;

pub use self::config::{Config, Mode, Still, Summary};
use self::form::Form;
use crate::Error;
use crate::open_batch::{OpenBatch, Record};

/// Takes rejected records again. On `shutdown` what is committed stays, and the summary says what it was.
///
/// # Errors
/// Of kind [`Usage`](crate::Kind::Usage): a folder that is not there, or of another job. Else: a store that fails, a
/// reject file that is damaged.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<Summary, Error> {
    let topic = &config.job.source.topic;
    // Opening to append makes the folder. Opening to read first refuses a mistyped one.
    BatchLog::read(config.store.clone())
        .await
        .map_err(Error::open)?;
    let log = BatchLog::open(config.store.clone(), &config.job.name, topic)
        .await
        .map_err(Error::open)?;
    let mut replay = Replay {
        open: OpenBatch::new(&config.job),
        config,
        log,
        files: Vec::new(),
        summary: Summary::default(),
        still: BTreeMap::new(),
    };
    // If another writer took the number of a batch, the replay begins anew with the new state of the log.
    while replay.pass(&shutdown).await? == Pass::Lost {
        replay.log.refresh().await.map_err(Error::log)?;
    }
    Ok(replay.summed_up())
}

/// How one pass over the reject files ended.
#[derive(PartialEq, Eq)]
enum Pass {
    /// All files were read, or the replay was stopped.
    Done,
    /// Another writer took the number, and may have replayed the records that we have in hand.
    Lost,
}

struct Replay {
    config: Config,
    log: BatchLog,
    open: OpenBatch,
    /// How many records are in hand, by file.
    files: Vec<ReplayedFile>,
    summary: Summary,
    still: BTreeMap<&'static str, (u64, String)>,
}

impl Replay {
    async fn pass(&mut self, stop: &CancellationToken) -> Result<Pass, Error> {
        self.still.clear();
        self.files.clear();
        let layout = Layout::new(&self.config.job.source);
        self.open = OpenBatch::new(&self.config.job);
        let mut all = self.log.rejects().await.map_err(Error::log)?;
        all.retain(|rejects| {
            rejects.left() > 0 && self.config.batch.is_none_or(|batch| batch == rejects.batch)
        });
        let left: u64 = all.iter().map(Rejects::left).sum();
        self.config.progress.set_total(self.summary.replayed + left);
        let mut generation = None;
        for rejects in &all {
            // In a topic that was created again, offsets come again.
            if generation.replace(rejects.generation) != Some(rejects.generation)
                && self.commit().await? == Pass::Lost
            {
                return Ok(Pass::Lost);
            }
            let footer = self.log.footer(rejects.batch).await.map_err(Error::log)?;
            let form = Form::of(&footer, &layout);
            let records = self.log.rejected_records(rejects).await;
            for record in records.map_err(Error::log)? {
                if stop.is_cancelled() {
                    return Ok(Pass::Done);
                }
                if rejects
                    .replayed
                    .contains(&(record.partition, record.offset))
                {
                    continue;
                }
                self.config.progress.advance(1);
                self.take(rejects, &form, &record);
                if self.open.is_full() && self.commit().await? == Pass::Lost {
                    return Ok(Pass::Lost);
                }
            }
        }
        self.commit().await
    }

    fn take(&mut self, rejects: &Rejects, form: &Form, record: &RejectedRecord) {
        let most = self.config.job.batches.max_record_bytes;
        let again = Record {
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: record.headers.as_deref(),
        };
        let taken = self.open.accept(again, |columns| {
            form.push(columns, record.offset, again.value_within(most)?)
        });
        match taken {
            Ok(()) => match self.files.last_mut() {
                Some(last) if last.file == rejects.file.file => last.rows += 1,
                _ => self.files.push(ReplayedFile {
                    file: rejects.file.file.clone(),
                    rows: 1,
                }),
            },
            Err(reason) => {
                let still = self.still.entry(reason.kind());
                still.or_insert_with(|| (0, reason.to_string())).0 += 1;
            }
        }
    }

    /// Commits the records in hand.
    async fn commit(&mut self) -> Result<Pass, Error> {
        if self.open.is_empty() {
            return Ok(Pass::Done);
        }
        let replayed = self.open.rows();
        let (rows, _) = self.open.take()?;
        let draft = ReplayDraft {
            rows,
            replayed: std::mem::take(&mut self.files),
        };
        if self.config.mode == Mode::Commit {
            match self.log.append(&draft).await.map_err(Error::log)? {
                Appended::Committed(_) => self.summary.batches += 1,
                Appended::Lost { .. } => return Ok(Pass::Lost),
            }
        }
        self.summary.replayed += replayed;
        Ok(Pass::Done)
    }

    fn summed_up(self) -> Summary {
        let mut reasons: Vec<Still> = self
            .still
            .into_iter()
            .map(|(kind, (records, example))| Still {
                kind: kind.to_owned(),
                records,
                example,
            })
            .collect();
        reasons.sort_by_key(|still| std::cmp::Reverse(still.records));
        Summary {
            rejected: reasons.iter().map(|still| still.records).sum(),
            reasons,
            ..self.summary
        }
    }
}
