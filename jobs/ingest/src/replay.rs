//! Rejected records → batches, after the job file was corrected. Invariant: a record is taken again once at most, however
//! many replays run at a time.
//!
//! A replay reads the reject files, parses their records by the job file as it is now, and commits those that fit as
//! batches of their own, with the partitions, offsets and timestamps that they came with. Such a batch names the files
//! that its records came from; the files themselves never change. What still does not fit stays where it is.

mod form;

use std::collections::BTreeMap;

use gugus_batches::{Appended, BatchLog, RejectedRecord, Rejects, ReplayedFile};
use gugus_files::Store;
use gugus_records::{Layout, Reason};
use gugus_spec::BatchNumber;
use gugus_spec::Job;
use indicatif::ProgressBar;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::form::Form;
use crate::Error;
use crate::gather::{Gather, Record};

/// What to take again.
#[derive(Clone, Debug)]
pub struct Config {
    /// The corrected job file. Its `batches.rows` cuts the replay, too.
    pub job: Job,
    /// The folder of batches.
    pub store: Store,
    /// Takes only what the commit of this batch refused.
    pub batch: Option<BatchNumber>,
    /// Whether to write.
    pub mode: Mode,
    /// Its length and position are records.
    pub progress: ProgressBar,
}

/// Whether a replay writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Records that fit now are committed.
    #[default]
    Commit,
    /// They are only counted.
    DryRun,
}

/// What a replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Records that fit now, and are in batches unless it was a dry run.
    pub replayed: u64,
    /// Batches committed.
    pub batches: u64,
    /// Records that still do not fit.
    pub rejected: u64,
    /// Why not, the most frequent first.
    pub reasons: Vec<Still>,
}

/// Records that still do not fit, by kind of reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Still {
    /// The kind of reason, as in the metrics of `ingest`.
    pub kind: String,
    /// How many records.
    pub records: u64,
    /// The reason of one of them.
    pub example: String,
}

/// Takes rejected records again. On `shutdown` what is committed stays, and the summary says what it was.
///
/// # Errors
/// Of kind [`Usage`](crate::Kind::Usage): a folder that is not there, or of another job. Else: a store that fails, a
/// reject file that is damaged.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<Summary, Error> {
    let topic = &config.job.source.topic;
    // Opening to append makes the folder; a mistyped one is refused first.
    BatchLog::read(config.store.clone())
        .await
        .map_err(Error::open)?;
    let log = BatchLog::open(config.store.clone(), &config.job.name, topic)
        .await
        .map_err(Error::open)?;
    let mut replay = Replay {
        gather: Gather::new(Layout::new(&config.job.source)),
        config,
        log,
        files: Vec::new(),
        summary: Summary::default(),
        still: BTreeMap::new(),
    };
    // A batch that was lost to another writer begins it anew with what the log says then.
    while replay.pass(&shutdown).await? == Pass::Lost {
        replay.log.refresh().await.map_err(Error::log)?;
    }
    Ok(replay.summed_up())
}

/// How one pass over the reject files ended.
#[derive(PartialEq, Eq)]
enum Pass {
    /// All files were read, or we were told to stop.
    Done,
    /// Another writer took a number, and may have replayed what we have in hand.
    Lost,
}

struct Replay {
    config: Config,
    log: BatchLog,
    gather: Gather,
    /// What is in hand, by file.
    files: Vec<ReplayedFile>,
    summary: Summary,
    still: BTreeMap<&'static str, (u64, String)>,
}

impl Replay {
    async fn pass(&mut self, stop: &CancellationToken) -> Result<Pass, Error> {
        self.still.clear();
        self.files.clear();
        let layout = Layout::new(&self.config.job.source);
        self.gather = Gather::new(layout.clone());
        let mut all = self.log.rejects().await.map_err(Error::log)?;
        all.retain(|rejects| {
            rejects.left() > 0 && self.config.batch.is_none_or(|batch| batch == rejects.batch)
        });
        let left: u64 = all.iter().map(Rejects::left).sum();
        self.config
            .progress
            .set_length(self.summary.replayed + left);
        let mut generation = None;
        for rejects in &all {
            // Offsets come again in a topic that was made anew.
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
                self.config.progress.inc(1);
                self.take(rejects, &form, &record);
                if self.gather.is_full(&self.config.job.batches)
                    && self.commit().await? == Pass::Lost
                {
                    return Ok(Pass::Lost);
                }
            }
        }
        self.commit().await
    }

    fn take(&mut self, rejects: &Rejects, form: &Form, record: &RejectedRecord) {
        let value = record.value.as_deref();
        let limit = self.config.job.batches.max_record_bytes;
        let place = Record {
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.as_deref(),
            value,
        };
        let taken = match (value, limit) {
            // A record without a value has nothing to be read, whatever the job file says.
            (None, _) => Err(("null", record.reason.clone())),
            (Some(value), Some(most)) if value.len() as u64 > most => {
                let reason = Reason::TooLarge {
                    bytes: value.len() as u64,
                    most,
                };
                Err((reason.kind(), reason.to_string()))
            }
            (Some(value), _) => self
                .gather
                .accept(place, |columns| form.push(columns, record.offset, value))
                .map_err(|reason| (reason.kind(), reason.to_string())),
        };
        match taken {
            Ok(()) => match self.files.last_mut() {
                Some(last) if last.file == rejects.file.file => last.rows += 1,
                _ => self.files.push(ReplayedFile {
                    file: rejects.file.file.clone(),
                    rows: 1,
                }),
            },
            Err((kind, reason)) => {
                self.still.entry(kind).or_insert((0, reason)).0 += 1;
            }
        }
    }

    /// Commits what is in hand.
    async fn commit(&mut self) -> Result<Pass, Error> {
        if self.gather.is_empty() {
            return Ok(Pass::Done);
        }
        let rows = self.gather.rows();
        let mut draft = self.gather.take(Vec::new(), Vec::new())?;
        draft.replayed = std::mem::take(&mut self.files);
        if self.config.mode == Mode::Commit {
            match self.log.append(&draft).await.map_err(Error::log)? {
                Appended::Committed(_) => self.summary.batches += 1,
                Appended::Lost { .. } => return Ok(Pass::Lost),
            }
        }
        self.summary.replayed += rows;
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
