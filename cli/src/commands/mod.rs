//! The command line: one module a command, each flag with its text in one place.

mod batches;
mod cluster;
mod demo;
mod evaluate;
mod executor;
mod generate;
mod health;
mod ingest;
mod job;
mod models;
mod monitoring;
mod plot;
mod produce;
mod rejected;
mod runs;
mod scheduled;
mod scheduler;
mod serve;
mod submit;
mod train;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use gugus_files::Store;
use gugus_spec::Job;

use crate::exit::{self, Code, Failure};
use crate::logging::LogFormat;
use crate::signals::Stop;

/// Records from Kafka, cut into Parquet batches, clustered by k-means on Apache Ballista, served over REST.
///
/// Try `gugus demo` first: it runs everything at once in one process.
///
/// Every flag is also a variable and a key: `--max-batches` is GUGUS_MAX_BATCHES, and `max_batches` in the file that
/// --config names (else gugus.toml in the current folder), at the top or under [ingest], [serve], …. A flag goes before
/// a variable, a variable before the file.
///
/// Exit codes: 0 done; 1 failed; 2 wrong usage, job file or input, nothing begun; 3 finished, but some models failed.
#[derive(Debug, Parser)]
#[command(
    name = "gugus",
    version,
    propagate_version = true,
    max_term_width = 110
)]
pub(crate) struct Gugus {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Configuration file (TOML); gugus.toml in the current folder if there is one and none is named
    #[arg(
        long,
        global = true,
        help_heading = "Options of every command",
        value_name = "FILE"
    )]
    pub(crate) config: Option<PathBuf>,
    /// What is logged to standard error: error, warn, info, debug, trace, or a tracing filter
    #[arg(
        long,
        global = true,
        help_heading = "Options of every command",
        value_name = "LEVEL",
        default_value = "info"
    )]
    pub(crate) log: String,
    /// How log lines look
    #[arg(
        long,
        global = true,
        help_heading = "Options of every command",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Demo),
    Generate(generate::Generate),
    Produce(produce::Produce),
    Ingest(ingest::Ingest),
    Batches(batches::Batches),
    Rejected(rejected::Rejected),
    Train(train::Train),
    Models(models::Models),
    Serve(serve::Serve),
    Job(job::JobCommand),
    Submit(submit::Submit),
    Runs(runs::Runs),
    Scheduler(scheduler::Scheduler),
    Executor(executor::Executor),
    Health(health::Health),
}

/// Runs the command that was asked for.
pub(crate) fn run(gugus: Gugus) -> ExitCode {
    match gugus.command {
        Command::Demo(demo) => on_runtime(|stop| demo.run(stop)),
        Command::Generate(generate) => exit::code(generate.run(), None),
        Command::Produce(produce) => on_runtime(|stop| produce.run(stop)),
        Command::Ingest(ingest) => on_runtime(|stop| ingest.run(stop)),
        Command::Batches(batches) => on_runtime(|stop| batches.run(stop)),
        Command::Rejected(rejected) => on_runtime(|stop| rejected.run(stop)),
        Command::Train(train) => on_runtime(|stop| train.run(stop)),
        Command::Models(models) => on_runtime(|stop| models.run(stop)),
        Command::Serve(serve) => on_runtime(|stop| serve.run(stop)),
        Command::Job(job) => exit::code(job.run(), None),
        Command::Submit(submit) => on_runtime(|stop| submit.run(stop)),
        Command::Runs(runs) => on_runtime(|stop| runs.run(stop)),
        Command::Scheduler(scheduler) => on_runtime(|stop| scheduler.run(stop)),
        Command::Executor(executor) => on_runtime(|stop| executor.run(stop)),
        Command::Health(health) => exit::code(health.run(), None),
    }
}

fn on_runtime<F>(command: impl FnOnce(Stop) -> F) -> ExitCode
where
    F: Future<Output = Result<Code, Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return exit::code(Err(Failure::failed(error)), None),
    };
    let code = runtime.block_on(async {
        match Stop::listen() {
            Ok(stop) => exit::code(command(stop.clone()).await, stop.signal()),
            Err(error) => exit::code(Err(Failure::failed(error)), None),
        }
    });
    // Nothing that is still running matters any more; Ballista's parts would never end by themselves.
    runtime.shutdown_background();
    code
}

