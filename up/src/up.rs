//! The parts, and the order in which they end.

use std::net::SocketAddr;

use gugus_http::Monitor;
use gugus_ingest::ingest::Metrics;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::config::{Addresses, Config};
use crate::error::Error;
use crate::ingesting::ingest;
use crate::training::Training;

/// Runs all parts until `stop`. `ready` is called once REST and the pages answer, and ingest reads the topic or waits for
/// its brokers.
///
/// # Errors
/// [`Error`] of the first part that failed for good.
pub async fn run(
    mut config: Config,
    ready: impl FnOnce(Addresses) + Send,
    stop: CancellationToken,
) -> Result<(), Error> {
    let monitor = Monitor::new()?;
    config.ingest.metrics = Some(Metrics::registered(monitor.registry())?);
    let training = Training::new(&config, monitor.registry())?;
    config.serve.monitor = Some(monitor);
    let over = config.cluster.over();
    let ends = Ends::new(&stop);
    let (reads, mut reading) = watch::channel(false);
    let (served, serves) = oneshot::channel();
    let cluster = config.cluster.access.clone();
    let scheme = match config.serve.guards.certificate {
        Some(_) => "https",
        None => "http",
    };

    let batches = config.request.batches.clone();
    let ingesting = ingest(config.ingest.clone(), &batches, reads, ends.all.clone());
    let tell = move |address: SocketAddr| {
        // Nobody waits any more only when this function has ended.
        let _ = served.send(address);
    };
    let serving = gugus_serve::run(config.rest, config.serve, tell, ends.trained.clone());

    let ingesting = async {
        let ended = ends.all_if_failed(ingesting.await);
        ends.ingested.cancel();
        ended
    };
    // The driver compiles plans. The threads that answer requests shall not wait for it.
    let (here, ingested) = (Handle::current(), ends.ingested.clone());
    let training = spawn_blocking(move || here.block_on(training.until(ingested)));
    let training = async {
        let ended = training.await.map_err(Error::from).flatten();
        let ended = ends.all_if_failed(ended);
        ends.trained.cancel();
        ended
    };
    let serving = tokio::spawn(serving);
    let serving = async {
        let ended = serving.await.map_err(Error::from);
        ends.all_if_failed(ended.and_then(|ended| ended.map_err(Error::from)))
    };
    let telling = async {
        let reads = async { reading.wait_for(|reads| *reads).await.is_ok() };
        if let (Ok(rest), true) = tokio::join!(serves, reads) {
            ready(Addresses {
                rest: format!("{scheme}://{rest}"),
                http: format!(
                    "{}://{}",
                    cluster.security.scheme(),
                    cluster.url.authority()
                ),
                grpc: cluster.url.to_string(),
            });
        }
    };
    // Without its cluster the training would wait for ever.
    let watching = async {
        match ends.trained.run_until_cancelled(over).await {
            None => Ok(()),
            Some(error) => ends.all_if_failed(Err(error)),
        }
    };
    let (watched, ingested, trained, served, ()) =
        tokio::join!(watching, ingesting, training, serving, telling);
    watched.and(ingested).and(trained).and(served)
}

/// Who ends when.
#[derive(Debug)]
struct Ends {
    /// The whole was told to stop, or a part of it failed.
    all: CancellationToken,
    /// The last batch is there.
    ingested: CancellationToken,
    /// The last model is there.
    trained: CancellationToken,
}

impl Ends {
    fn new(stop: &CancellationToken) -> Self {
        Self {
            all: stop.child_token(),
            ingested: CancellationToken::new(),
            trained: CancellationToken::new(),
        }
    }

    /// A part that failed ends the others.
    fn all_if_failed(&self, ended: Result<(), impl Into<Error>>) -> Result<(), Error> {
        if ended.is_err() {
            self.all.cancel();
        }
        ended.map_err(Into::into)
    }
}
