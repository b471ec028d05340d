//! Files → batches, without Kafka. Invariant: a file is known by its checksum. The footers say which of its records are
//! in which batch, so an import that broke off continues where it stopped.
//!
//! All records, accepted or rejected, take offsets of partition 0. The offsets run on from the end of the batches. A folder
//! takes imports or a topic, never both.

mod config;
pub(crate) mod cutter;
mod plan;

use gugus_batches::{Appended, BatchLog, FedBy, ImportDraft};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use self::config::{Config, Cut, Repeat, Summary};
use self::cutter::{Cutter, Halt};
use self::plan::{Known, Planned};
use crate::formats::ToImport;
use crate::{Error, worker};

/// Drafts that wait for their commit while the next draft is read. One is enough to keep both sides busy.
const WAITING: usize = 1;

/// Imports files into batches. The end of the import closes the last batch, full or not.
///
/// On `shutdown` the batch that is being written is finished, the open batch is dropped, and the summary returned. The
/// next import of these files continues there.
///
/// # Errors
/// Of kind [`Usage`](crate::Kind::Usage), and nothing was written: a file that is not there, is not what its name says,
/// is cut off, lacks a required column, has a column twice, or was imported before; a folder of another job or fed by a
/// topic. Otherwise: a file that turns out to be damaged further on, a store that fails. Committed batches stay.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<Summary, Error> {
    let stop = shutdown.child_token();
    let _stop_with_me = stop.clone().drop_guard();
    let looked = {
        let stop = stop.clone();
        worker::spawn("import", move |_| Ok((plan::look(&config, &stop)?, config)))?
    };
    // A pipe that nobody writes into gives no byte and no end. Nothing is imported yet, so the look may stay undone.
    let Some(looked) = stop.run_until_cancelled(looked).await else {
        return Ok(Summary::default());
    };
    let (planned, config) = looked?;
    let topic = &config.job.source.topic;
    let mut log = BatchLog::open(config.store.clone(), &config.job.name, topic)
        .await
        .map_err(Error::open)?;
    if log.fed_by() == FedBy::Topic {
        return Err(Error::fed_by(&config.store, "a topic"));
    }
    let known = Known::of(&log).await?;
    let planned = plan::left(planned, &known, &config)?;
    let begin = log.end_of(0).unwrap_or(0);
    let mut summary = Summary {
        files: planned.len() as u64,
        ..Summary::default()
    };

    let (send, mut drafts) = mpsc::channel(WAITING);
    let progress = config.progress.clone();
    let work = worker::spawn("import", move |_| {
        read(&config, &planned, begin, send, &stop)
    })?;
    while let Some(draft) = drafts.recv().await {
        append(&mut log, &draft, &mut summary).await?;
        progress.say(format!(
            "{} batches, {} records",
            summary.batches, summary.records
        ));
    }
    work.await?;
    Ok(summary)
}

async fn append(
    log: &mut BatchLog,
    draft: &ImportDraft,
    summary: &mut Summary,
) -> Result<(), Error> {
    match log.append(draft).await.map_err(Error::log)? {
        Appended::Committed(footer) => {
            summary.batches += 1;
            summary.records += footer.rows;
            summary.rejected += footer.rejected_rows();
            if summary.first_reason.is_none() {
                let first = draft.rejects.first();
                summary.first_reason = first.map(|reject| reject.reason.clone());
            }
            Ok(())
        }
        Appended::Lost { head } => Err(Error::Overtaken {
            number: head.number.to_string(),
        }),
    }
}

/// Reads all files and sends their batches. Ends early when `stop` is cancelled, or nobody takes the batches.
fn read(
    config: &Config,
    planned: &[Planned],
    begin: i64,
    send: mpsc::Sender<ImportDraft>,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let mut cutter = Cutter::new(config, begin, send, stop);
    let mut read = || -> Result<(), Halt> {
        for file in planned {
            let to_import = ToImport {
                input: &file.input,
                job: &config.job,
                skip: file.skip,
                progress: &config.progress,
            };
            cutter.begin(&file.input, file.part());
            file.format.read(&to_import, &mut cutter)?;
            cutter.end()?;
        }
        cutter.close()
    };
    match read() {
        Ok(()) | Err(Halt::Stopped) => Ok(()),
        Err(Halt::Error(error)) => Err(error),
    }
}
