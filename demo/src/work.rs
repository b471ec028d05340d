//! The work of the demo: records become batches, batches become models.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use gugus_engine::{Cluster, ClusterUrl};
use gugus_files::Store;
use gugus_ingest::Start;
use gugus_ingest::ingest::{self, OnReset, Until};
use gugus_ingest::produce::{self, OnBadRow, Pace};
use gugus_models::Existing;
use gugus_progress::Progress;
use gugus_scheduler::Followed;
use gugus_spec::Job;
use gugus_submit::SubmitError;
use gugus_train::{Prepared, Report};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::portions::Portions;

/// How many records are generated where no file is named: ten batches.
pub(crate) const GENERATED: u64 = 1_000;

/// The seed of generated records, so that everybody sees the same demo.
const SEED: u64 = 1;

/// What all steps work on.
pub(crate) struct Work {
    pub(crate) job: Job,
    pub(crate) batches: Store,
    pub(crate) models: Store,
    pub(crate) progress: Progress,
    pub(crate) stop: CancellationToken,
}

impl Work {
    /// Finds what there is to train.
    pub(crate) async fn prepare(&self, run: &Followed) -> Result<Prepared, Error> {
        let config = gugus_train::Config {
            job: self.job.clone(),
            batches: self.batches.clone(),
            models: self.models.clone(),
            only: Vec::new(),
            existing: Existing::Keep,
            progress: self.progress.clone(),
            observer: run.observer(),
            run: Some(run.id().to_string()),
        };
        Ok(gugus_train::prepare(config).await?)
    }

    /// Trains on the cluster at `url`, whose pages show the run.
    pub(crate) async fn train(
        &self,
        prepared: Prepared,
        run: Followed,
        url: &ClusterUrl,
    ) -> Result<Report, Error> {
        let cluster = Cluster::connect(url.clone()).await;
        let cluster =
            cluster.map_err(|error| gugus_train::Error::from(SubmitError::from(error)))?;
        Ok(run.drive(|stop| prepared.train(&cluster, stop)).await?)
    }

    /// Serves the models on `listener`; gives the address, and how the service ends.
    pub(crate) async fn serve(&self, listener: TcpListener) -> Result<(String, Serving), Error> {
        let (ready, up) = tokio::sync::oneshot::channel();
        let tell = move |address: SocketAddr| {
            // Nobody waits any more only when this function has ended.
            let _ = ready.send(address);
        };
        let config = gugus_serve::Config::new(self.models.clone());
        let serving = gugus_serve::run(listener, config, tell, self.stop.clone());
        let serving = tokio::spawn(serving);
        let address = up.await.map_err(|_| Error::Stopped)?;
        Ok((format!("http://{address}"), serving))
    }

    /// Sends portion after portion, each ingested before the next is sent; gives how many records the broker confirmed.
    pub(crate) async fn ingest(&self, brokers: &str, portions: &Portions) -> Result<u64, Error> {
        let mut sent = 0;
        self.progress.set_total(portions.records);
        for portion in &portions.files {
            let summary = produce::run(
                produce::Config {
                    source: self.job.source.clone(),
                    brokers: brokers.to_owned(),
                    input: portion.clone(),
                    from_line: None,
                    on_bad_row: OnBadRow::Stop,
                    pace: Pace::Full,
                    limit: None,
                    client: Vec::new(),
                    progress: Progress::default(),
                },
                self.stop.clone(),
            )
            .await?;
            sent += summary.records;
            ingest::run(
                ingest::Config {
                    job: self.job.clone(),
                    brokers: brokers.to_owned(),
                    store: self.batches.clone(),
                    until: Until::End,
                    max_batches: None,
                    start: Start::Earliest,
                    on_reset: OnReset::Stop,
                    metrics: None,
                    connection: Default::default(),
                    client: Vec::new(),
                    progress: Progress::default(),
                },
                || {},
                self.stop.clone(),
            )
            .await?;
            self.progress.set_done(sent);
            if self.stop.is_cancelled() {
                return Err(Error::Stopped);
            }
        }
        Ok(sent)
    }
}

/// The REST service, until it ends.
pub(crate) type Serving = JoinHandle<Result<(), gugus_serve::Error>>;

/// Writes sample records.
pub(crate) fn generate(folder: &Path) -> Result<PathBuf, Error> {
    let path = folder.join("generated.csv");
    let mut out = BufWriter::new(File::create(&path).map_err(Error::Temporary)?);
    gugus_generate::write(GENERATED, SEED, &mut out).map_err(Error::Generate)?;
    out.flush().map_err(Error::Temporary)?;
    Ok(path)
}

/// Opens a folder for batches or models.
pub(crate) fn open(folder: &Path, name: &str) -> Result<Store, Error> {
    let path = folder.join(name);
    std::fs::create_dir_all(&path).map_err(Error::Temporary)?;
    Ok(Store::open(&path.to_string_lossy())?)
}
