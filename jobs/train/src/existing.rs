//! What wants a model, and whether models that are there are the ones that would be trained.
//!
//! A batch never changes, so a model of it that is there and differs was made by somebody else's job file: that is for the
//! user to decide. A model over everything is different: the stream goes on, and a model that lacks the newest batches is
//! not wrong but old. It is trained again and replaced. So is a window's, if the batches that hold its rows are others.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, TryStreamExt, stream};
use gugus_spec::{Model, ModelName, Scope, Window};
use gugus_store::{BatchNumber, Existing, Extent, ModelJson, ModelStore, OffsetRange, WindowKey};

use crate::chain::{Chain, Link};
use crate::error::Error;
use crate::prepare::{BatchFacts, Config, ModelWork, Pending, empty, only_window};
use crate::report::{ModelReport, Outcome, Report};
use crate::windows::Span;

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
            Pending::Chain(_) => {
                let at = (config, models, batches);
                chain(at, &there, work, &mut report).await?
            }
            Pending::Everything(_) => everything(config, models, batches, work, &mut report)
                .await?
                .into_iter()
                .collect(),
            Pending::Windows(window, _) => {
                let window = window.clone();
                let at = (config, models, batches);
                all_windows(at, work, window, &mut report).await?
            }
        };
        differing.extend(found);
    }
    refuse(&differing)?;
    Ok(report)
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
    config: &Config,
    models: &ModelStore,
    batches: &BTreeMap<BatchNumber, BatchFacts>,
    there: &HashSet<(&str, BatchNumber)>,
    work: &mut ModelWork,
    report: &mut Report,
) -> Result<Vec<Difference>, Error> {
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

/// Finds the batches that want a model which goes on from the one before; gives the models that differ.
async fn chain(
    (config, models, batches): (&Config, &ModelStore, &BTreeMap<BatchNumber, BatchFacts>),
    there: &HashSet<(&str, BatchNumber)>,
    work: &mut ModelWork,
    report: &mut Report,
) -> Result<Vec<Difference>, Error> {
    let name = &work.model.name;
    let (mut chain, mut differing) = (Chain::default(), Vec::new());
    let mut found = BTreeMap::new();
    if config.existing == Existing::Keep {
        let of_model = there.iter().filter(|(model, _)| *model == name.as_str());
        let numbers: Vec<BatchNumber> = of_model.map(|(_, number)| *number).collect();
        let first = batches.keys().next();
        // Of batches that were pruned, the newest model is the one that the oldest batch left goes on from.
        let gone = numbers.iter().filter(|n| Some(*n) < first).max();
        let listed = numbers.iter().filter(|n| batches.contains_key(n));
        let to_read = listed.chain(gone).copied().collect();
        found = abouts(models, name, to_read).await?;
        if let Some((number, Some(about))) = gone.and_then(|n| found.get_key_value(n)) {
            match difference(config, &work.model, about) {
                Some(difference) => {
                    let folder = ModelStore::folder(name, &Extent::Batch(*number));
                    differing.push((folder, difference));
                }
                None => chain.begin(*number, about),
            }
        }
    }
    let mut broken = None;
    for (number, facts) in batches {
        let extent = Extent::Batch(*number);
        if facts.rows == 0 {
            let reason = Some("the batch has no rows".to_owned());
            report.push(ModelReport {
                reason,
                ..empty(name, &extent, 0)
            });
            continue;
        }
        let about = found.get(number).and_then(Option::as_ref);
        let differs = about.and_then(|about| {
            difference(config, &work.model, about).or_else(|| other_commit(about, facts))
        });
        if let Some(difference) = differs {
            differing.push((ModelStore::folder(name, &extent), difference));
            continue;
        }
        match (chain.add(*number, about), about) {
            (Link::Kept, Some(about)) => report.push(already_there(about, name, &extent)),
            (_, Some(_)) => broken = broken.or(Some(*number)),
            (_, None) => {}
        }
    }
    if let Some(first) = broken {
        tracing::warn!(model = %name, first = first.get(), "models went on from one that is not there any more; they are trained again");
    }
    work.pending = Pending::Chain(chain);
    Ok(differing)
}

/// Finds out whether the model over everything is wanted; gives it when it differs in more than its data.
async fn everything(
    config: &Config,
    models: &ModelStore,
    batches: &BTreeMap<BatchNumber, BatchFacts>,
    work: &mut ModelWork,
    report: &mut Report,
) -> Result<Option<Difference>, Error> {
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

/// Finds the batches whose rows are put in windows. The one window of the newest batches is compared with what is there;
/// which other windows there are shows only in the rows.
async fn all_windows(
    (config, models, batches): (&Config, &ModelStore, &BTreeMap<BatchNumber, BatchFacts>),
    work: &mut ModelWork,
    window: Window,
    report: &mut Report,
) -> Result<Vec<Difference>, Error> {
    let newest = match window {
        Window::Last { last } => usize::try_from(last.get()).unwrap_or(usize::MAX),
        Window::By { .. } | Window::Sql { .. } => usize::MAX,
    };
    let of_window = batches.iter().skip(batches.len().saturating_sub(newest));
    let wanted = with_rows(of_window);
    let (Some(first), Some(last)) = (wanted.first().copied(), wanted.last().copied()) else {
        report.push(no_rows(&work.model.name));
        return Ok(Vec::new());
    };
    if let Some(key) = only_window(&window) {
        let rows = wanted.iter().filter_map(|n| batches.get(n));
        let rows = rows.map(|facts| facts.rows).sum();
        let span = BTreeMap::from([(key, Span { rows, first, last })]);
        let found = windows((config, models, batches), &work.model, span, report).await?;
        if found.wanted.is_empty() {
            return Ok(found.differing);
        }
    }
    work.pending = Pending::Windows(window, wanted);
    Ok(Vec::new())
}

/// Which windows want a model, and which have one that differs.
#[derive(Debug, Default)]
pub(crate) struct WindowsFound {
    pub(crate) wanted: BTreeMap<WindowKey, Span>,
    pub(crate) differing: Vec<Difference>,
}

/// Compares windows with the models that are there, and reports those that have theirs.
pub(crate) async fn windows(
    (config, models, batches): (&Config, &ModelStore, &BTreeMap<BatchNumber, BatchFacts>),
    model: &Model,
    spans: BTreeMap<WindowKey, Span>,
    report: &mut Report,
) -> Result<WindowsFound, Error> {
    if config.existing == Existing::Replace {
        return Ok(WindowsFound {
            wanted: spans,
            ..WindowsFound::default()
        });
    }
    let name = &model.name;
    let there: Vec<(WindowKey, Span, Option<ModelJson>)> = stream::iter(spans)
        .map(|(key, span)| async move {
            let about = models.about(name, Extent::Window(key.clone())).await;
            about.map(|about| (key, span, about)).map_err(Error::Models)
        })
        .buffer_unordered(READS)
        .try_collect()
        .await?;
    let mut found = WindowsFound::default();
    for (key, span, about) in there {
        let extent = Extent::Window(key.clone());
        let Some(about) = about else {
            found.wanted.insert(key, span);
            continue;
        };
        if let Some(difference) = difference(config, model, &about) {
            let folder = ModelStore::folder(name, &extent);
            found.differing.push((folder, difference));
            continue;
        }
        let facts = || {
            batches
                .range(span.first..=span.last)
                .map(|(_, facts)| facts)
        };
        let same = facts()
            .next_back()
            .is_some_and(|newest| other_commit(&about, newest).is_none());
        if same && about.offsets == offsets(facts()) {
            report.push(already_there(&about, name, &extent));
        } else {
            found.wanted.insert(key, span);
        }
    }
    // They came as they were read.
    found.differing.sort_unstable();
    Ok(found)
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
            format!("{:?}", there.algorithm),
            format!("{:?}", model.algorithm),
        ),
    ];
    compared
        .into_iter()
        .find(|(_, there, wanted)| there != wanted)
        .map(|(what, there, wanted)| format!("its {what} is {there}, this run's is {wanted}"))
}
