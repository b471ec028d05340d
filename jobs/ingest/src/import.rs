//! Files → batches, without Kafka. Invariant: a file is known by its checksum; which of its records are in which batch
//! stands in the batches' footers, so an import that broke off is gone on with where it was.
//!
//! Records take offsets of partition 0 that run on from the batches' end, rejected ones too. A folder takes imports or
//! a topic, never both.

mod cutter;
mod plan;
mod rows;
mod tee;
mod text;

use std::path::PathBuf;

use gugus_batches::{Appended, BatchLog, Draft, FedBy};
use gugus_files::Store;
use gugus_spec::Job;
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::cutter::{Cutter, Halt};
use self::plan::{Known, Planned};
use crate::input::Format;
use crate::{Error, thread};

/// What to import, and where to.
#[derive(Clone, Debug)]
pub struct Config {
    /// Types the columns and limits the batches.
    pub job: Job,
    /// The folder of batches.
    pub store: Store,
    /// CSV, JSON lines (both also packed by gzip) or Parquet, told by the names' endings, in this order.
    pub files: Vec<PathBuf>,
    /// How batches are cut.
    pub cut: Cut,
    /// What becomes of files that were imported before.
    pub repeat: Repeat,
    /// Its length and position are bytes of all files.
    pub progress: ProgressBar,
}

/// How batches are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cut {
    /// By the job's limits; a batch may span files.
    #[default]
    ByRows,
    /// Each file is one batch.
    PerFile,
}

/// What becomes of files that were imported before, in full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// They are refused, and nothing is begun.
    #[default]
    Refuse,
    /// Their records are imported once more.
    Again,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Files of which records were read.
    pub files: u64,
    /// Batches committed.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Records kept aside.
    pub rejected: u64,
}

/// Drafts that wait for their commit while the next is read. One is enough to keep both sides busy.
const WAITING: usize = 1;

/// Imports files into batches. The end closes the last batch, full or not.
///
/// On `shutdown` the batch that is being written is finished, the open one is dropped, and the summary returned; the next
/// import of these files goes on there.
///
/// # Errors
/// Of kind [`Usage`](crate::Kind::Usage), and nothing was written: a file that is not there, is not what its name says, is cut off,
/// lacks a required column, has a column twice, or was imported before; a folder of another job or fed by a topic. Else:
/// a file that turns out damaged in its midst, a store that fails; what was committed until then stays.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<Summary, Error> {
    let stop = shutdown.child_token();
    let _stop_with_me = stop.clone().drop_guard();
    let (planned, config) = {
        let stop = stop.clone();
        let work = thread::spawn("import", move |_| Ok((plan::look(&config, &stop)?, config)))?;
        thread::flatten(work.await)?
    };
    let topic = &config.job.source.topic;
    let mut log = BatchLog::open(config.store.clone(), &config.job.name, topic)
        .await
        .map_err(Error::open)?;
    if log.fed_by() == FedBy::Topic {
        return Err(Error::FedBy {
            folder: config.store.to_string(),
            fed_by: "a topic",
        });
    }
    let known = Known::of(&log).await?;
    let planned = plan::left(planned, &known, config.repeat)?;
    let begin = log.end_of(0).unwrap_or(0);
    let mut summary = Summary {
        files: planned.len() as u64,
        ..Summary::default()
    };

    let (send, mut drafts) = mpsc::channel(WAITING);
    let progress = config.progress.clone();
    let work = thread::spawn("import", move |_| {
        read(&config, &planned, begin, send, &stop)
    })?;
    while let Some(draft) = drafts.recv().await {
        append(&mut log, &draft, &mut summary).await?;
        progress.set_message(format!(
            "{} batches, {} records",
            summary.batches, summary.records
        ));
    }
    thread::flatten(work.await)?;
    Ok(summary)
}

async fn append(log: &mut BatchLog, draft: &Draft, summary: &mut Summary) -> Result<(), Error> {
    match log.append(draft).await.map_err(Error::log)? {
        Appended::Committed(footer) => {
            summary.batches += 1;
            summary.records += footer.rows;
            summary.rejected += footer.rejected_rows();
            Ok(())
        }
        Appended::Lost { head } => Err(Error::Overtaken {
            number: head.number.to_string(),
        }),
    }
}

/// Reads all files and sends their batches. Ends early when it is told to, or nobody takes the batches.
fn read(
    config: &Config,
    planned: &[Planned],
    begin: i64,
    send: mpsc::Sender<Draft>,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let mut cutter = Cutter::new(config, begin, send, stop);
    let mut read = || -> Result<(), Halt> {
        for file in planned {
            cutter.begin(file);
            match file.input.format {
                Format::Csv => text::csv(file, config, &mut cutter)?,
                Format::JsonLines => text::json_lines(file, config, &mut cutter)?,
                Format::Parquet => rows::parquet(file, config, &mut cutter)?,
            }
            cutter.end()?;
        }
        cutter.close()
    };
    match read() {
        Ok(()) | Err(Halt::Stopped) => Ok(()),
        Err(Halt::Error(error)) => Err(error),
    }
}
