//! `gugus ingest`.

use clap::Args;
use gugus_ingest::ingest::{self, Config, Until};
use gugus_ingest::{Kind, Start};

use crate::commands::{BatchesFolder, Client, JobFile};
use crate::exit::{Code, Failure};
use crate::output::{Output, count, print, print_json, progress, ready};
use crate::signals::Stop;

/// Take records from a job's Kafka topic and cut them into numbered Parquet batches
///
/// Every offset ends up in exactly one batch or reject file, whatever is killed when: the folder of batches is the log
/// of what was taken, and Kafka's own group offset only shows the lag.
#[derive(Debug, Args)]
pub(crate) struct Ingest {
    #[command(flatten)]
    job: JobFile,
    #[command(flatten)]
    client: Client,
    #[command(flatten)]
    batches: BatchesFolder,
    /// End when everything is taken that was in the topic at the start
    #[arg(long)]
    until_end: bool,
    /// End after this many batches
    #[arg(long, value_name = "N")]
    max_batches: Option<u64>,
    /// Where to begin in partitions of which no batch holds anything: earliest, latest, a time (RFC 3339), or P:OFFSET,…
    #[arg(long, value_name = "START", default_value = "earliest")]
    start: Start,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

impl Ingest {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        let bar = progress(None, "records");
        let brokers = self.client.brokers.clone();
        let config = Config {
            job: self.job.read()?,
            brokers: self.client.brokers,
            store: self.batches.open()?,
            until: if self.until_end {
                Until::End
            } else {
                Until::Forever
            },
            max_batches: self.max_batches,
            start: self.start,
            client: self.client.properties,
            progress: bar.clone(),
        };
        // With --output json standard output holds one document and nothing else.
        let output = self.output;
        let tell = move || match output {
            Output::Text => ready([("broker", brokers)]),
            Output::Json => eprintln!("ready broker={brokers}"),
        };
        let result = ingest::run(config, tell, stop.token).await;
        bar.finish_and_clear();
        let summary = result.map_err(failure)?;
        match self.output {
            Output::Json => print_json(&summary)?,
            Output::Text => print(&format!(
                "{} records in {} batches, {} rejected",
                count(summary.records),
                count(summary.batches),
                count(summary.rejected)
            ))?,
        }
        Ok(Code::Done)
    }
}

pub(crate) fn failure(error: gugus_ingest::Error) -> Failure {
    match error.kind() {
        Kind::Usage => Failure::usage(error),
        Kind::Failed => Failure::failed(error),
    }
}
