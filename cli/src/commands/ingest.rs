//! `gugus ingest`.

use std::net::SocketAddr;

use clap::Args;
use gugus_files::Stores;
use gugus_http::{Monitor, Readiness};
use gugus_ingest::ingest::{self, Config, Connection, Metrics, Until};
use gugus_progress::Progress;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::exit::{Code, Failure};
use crate::flags::folders::BatchesFolder;
use crate::flags::job_file::JobFile;
use crate::flags::kafka::KafkaClient;
use crate::flags::reading::Reading;
use crate::output::progress::draw_status;
use crate::output::{Output, count, ready, ready_line};
use crate::servers::{Monitoring, host_port};
use crate::signals::Stop;

/// Take records from a job's Kafka topic and cut them into numbered Parquet batches
///
/// Every offset ends up in exactly one batch or reject file, whatever process is killed and when. The folder of batches
/// is the log of what was taken. Kafka's own group offset only shows the lag.
///
/// Example: gugus ingest --job jobs/crime.toml --brokers 127.0.0.1:9092 --batches data/batch --until-end
///
/// Next: `gugus batches verify` proves that no record is missing, `gugus train` makes models of the batches.
#[derive(Debug, Args)]
pub(crate) struct Ingest {
    #[command(flatten)]
    job: JobFile,
    #[command(flatten)]
    client: KafkaClient,
    #[command(flatten)]
    batches: BatchesFolder,
    /// End after the records that are in the topic at the start
    #[arg(long)]
    until_end: bool,
    /// End after this many batches
    #[arg(long, value_name = "N")]
    max_batches: Option<u64>,
    #[command(flatten)]
    reading: Reading,
    /// Where to serve /metrics (Prometheus), /healthz and /readyz; nowhere when absent, port 0 chooses a free one
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port)]
    listen: Option<SocketAddr>,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

impl Ingest {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        let monitor = Monitor::new().map_err(Failure::failed)?;
        let progress = Progress::default();
        let bar = draw_status(&progress, "records");
        let config = Config {
            job: self.job.read()?,
            client: self.client.properties()?,
            brokers: self.client.brokers.clone(),
            store: self.batches.open(&Stores::from_env())?,
            until: if self.until_end {
                Until::End
            } else {
                Until::Forever
            },
            max_batches: self.max_batches,
            on_reset: self.reading.on_reset(),
            start: self.reading.start,
            progress,
            metrics: Some(Metrics::registered(monitor.registry()).map_err(Failure::failed)?),
            connection: watch::Sender::default(),
        };
        let mut urls = vec![("broker", self.client.brokers)];
        let monitoring = match self.listen {
            Some(address) => {
                let monitoring = Monitoring::start(address, None, &monitor)?;
                urls.push(("http", format!("http://{}", monitoring.address)));
                Some(monitoring)
            }
            None => None,
        };
        // With --output json standard output holds one document and nothing else.
        let output = self.output;
        let told = monitor.clone();
        let tell = move || {
            told.set(Readiness::Ready);
            match output {
                Output::Text => ready(&urls),
                Output::Json => eprintln!("{}", ready_line(&urls)),
            }
        };
        let connection = config.connection.subscribe();
        let watching = tokio::spawn(watch_over(connection, monitor.clone(), stop.token.clone()));
        let result = ingest::run(config, tell, stop.token).await;
        watching.abort();
        monitor.set(Readiness::NotReady);
        drop(bar);
        if let Some(monitoring) = monitoring {
            monitoring.stop().await?;
        }
        let summary = result?;
        self.output.show(&summary, || {
            format!(
                "{} records in {} batches, {} rejected",
                count(summary.records),
                count(summary.batches),
                count(summary.rejected)
            )
        })?;
        Ok(Code::Done)
    }
}

/// The command is ready while the brokers answer and nobody has asked it to stop.
async fn watch_over(
    mut connection: watch::Receiver<Connection>,
    monitor: Monitor,
    stop: CancellationToken,
) {
    let watched = async {
        while connection.changed().await.is_ok() {
            monitor.set(match *connection.borrow_and_update() {
                Connection::Up => Readiness::Ready,
                Connection::Opening | Connection::Lost => Readiness::NotReady,
            });
        }
    };
    stop.run_until_cancelled(watched).await;
    monitor.set(Readiness::NotReady);
}
