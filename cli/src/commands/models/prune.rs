//! `gugus models prune`.

use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use clap::Args;
use gugus_files::Stores;
use gugus_models::{Extent, Keep, ModelError, ModelStore, Prune};
use gugus_spec::{BatchNumber, ModelName};
use serde::Serialize;
use serde_json::json;

use crate::exit::{Code, Failure, unless_stopped};
use crate::flags::folders::ModelsFolder;
use crate::output::progress::progress;
use crate::output::{Output, count};
use crate::signals::Stop;

/// Remove the models of old batches; the newest always stays, and so does a model with an alias
///
/// The batches stay, and `gugus train` leaves out those whose models were removed. Models over all batches, models of windows
/// and folders that Spark wrote stay. Other processes may train, serve and set aliases meanwhile.
///
/// Example: gugus models prune --models data/models --keep 100 --dry-run
///
/// Next: run the command without --dry-run, then `gugus models list`.
#[derive(Debug, Args)]
#[command(name = "prune")]
#[group(id = "which_stay", required = true, multiple = false, args = ["keep", "older_than"])]
pub(super) struct PruneModels {
    /// Only these models; all when absent
    #[arg(value_name = "MODEL")]
    only: Vec<ModelName>,
    #[command(flatten)]
    models: ModelsFolder,
    /// Keep this many of the newest models of each name
    #[arg(long, value_name = "N")]
    keep: Option<NonZeroU64>,
    /// Remove models that were trained longer ago than this, for example 30days or 12h
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    older_than: Option<Duration>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

/// What was removed of a model.
#[derive(Debug, Serialize)]
struct Removed {
    model: ModelName,
    batches: Vec<BatchNumber>,
}

impl PruneModels {
    pub(super) async fn run(self, output: Output, stop: &Stop) -> Result<Code, Failure> {
        let keep = match (self.keep, self.older_than) {
            (Some(count), _) => Keep::Newest(count),
            (None, Some(age)) => {
                let since = SystemTime::now().checked_sub(age);
                Keep::Since(since.unwrap_or(SystemTime::UNIX_EPOCH))
            }
            (None, None) => return Err(Failure::usage("name --keep or --older-than")),
        };
        let (mode, verb) = if self.dry_run {
            (Prune::DryRun, "would remove")
        } else {
            (Prune::Delete, "removed")
        };
        let models = ModelStore::new(self.models.open(&Stores::from_env())?);
        let names = names(&models, self.only).await?;
        let bar = progress(None, "models");
        let (mut before, mut removed) = (0, Vec::new());
        for model in names {
            if stop.token.is_cancelled() {
                break;
            }
            let told = |done| {
                bar.set_position(before + done);
                match stop.token.is_cancelled() {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            };
            let batches = models.prune(&model, keep, mode, told).await;
            let batches = batches.map_err(Failure::failed)?;
            before += batches.len() as u64;
            removed.push(Removed { model, batches });
        }
        bar.finish_and_clear();
        let document = json!({ "removed": before, "models": removed });
        output.show(&document, || text(verb, before, &removed))?;
        unless_stopped(
            stop,
            "stopped before the end; run the same command again to remove the rest",
        )?;
        Ok(Code::Done)
    }
}

/// The models that are there, or those that were asked for, which have to be there.
async fn names(models: &ModelStore, only: Vec<ModelName>) -> Result<Vec<ModelName>, Failure> {
    let listed = models.list().await.map_err(Failure::usage)?;
    if only.is_empty() {
        let names = listed.iter().map(|of| of.model.parse());
        return names.collect::<Result<_, _>>().map_err(Failure::usage);
    }
    let is_listed = |name: &ModelName| listed.iter().any(|of| of.model == name.as_str());
    match only.iter().find(|name| !is_listed(name)) {
        None => Ok(only),
        Some(absent) => Err(Failure::usage(ModelError::NotFound {
            model: absent.to_string(),
            extent: Extent::All,
        })),
    }
}

fn text(verb: &str, all: u64, removed: &[Removed]) -> String {
    let mut text = format!("{verb} {} models", count(all));
    for Removed { model, batches } in removed {
        if let (Some(first), Some(last)) = (batches.first(), batches.last()) {
            let number = count(batches.len() as u64);
            text.push_str(&format!(
                "\n{model}: {number}, of batches {first} to {last}"
            ));
        }
    }
    text
}