/// `--job FILE`.
#[derive(Debug, Args)]
pub(crate) struct JobFile {
    /// The job file: the stream's columns and the models, for example jobs/crime.toml
    #[arg(long, value_name = "FILE")]
    job: PathBuf,
}

impl JobFile {
    fn read(&self) -> Result<Job, Failure> {
        read_job(&self.job)
    }

    /// The file's text, when it is a job file.
    fn text(&self) -> Result<String, Failure> {
        let text = std::fs::read_to_string(&self.job).map_err(|source| {
            Failure::usage(gugus_spec::Error::Read {
                path: self.job.clone(),
                source,
            })
        })?;
        Job::parse(&text, &self.job.display().to_string()).map_err(Failure::usage)?;
        Ok(text)
    }
}

fn read_job(path: &Path) -> Result<Job, Failure> {
    Job::from_file(path).map_err(Failure::usage)
}

/// `--batches DIR|s3://…`.
#[derive(Debug, Args)]
pub(crate) struct BatchesFolder {
    /// Where the batches are: a folder, or s3://bucket/prefix by AWS' own variables (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …)
    #[arg(long, value_name = "DIR|s3://…", default_value = "data/batch")]
    batches: String,
}

impl BatchesFolder {
    fn open(&self) -> Result<Store, Failure> {
        Store::open(&self.batches).map_err(Failure::usage)
    }

    /// As somebody else finds it who stands elsewhere.
    fn anywhere(&self) -> Result<String, Failure> {
        anywhere(&self.batches)
    }
}

/// `--models DIR|s3://…`.
#[derive(Debug, Args)]
pub(crate) struct ModelsFolder {
    /// Where the models are: a folder, or s3://bucket/prefix by AWS' own variables (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …)
    #[arg(long, value_name = "DIR|s3://…", default_value = "data/models")]
    models: String,
}

impl ModelsFolder {
    fn open(&self) -> Result<Store, Failure> {
        Store::open(&self.models).map_err(Failure::usage)
    }

    /// As somebody else finds it who stands elsewhere.
    fn anywhere(&self) -> Result<String, Failure> {
        anywhere(&self.models)
    }
}

fn anywhere(place: &str) -> Result<String, Failure> {
    if place.contains("://") {
        return Ok(place.to_owned());
    }
    let path = std::path::absolute(place).map_err(Failure::usage)?;
    path.into_os_string().into_string().map_err(|path| {
        let path = path.display();
        Failure::usage(format!("the path {path} is not text; name another"))
    })
}

/// `--brokers`, `--client-config` and `-K`.
#[derive(Debug, Args)]
pub(crate) struct Client {
    /// The Kafka brokers to begin with
    #[arg(long, value_name = "HOST:PORT,…")]
    brokers: String,
    /// A file of librdkafka's properties, one key=value a line: the place for TLS, SASL and their secrets
    #[arg(long, value_name = "FILE")]
    client_config: Option<PathBuf>,
    /// Any property of librdkafka, as often as wanted; it goes before the file and our own setting of the same property
    #[arg(short = 'K', value_name = "KEY=VALUE")]
    properties: Vec<String>,
}

impl Client {
    /// The properties of the file, then those of the command line, which go before them.
    fn properties(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut properties = match &self.client_config {
            Some(path) => gugus_ingest::read_properties(path).map_err(Failure::usage)?,
            None => Vec::new(),
        };
        for text in &self.properties {
            properties.push(property(text)?);
        }
        Ok(properties)
    }
}

/// Not a parser of clap's, which would repeat what it refuses: it may hold a secret.
fn property(text: &str) -> Result<(String, String), Failure> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err(Failure::usage(
            "a -K is no property; write -K KEY=VALUE, for example -K session.timeout.ms=10000",
        )),
    }
}

/// A socket for a server, or an error that names the address.
fn listen(address: std::net::SocketAddr) -> Result<std::net::TcpListener, Failure> {
    std::net::TcpListener::bind(address)
        .map_err(|source| Failure::failed(ListenError { address, source }))
}

#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on {address}; name another address with --listen, port 0 chooses a free one"
)]
struct ListenError {
    address: std::net::SocketAddr,
    #[source]
    source: std::io::Error,
}
