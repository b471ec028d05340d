//! What wants a model, and whether models that are there are the ones that would be trained.
//!
//! A batch never changes, so a model of it that is there and differs was made by somebody else's job file: that is for the
//! user to decide. A model over everything is different: the stream goes on, and a model that lacks the newest batches is
//! not wrong but old. It is trained again and replaced.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, TryStreamExt, stream};
use gugus_store::{BatchNumber, Existing, ModelJson, ModelStore, OffsetRange};

use crate::error::Error;
use crate::prepare::{BatchFacts, Config, ModelWork, Pending, empty, path};
use crate::report::{ModelReport, Outcome, Report};

/// How many `model.json` are read at the same time.
const READS: usize = 16;

/// Fills in what is pending and reports what is not.
pub(crate) async fn sort_out(
    config: &Config,
    models: &ModelStore,
    batches: &BTreeMap<BatchNumber, BatchFacts>,
    work: &mut [ModelWork],
) -> Result<Report, Error> {
    let listed = models.list().await.map_err(Error::Models)?;
    let there: HashSet<(&str, BatchNumber)> = listed
        .iter()
        .flat_map(|m| m.batches.iter().map(|b| (m.model.as_str(), *b)))
        .collect();
    let mut report = Report::default();
    let mut differing: Vec<(String, String)> = Vec::new();
    for work in work {
        let found = match &work.pending {
            Pending::Batches(_) => {
                each_batch(config, models, batches, &there, work, &mut report).await?
            }
            Pending::Everything(_) => everything(config, models, batches, work, &mut report)
                .await?
                .into_iter()
                .collect(),
        };
        differing.extend(found);
    }
    match differing.first() {
        None => Ok(report),
        Some((path, difference)) => Err(Error::Differs {
            count: differing.len(),
            path: path.clone(),
            difference: difference.clone(),
        }),
    }
}

/// Finds the batches that want a model of `work`; gives the models that differ.
async fn each_batch(
    config: &Config,
    models: &ModelStore,
    batches: &BTreeMap<BatchNumber, BatchFacts>,
    there: &HashSet<(&str, BatchNumber)>,
    work: &mut ModelWork,
    report: &mut Report,
) -> Result<Vec<(String, String)>, Error> {
    let name = &work.model.name;
    let to_read: Vec<BatchNumber> = match config.existing {
        Existing::Replace => Vec::new(),
        Existing::Keep => batches
            .keys()
            .filter(|n| there.contains(&(name.as_str(), **n)))
            .copied()
            .collect(),
    };
    let found: BTreeMap<BatchNumber, Option<ModelJson>> = stream::iter(to_read)
        .map(|number| async move {
            models
                .about(name, Some(number))
                .await
                .map(|about| (number, about))
                .map_err(Error::Models)
        })
        .buffer_unordered(READS)
        .try_collect()
        .await?;
    let (mut pending, mut differing) = (Vec::new(), Vec::new());
    for (number, facts) in batches {
        if facts.rows == 0 {
            let reason = Some("the batch has no rows".to_owned());
            report.push(ModelReport {
                reason,
                ..empty(name, Some(*number), 0)
            });
            continue;
        }
        match found.get(number).and_then(Option::as_ref) {
            None => pending.push(*number),
            Some(about) => {
                let differs =
                    difference(config, &work.model, about).or_else(|| other_commit(about, facts));
                match differs {
                    Some(difference) => differing.push((path(name, Some(*number)), difference)),
                    None => report.push(already_there(about, name, Some(*number))),
                }
            }
        }
    }
    work.pending = Pending::Batches(pending);
    Ok(differing)
}

/// Finds out whether the model over everything is wanted; gives it when it differs in more than its data.
async fn everything(
    config: &Config,
    models: &ModelStore,
    batches: &BTreeMap<BatchNumber, BatchFacts>,
    work: &mut ModelWork,
    report: &mut Report,
) -> Result<Option<(String, String)>, Error> {
    let name = &work.model.name;
    let with_rows = batches.iter().filter(|(_, facts)| facts.rows > 0);
    let wanted: Vec<BatchNumber> = with_rows.map(|(number, _)| *number).collect();
    let Some((_, newest)) = batches.last_key_value().filter(|_| !wanted.is_empty()) else {
        report.push(ModelReport {
            reason: Some("no batch has rows".to_owned()),
            ..empty(name, None, 0)
        });
        return Ok(None);
    };
    let found = match config.existing {
        Existing::Replace => None,
        Existing::Keep => models.about(name, None).await.map_err(Error::Models)?,
    };
    if let Some(about) = found {
        if let Some(difference) = difference(config, &work.model, &about) {
            return Ok(Some((path(name, None), difference)));
        }
        if other_commit(&about, newest).is_none() && about.offsets == offsets(batches) {
            report.push(already_there(&about, name, None));
            return Ok(None);
        }
    }
    work.pending = Pending::Everything(wanted);
    Ok(None)
}

/// The offsets of all batches, one range a partition.
pub(crate) fn offsets(batches: &BTreeMap<BatchNumber, BatchFacts>) -> Vec<OffsetRange> {
    let mut ranges: BTreeMap<i32, OffsetRange> = BTreeMap::new();
    for range in batches.values().flat_map(|facts| &facts.ranges) {
        let whole = ranges.entry(range.partition).or_insert(*range);
        whole.first = whole.first.min(range.first);
        whole.next = whole.next.max(range.next);
    }
    ranges.into_values().collect()
}

fn already_there(
    about: &ModelJson,
    name: &gugus_spec::ModelName,
    number: Option<BatchNumber>,
) -> ModelReport {
    ModelReport {
        status: Outcome::Skipped,
        reason: Some("the model is there already".to_owned()),
        iterations: Some(about.iterations),
        training_cost: Some(about.training_cost),
        sizes: about.sizes.clone(),
        path: Some(path(name, number)),
        ..empty(name, number, about.rows)
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
fn difference(config: &Config, model: &gugus_spec::Model, there: &ModelJson) -> Option<String> {
    let features = |features: &[gugus_spec::Feature]| {
        let one = |f: &gugus_spec::Feature| format!("{} = {}", f.name, f.sql);
        features.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let compared = [
        ("job", there.job.clone(), config.job.name.to_string()),
        (
            "features",
            features(&there.features),
            features(&model.features),
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
            format!("{:?}", Some(&there.params)),
            format!("{:?}", model.algorithm.kmeans()),
        ),
    ];
    compared
        .into_iter()
        .find(|(_, there, wanted)| there != wanted)
        .map(|(what, there, wanted)| format!("its {what} is {there}, this run's is {wanted}"))
}
