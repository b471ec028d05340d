//! Which batches want a model, and whether models that are there are the ones that would be trained.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, TryStreamExt, stream};
use gugus_store::{BatchNumber, Existing, ModelJson, ModelStore};

use crate::error::Error;
use crate::prepare::{BatchFacts, Config, ModelWork, empty, path};
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
        for (number, facts) in batches {
            if facts.rows == 0 {
                let reason = Some("the batch has no rows".to_owned());
                report.push(ModelReport {
                    reason,
                    ..empty(name, *number, 0)
                });
                continue;
            }
            match found.get(number).and_then(Option::as_ref) {
                None => work.pending.push(*number),
                Some(about) => match difference(
                    config,
                    work.model.condition.as_deref(),
                    &work.model,
                    facts,
                    about,
                ) {
                    Some(difference) => differing.push((path(name, *number), difference)),
                    None => report.push(already_there(about, name, *number)),
                },
            }
        }
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

fn already_there(
    about: &ModelJson,
    name: &gugus_spec::ModelName,
    number: BatchNumber,
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

/// What tells a model that is there from the one that would be trained; `None` when they would be the same.
fn difference(
    config: &Config,
    condition: Option<&str>,
    model: &gugus_spec::Model,
    facts: &BatchFacts,
    there: &ModelJson,
) -> Option<String> {
    let text = |what: &str, there: &str, wanted: &str| {
        (there != wanted).then(|| format!("its {what} is {there}, this run's is {wanted}"))
    };
    let features = |features: &[gugus_spec::Feature]| {
        features
            .iter()
            .map(|f| format!("{} = {}", f.name, f.sql))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let params = |params: &gugus_kmeans::Params| format!("{params:?}");
    let or_none = |text: Option<&str>| text.unwrap_or("none").to_owned();
    text("job", &there.job, config.job.name.as_str())
        .or_else(|| {
            text(
                "features",
                &features(&there.features),
                &features(&model.features),
            )
        })
        .or_else(|| {
            text(
                "where",
                &or_none(there.r#where.as_deref()),
                &or_none(condition),
            )
        })
        .or_else(|| {
            text(
                "weight_col",
                &or_none(there.weight_col.as_deref()),
                &or_none(model.weight_col.as_deref()),
            )
        })
        .or_else(|| {
            text(
                "handle_invalid",
                &format!("{:?}", there.handle_invalid),
                &format!("{:?}", model.handle_invalid),
            )
        })
        .or_else(|| text("parameters", &params(&there.params), &params(&model.params)))
        .or_else(|| {
            let commit = there.commit_id.as_ref().map(ToString::to_string);
            text(
                "batch's commit_id",
                &or_none(commit.as_deref()),
                facts.commit_id.as_str(),
            )
        })
}
