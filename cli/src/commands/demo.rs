//! `gugus demo`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use gugus_demo::{Config, Demo as Running, Milestone, Summary};
use gugus_progress::Progress;
use gugus_scheduler::Configuration;

use crate::exit::{Code, Failure};
use crate::flags::job_file::with_text;
use crate::flags::rate::rate;
use crate::output::progress::draw;
use crate::output::{count, print, ready, report, table};
use crate::servers::host_port;
use crate::signals::Stop;

/// Run everything at once in this process: `gugus up` on a stand-in for Kafka, with records that keep coming
///
/// The demo shows what Gugus does before you install anything else. The broker is librdkafka's mock cluster, a stand-in that
/// keeps nothing. All other parts are those that run in production. They stay up until Ctrl-C, and generated records keep
/// coming, so that you can watch batches and models on the pages that the demo names.
///
/// Example: gugus demo --exit
///
/// Next: `gugus up` does the same with a Kafka of yours; `gugus job infer` writes a job file for records of your own.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// A CSV file instead of generated records; no more records come after those of the file
    #[arg(long, value_name = "FILE.csv")]
    input: Option<PathBuf>,
    /// The job file that describes the records; when absent, jobs/crime.toml, which is in the binary
    #[arg(long, value_name = "FILE")]
    job: Option<PathBuf>,
    /// How many generated records come each second after the first 1,000
    #[arg(long, value_name = "N/s", default_value = "50/s", value_parser = rate)]
    rate: f64,
    /// Where REST listens; port 0 chooses a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8000", value_parser = host_port)]
    listen: SocketAddr,
    /// Where the scheduler listens; port 0 chooses a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050", value_parser = host_port)]
    scheduler_listen: SocketAddr,
    /// End after the last step
    #[arg(long)]
    exit: bool,
}

impl Demo {
    pub(crate) async fn run(
        self,
        stop: Stop,
        configuration: Configuration,
    ) -> Result<Code, Failure> {
        if !self.scheduler_listen.ip().to_canonical().is_loopback() {
            return Err(Failure::usage(format!(
                "other machines reach {}, and the demo shows its pages without a token; name a loopback address with --scheduler-listen, or use `gugus up` with --token-file",
                self.scheduler_listen
            )));
        }
        let progress = Progress::default();
        let bar = draw(&progress, "");
        let more = (self.input.is_none() && !self.exit).then_some(self.rate);
        let config = Config {
            job: self.job.as_deref().map(with_text).transpose()?,
            rate: more,
            input: self.input,
            listen: self.listen,
            scheduler_listen: self.scheduler_listen,
            configuration,
        };
        let say = |milestone: Milestone| bar.suspend(|| eprintln!("{milestone}"));
        let demo = Running::start(config, say, &progress, stop.token.clone()).await;
        drop(bar);
        let demo = match (demo, stop.signal()) {
            (Ok(demo), _) => demo,
            (Err(error), Some(_)) => return Err(Failure::interrupted(error)),
            (Err(error), None) => return Err(failed(error)),
        };
        let code = show(demo.summary())?;
        let summary = demo.summary();
        ready(&[
            ("rest", summary.rest.clone()),
            ("http", summary.http.clone()),
            ("grpc", summary.grpc.clone()),
            ("broker", summary.broker.clone()),
        ]);
        if self.exit {
            demo.stop().await.map_err(failed)?;
        } else {
            if let Some(rate) = more {
                eprintln!(
                    "{rate} more records come each second: watch them at {http}/batches and {http}/models",
                    http = summary.http
                );
            }
            eprintln!("everything stays up until Ctrl-C; nothing of it is kept");
            demo.stay().await.map_err(failed)?;
        }
        Ok(code)
    }
}

fn failed(error: gugus_demo::Error) -> Failure {
    Failure::Error(error.kind(), error.into())
}

fn show(summary: &Summary) -> Result<Code, Failure> {
    let mut counted = table(["records", "count"]);
    let rows = [
        ("in the file (in)", summary.records_in),
        ("sent to the broker", summary.sent),
        ("in batches", summary.accepted),
        ("rejected, kept with their reason", summary.rejected),
        ("accounted for (out)", summary.accepted + summary.rejected),
    ];
    for (what, number) in rows {
        counted.add_row([what.to_owned(), count(number)]);
    }
    print(&counted.to_string())?;
    print(&report::summary(&summary.report))?;
    print(&format!(
        "\na prediction:\n  {}\n  {}",
        summary.prediction.curl, summary.prediction.answer
    ))?;
    let lost = summary.records_in != summary.accepted + summary.rejected;
    print(&format!(
        "\nREST      {rest}/docs\nscheduler {http}/\nbroker    {broker} (a stand-in: librdkafka's mock cluster, keeps nothing)\nfiles     {folder}",
        rest = summary.rest,
        http = summary.http,
        broker = summary.broker,
        folder = summary.folder.display()
    ))?;
    if lost {
        return Err(Failure::failed(
            "records are missing: the counts above differ; this is a fault, please report it",
        ));
    }
    Ok(Code::of_models(summary.report.failed))
}
