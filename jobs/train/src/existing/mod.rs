//! What wants a model, and whether models that are there are the ones that would be trained.
//!
//! A batch never changes, so a model of it that is there and differs was made by somebody else's job file: that is for the
//! user to decide. A model over everything is different: the stream goes on, and a model that lacks the newest batches is
//! not wrong but old. It is trained again and replaced. So is a window's, if a newer batch holds rows of it.

mod chain;
mod windows;

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, TryStreamExt, stream};
use gugus_models::{Existing, Extent, ModelJson, ModelStore};
use gugus_spec::{BatchNumber, OffsetRange};
use gugus_spec::{Model, ModelName, Scope, Window};

use crate::error::Error;
use crate::prepare::{BatchFacts, Config, ModelWork, Pending, empty};
use crate::report::{ModelReport, Outcome, Report};

pub(crate) use windows::compare as compare_windows;

/// How many `model.json` are read at the same time.
const READS: usize = 16;

/// Fills in what is pending and reports what is not.
pub(crate) async fn sort_out(run: Run<'_>, work: &mut [ModelWork]) -> Result<Report, Error> {
    let listed = run.models.list().await.map_err(Error::Models)?;
    let there: HashSet<(&str, BatchNumber)> = listed
        .iter()
        .flat_map(|m| m.batches.iter().map(|b| (m.model.as_str(), *b)))
        .collect();
    let mut report = Report::default();
    let mut differing: Vec<(String, String)> = Vec::new();
    for work in work {
        let found = match &work.pending {
            Pending::Batches(_) => each_batch(run, &there, work, &mut report).await?,
            Pending::Chain(_) => chain::find(run, &there, work, &mut report).await?,
            Pending::Everything(_) => everything(run, work, &mut report)
                .await?
                .into_iter()
                .collect(),
            Pending::Windows(window, _) => {
                let window = window.clone();
                windows::find(run, work, window, &mut report).await?
            }
        };
        differing.extend(found);
    }
    refuse(&differing)?;
    Ok(report)
}

/// What a run would train on, and where its models are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) config: &'a Config,
    pub(crate) models: &'a ModelStore,
    pub(crate) batches: &'a BTreeMap<BatchNumber, BatchFacts>,
}

/// A model that is there and differs, by its folder, and in what.
pub(crate) type Difference = (String, String);

/// Refuses to go on where models differ.
pub(crate) fn refuse(differing: &[Difference]) -> Result<(), Error> {
    match differing.first() {
        None => Ok(()),
        Some((path, difference)) => Err(Error::Differs {
            count: differing.len(),
            path: path.clone(),
            difference: difference.clone(),
        }),
    }
}

/// Finds the batches that want a model of `work`; gives the models that differ.
async fn each_batch(
    run: Run<'_>,
    there: &HashSet<(&str, BatchNumber)>,
    work: &mut ModelWork,
    report: &mut Report,
) -> Result<Vec<Difference>, Error> {
    let Run {
        config,
        models,
        batches,
    } = run;
    let name = &work.model.name;
    let to_read: Vec<BatchNumber> = match config.existing {
        Existing::Replace => Vec::new(),
        Existing::Keep => batches
            .keys()
            .filter(|n| there.contains(&(name.as_str(), **n)))
            .copied()
            .collect(),
    };
    let found = abouts(models, name, to_read).await?;
    let (mut pending, mut differing) = (Vec::new(), Vec::new());
    for (number, facts) in batches {
        if facts.rows == 0 {
            let reason = Some("the batch has no rows".to_owned());
            report.push(ModelReport {
                reason,
                ..empty(name, &Extent::Batch(*number), 0)
            });
            continue;
        }
        match found.get(number).and_then(Option::as_ref) {
            None => pending.push(*number),
            Some(about) => {
                let differs =
                    difference(config, &work.model, about).or_else(|| other_commit(about, facts));
                match differs {
                    Some(difference) => {
                        let folder = ModelStore::folder(name, &Extent::Batch(*number));
                        differing.push((folder, difference));
                    }
                    None => report.push(already_there(about, name, &Extent::Batch(*number))),
                }
            }
        }
    }
    work.pending = Pending::Batches(pending);
    Ok(differing)
}

/// What `model.json` says of the models of these batches.
async fn abouts(
    models: &ModelStore,
    name: &ModelName,
    numbers: Vec<BatchNumber>,
) -> Result<BTreeMap<BatchNumber, Option<ModelJson>>, Error> {
    stream::iter(numbers)
        .map(|number| async move {
            let about = models.about(name, number).await;
            about.map(|about| (number, about)).map_err(Error::Models)
        })
        .buffer_unordered(READS)
        .try_collect()
        .await
}

