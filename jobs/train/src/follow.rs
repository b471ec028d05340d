//! Standing training: what is there is trained, and then each change, until it is told to stop.

use std::time::Duration;

use gugus_batches::LogError;
use gugus_submit::Submit;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::prepare::{Config, prepare};
use crate::report::Report;

/// How batches are followed.
#[derive(Clone, Copy, Debug)]
pub struct Follow {
    /// How often the batches are looked at, where nobody tells of new ones.
    pub poll: Duration,
}

impl Default for Follow {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(2),
        }
    }
}

/// Trains what is there, then what each new batch asks for, until `stop`.
///
/// The report counts what was done, and has no line for each model; the observer is told of each.
///
/// # Errors
/// Those of [`prepare`](crate::prepare), before anything was begun, and those of training. A folder without batches is
/// no error: batches are waited for.
pub async fn follow(
    config: Config,
    settings: Follow,
    cluster: &dyn Submit,
    stop: CancellationToken,
) -> Result<Report, Error> {
    let mut watch = config.batches.watch(settings.poll);
    let mut total = Report::default();
    let mut caught_up = false;
    loop {
        match prepare(config.clone()).await {
            Ok(prepared) => match prepared.train(cluster, stop.clone()).await {
                Ok(report) => total.count(&report),
                Err(Error::Interrupted { report }) => {
                    total.count(&report);
                    return Ok(total);
                }
                Err(error) => return Err(error),
            },
            Err(Error::NoBatches { .. } | Error::Batches(LogError::NoFolder { .. })) => {}
            Err(error) => return Err(error),
        }
        if !caught_up {
            config.observer.caught_up();
            caught_up = true;
        }
        if stop.run_until_cancelled(watch.changed()).await.is_none() {
            return Ok(total);
        }
    }
}
