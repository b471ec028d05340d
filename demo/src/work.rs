//! The records of the demo: sent to the stand-in, and ingested from there.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use gugus_files::Store;
use gugus_ingest::Start;
use gugus_ingest::ingest::{self, OnReset, Until};
use gugus_ingest::produce::{self, OnBadRow, Pace};
use gugus_progress::Progress;
use gugus_spec::Job;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::portions::Portions;

/// How many records are generated where no file is named: ten batches.
pub(crate) const GENERATED: u64 = 1_000;

/// The seed of generated records, so that everybody sees the same demo.
pub(crate) const SEED: u64 = 1;

/// What all steps work on.
pub(crate) struct Work {
    pub(crate) job: Job,
    pub(crate) brokers: String,
    pub(crate) batches: Store,
    pub(crate) models: Store,
    pub(crate) stop: CancellationToken,
}

impl Work {
    /// Sends portion after portion, each ingested before the next is sent; gives how many records the broker confirmed.
    pub(crate) async fn ingest(
        &self,
        portions: &Portions,
        progress: &Progress,
    ) -> Result<u64, Error> {
        let mut sent = 0;
        progress.set_total(portions.records);
        for portion in &portions.files {
            sent += self.send(portion.clone(), Pace::Full).await?;
            ingest::run(self.ingest_config(Until::End), || {}, self.stop.clone()).await?;
            progress.set_done(sent);
            if self.stop.is_cancelled() {
                return Err(Error::Stopped);
            }
        }
        Ok(sent)
    }

    /// Ingest from the stand-in.
    pub(crate) fn ingest_config(&self, until: Until) -> ingest::Config {
        ingest::Config {
            job: self.job.clone(),
            brokers: self.brokers.clone(),
            store: self.batches.clone(),
            until,
            max_batches: None,
            start: Start::Earliest,
            on_reset: OnReset::Stop,
            metrics: None,
            connection: Default::default(),
            client: Vec::new(),
            progress: Progress::default(),
        }
    }

    /// Sends a CSV file, and gives how many of its records the broker confirmed.
    async fn send(&self, input: PathBuf, pace: Pace) -> Result<u64, Error> {
        let config = produce::Config {
            source: self.job.source.clone(),
            brokers: self.brokers.clone(),
            input,
            from_line: None,
            on_bad_row: OnBadRow::Stop,
            pace,
            limit: None,
            client: Vec::new(),
            progress: Progress::default(),
        };
        Ok(produce::run(config, self.stop.clone()).await?.records)
    }
}

/// Sends generated records, so many each second, until the demo is stopped.
pub(crate) async fn keep_sending(work: Work, folder: PathBuf, rate: f64) -> Result<(), Error> {
    let mut seed = SEED;
    while !work.stop.is_cancelled() {
        // Another seed, for other records.
        seed += 1;
        let input = generate(&folder, seed)?;
        work.send(input, Pace::Rate(rate)).await?;
    }
    Ok(())
}

/// Writes sample records.
pub(crate) fn generate(folder: &Path, seed: u64) -> Result<PathBuf, Error> {
    let path = folder.join("generated.csv");
    let mut out = BufWriter::new(File::create(&path).map_err(Error::Temporary)?);
    gugus_generate::write(GENERATED, seed, &mut out).map_err(Error::Generate)?;
    out.flush().map_err(Error::Temporary)?;
    Ok(path)
}

/// Opens a folder for batches or models.
pub(crate) fn open(folder: &Path, name: &str) -> Result<Store, Error> {
    let path = folder.join(name);
    std::fs::create_dir_all(&path).map_err(Error::Temporary)?;
    Ok(Store::open(&path.to_string_lossy())?)
}
