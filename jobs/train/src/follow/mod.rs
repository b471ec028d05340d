//! Standing training: what is there is trained, and then each batch that comes, until it is told to stop.
//!
//! The first look reads everything: all footers, and the models that are there. From then on a batch costs work for itself
//! alone. Its number follows the newest one, so it is found by name. Its footer is read once. That it has no model is known
//! without looking.
//!
//! Each model of the job file goes its own way: see [`lane`]. What the cluster or a store refuses is tried again after
//! growing pauses: see [`trouble`].

mod behind;
mod done;
mod lane;
mod standing;
mod torn;
mod trouble;

use std::sync::Arc;
use std::time::{Duration, Instant};

use gugus_error::Kind;
use gugus_models::Existing;
use gugus_submit::Submit;
use tokio_util::sync::CancellationToken;

use self::done::Done;
use self::lane::Lane;
use self::standing::{Cluster, Ended, Standing};
use self::trouble::Trouble;
use crate::batches::Batches;
use crate::candidates::begin_judging;
use crate::compare::refuse;
use crate::error::Error;
use crate::failures::Failures;
use crate::kinds::kinds;
use crate::prepare::{Config, begin, compile, label};
use crate::report::Report;
use crate::run::Run;
use crate::work::ModelWork;

/// How batches are followed.
#[derive(Clone, Copy, Debug)]
pub struct Follow {
    /// How often the batches are looked at, where nobody tells of new ones. It is also the first pause after the cluster or
    /// a store failed.
    pub poll: Duration,
}

impl Default for Follow {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(2),
        }
    }
}

/// Trains what is there, then what each new batch asks for, until `stop`. Models that are there are kept, whatever
/// [`Config::existing`] says.
///
/// The report counts what was done, and has no line for each model; the observer is told of each.
///
/// # Errors
/// Those of [`prepare`](crate::prepare) where the job file or the models are to blame. A folder without batches is no error:
/// batches are waited for. So are a cluster and a store that do not answer.
pub async fn follow(
    config: Config,
    settings: Follow,
    cluster: &dyn Submit,
    stop: CancellationToken,
) -> Result<Report, Error> {
    let began = Instant::now();
    let label = label(&config);
    let existing = Existing::Keep;
    let config = Config { existing, ..config };
    // Mistakes in the job file show before there is a batch.
    let compiled = compile(&config, &kinds())?;
    let mut done = Done::nothing(Arc::clone(&config.observer));
    let mut watch = config.batches.watch(settings.poll);
    let mut trouble = Trouble::new("the folder of batches or models", settings.poll);
    let mut waits = None;
    while let Some(looked) = stop
        .run_until_cancelled(look(&config, &compiled, &mut done))
        .await
    {
        match looked {
            Ok((run, lanes)) => {
                trouble.over();
                let cluster = Cluster::new(cluster, label.clone(), &stop, settings.poll);
                let standing = Standing::new(run, lanes, cluster, settings.poll);
                if standing.go_on(&mut done, &mut watch, &stop).await? == Ended::Stopped {
                    break;
                }
                // What is there is not what it was, and others may change it all the time.
                let pause = tokio::time::sleep(settings.poll);
                stop.run_until_cancelled(pause).await;
            }
            Err(error) if error.is_waited_for() => {
                trouble.over();
                let why = match error {
                    Error::Batches(torn) if torn.is_torn() => {
                        "the first batch is not whole yet; the run waits for the rest of it"
                    }
                    _ => "there are no batches yet; the run waits for the first one",
                };
                if waits != Some(why) {
                    tracing::info!(batches = %config.batches, "{why}");
                    waits = Some(why);
                }
                done.catch_up();
                stop.run_until_cancelled(watch.changed()).await;
            }
            Err(error) if error.kind() == Kind::Failed => {
                trouble.happened(&error);
                stop.run_until_cancelled(trouble.pause()).await;
            }
            Err(error) => return Err(error),
        }
    }
    done.total.seconds = began.elapsed().as_secs_f64();
    Ok(done.total)
}

/// Finds out which batches and models are there, and what each model wants.
async fn look(
    config: &Config,
    compiled: &[(ModelWork, usize)],
    done: &mut Done,
) -> Result<(Run, Vec<Lane>), Error> {
    let batches = Batches::freeze_whole(&config.batches, config.job.name.as_str()).await?;
    let mut run = begin(config, compiled, batches).await?;
    let models = compiled.iter().map(|(work, _)| &work.model);
    let failures = Failures::of_job(&config.job, models, &run.models).await;
    run.failures = failures.map_err(Error::Models)?;
    let (mut lanes, mut report, mut differing) = (Vec::new(), Report::default(), Vec::new());
    for (work, kind) in compiled {
        let kind = kinds().swap_remove(*kind);
        let (lane, differ) = Lane::find(&run, work.clone(), kind, &mut report).await?;
        lanes.push(lane);
        differing.extend(differ);
    }
    refuse(&differing)?;
    done.look(&run, &report);
    for (work, _) in compiled {
        begin_judging(&run, work).await?;
    }
    // The lanes know by now which batches want a model.
    run.listed.clear();
    run.aliases.clear();
    Ok((run, lanes))
}