/// Finds out whether the model over everything is wanted; gives it when it differs in more than its data.
async fn everything(
    run: Run<'_>,
    work: &mut ModelWork,
    report: &mut Report,
) -> Result<Option<Difference>, Error> {
    let Run {
        config,
        models,
        batches,
    } = run;
    let name = &work.model.name;
    let wanted = with_rows(batches.iter());
    let Some((_, newest)) = batches.last_key_value().filter(|_| !wanted.is_empty()) else {
        report.push(no_rows(name));
        return Ok(None);
    };
    let found = match config.existing {
        Existing::Replace => None,
        Existing::Keep => models.about(name, None).await.map_err(Error::Models)?,
    };
    if let Some(about) = found {
        if let Some(difference) = difference(config, &work.model, &about) {
            return Ok(Some((ModelStore::folder(name, &Extent::All), difference)));
        }
        if other_commit(&about, newest).is_none() && about.offsets == offsets(batches.values()) {
            report.push(already_there(&about, name, &Extent::All));
            return Ok(None);
        }
    }
    work.pending = Pending::Everything(wanted);
    Ok(None)
}

/// The numbers of the batches that have rows.
fn with_rows<'a>(
    batches: impl Iterator<Item = (&'a BatchNumber, &'a BatchFacts)>,
) -> Vec<BatchNumber> {
    let with_rows = batches.filter(|(_, facts)| facts.rows > 0);
    with_rows.map(|(number, _)| *number).collect()
}

fn no_rows(name: &ModelName) -> ModelReport {
    ModelReport {
        reason: Some("no batch has rows".to_owned()),
        ..empty(name, &Extent::All, 0)
    }
}

/// The offsets of batches, one range a partition.
pub(crate) fn offsets<'a>(batches: impl Iterator<Item = &'a BatchFacts>) -> Vec<OffsetRange> {
    let mut ranges: BTreeMap<i32, OffsetRange> = BTreeMap::new();
    for range in batches.flat_map(|facts| &facts.ranges) {
        let whole = ranges.entry(range.partition).or_insert(*range);
        whole.first = whole.first.min(range.first);
        whole.next = whole.next.max(range.next);
    }
    ranges.into_values().collect()
}

fn already_there(about: &ModelJson, name: &ModelName, extent: &Extent) -> ModelReport {
    ModelReport {
        status: Outcome::Skipped,
        reason: Some("the model is there already".to_owned()),
        iterations: Some(about.iterations),
        training_cost: Some(about.training_cost),
        sizes: about.sizes.clone(),
        path: Some(ModelStore::folder(name, extent)),
        ..empty(name, extent, about.rows)
    }
}

/// Whether the batch was replaced since the model was trained.
fn other_commit(there: &ModelJson, facts: &BatchFacts) -> Option<String> {
    let commit = there.commit_id.as_deref().unwrap_or("none");
    let wanted = facts.commit_id.as_str();
    (commit != wanted).then(|| format!("its batch's commit_id is {commit}, this run's is {wanted}"))
}

/// What tells a model that is there from the one that would be trained, but for the data; `None` when they would be the
/// same.
fn difference(config: &Config, model: &Model, there: &ModelJson) -> Option<String> {
    let features = |features: &[gugus_spec::Feature]| {
        let one = |f: &gugus_spec::Feature| format!("{} = {}", f.name, f.sql);
        features.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let windows = |window: Option<&Window>| {
        window.map_or_else(
            || "none".to_owned(),
            |window| Scope::Window(window.clone()).to_string(),
        )
    };
    let wanted_window = match &model.scope {
        Scope::Window(window) => Some(window),
        Scope::Batch | Scope::All => None,
    };
    let compared = [
        ("job", there.job.clone(), config.job.name.to_string()),
        (
            "features",
            features(&there.features),
            features(&model.features),
        ),
        (
            "window",
            windows(there.window.as_ref().map(|saved| &saved.window)),
            windows(wanted_window),
        ),
        ("where", or_none(&there.r#where), or_none(&model.condition)),
        (
            "weight_col",
            or_none(&there.weight_col),
            or_none(&model.weight_col),
        ),
        (
            "handle_invalid",
            format!("{:?}", there.handle_invalid),
            format!("{:?}", model.handle_invalid),
        ),
        (
            "parameters",
            there.algorithm.to_string(),
            model.algorithm.to_string(),
        ),
    ];
    compared
        .into_iter()
        .find(|(_, there, wanted)| there != wanted)
        .map(|(what, there, wanted)| format!("its {what} is {there}, this run's is {wanted}"))
}
