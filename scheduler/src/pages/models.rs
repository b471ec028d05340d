//! `/models`: the models of a store.

use std::cmp::Ordering;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use gugus_models::{Extent, SavedModel, WindowKey};
use gugus_pages::ROWS;
use gugus_pages::models::{ModelFacts, ModelState, Models, Name, StoredModel};
use gugus_progress::ReportScope;
use gugus_spec::BatchNumber;

use super::batches::from;
use super::chosen_store::chosen_store;
use super::served::Asked;
use super::shown::Shown;
use crate::problem::Problem;
use crate::stores::{FailedModel, Listing, ModelsView};

/// Up to so many models can be sorted by what stands within them: they are all read for that.
const SORTABLE: u64 = 2_000;

/// Models that are read at a time.
const AT_ONCE: usize = 16;

pub(super) async fn gather(shown: Shown, asked: Asked) -> Result<Models, Problem> {
    let Some(shelf) = &shown.shelf else {
        return Ok(Models::default());
    };
    let (store, known) = chosen_store(shelf, &asked, |pair| pair.models);
    let Some(store) = store else {
        return Ok(Models::default());
    };
    let view = shelf.models(&store).await?;
    let batches: Vec<String> = shelf
        .pairs()
        .into_iter()
        .filter(|pair| pair.models == store)
        .map(|pair| pair.batches)
        .collect();
    let page = Models {
        known,
        store: Some(store.clone()),
        batches,
        model: asked.choice("model").to_owned(),
        state: asked.choice("state").to_owned(),
        sort: asked.choice("sort").to_owned(),
        descending: asked.choice("order") == "desc",
        sortable: SORTABLE,
        from: from(&asked),
        ..Models::default()
    };
    let listing = match view.listing().await {
        Ok(listing) => listing,
        Err(problem) => {
            return Ok(Models {
                trouble: Some(problem.detail().to_owned()),
                ..page
            });
        }
    };
    let failed = shelf.failed(&store, &listing).await;
    fill(page, &view, &listing, &failed).await
}

/// A row before anything is read: all that a listing tells.
struct Found<'a> {
    model: &'a str,
    extent: &'a Extent,
    state: ModelState,
    reason: Option<&'a str>,
}

async fn fill(
    mut page: Models,
    view: &ModelsView,
    listing: &Listing,
    failed: &[FailedModel],
) -> Result<Models, Problem> {
    let mut found = found(&page, listing, failed);
    page.names = names(listing, failed);
    page.counts =
        [listing.all.len(), listing.unusable.len(), failed.len()].map(|number| number as u64);
    page.total = found.len() as u64;
    let first = usize::try_from(page.from)
        .unwrap_or(usize::MAX)
        .min(found.len());
    let rows = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let within = !matches!(page.sort.as_str(), "" | "model" | "batch");
    if within && page.total <= SORTABLE {
        let mut all = read(view, &found).await?;
        all.sort_by(|one, other| by_facts(&page.sort, one, other));
        if page.descending {
            all.reverse();
        }
        page.rows = all.into_iter().skip(first).take(rows).collect();
        return Ok(page);
    }
    let by_batch = |one: &Found<'_>, other: &Found<'_>| {
        one.extent
            .cmp(other.extent)
            .then(one.model.cmp(other.model))
    };
    match (page.sort.as_str(), page.descending) {
        ("model", false) => found.sort_by(|one, other| {
            one.model
                .cmp(other.model)
                .then(one.extent.cmp(other.extent))
        }),
        ("model", true) => found.sort_by(|one, other| {
            other
                .model
                .cmp(one.model)
                .then(one.extent.cmp(other.extent))
        }),
        ("batch", false) => found.sort_by(by_batch),
        ("batch", true) => found.sort_by(|one, other| by_batch(other, one)),
        // What is wrong comes first, then the newest batches.
        _ => found.sort_by(|one, other| {
            let wrong = |found: &Found<'_>| found.state == ModelState::Ready;
            wrong(one).cmp(&wrong(other)).then(by_batch(other, one))
        }),
    }
    let shown = found.into_iter().skip(first).take(rows).collect::<Vec<_>>();
    page.rows = read(view, &shown).await?;
    Ok(page)
}

/// The models that the viewer asked for.
fn found<'a>(page: &Models, listing: &'a Listing, failed: &'a [FailedModel]) -> Vec<Found<'a>> {
    let ready = listing.all.iter().map(|(model, extent)| Found {
        model: model.as_ref(),
        extent,
        state: ModelState::Ready,
        reason: None,
    });
    let unusable = listing.unusable.iter().map(|folder| Found {
        model: &folder.model,
        extent: &folder.extent,
        state: ModelState::Unusable,
        reason: Some(&folder.reason),
    });
    let failed = failed.iter().map(|failed| Found {
        model: &failed.model,
        extent: &failed.extent,
        state: ModelState::Failed,
        reason: Some(&failed.reason),
    });
    let all = ready.chain(unusable).chain(failed);
    let all = all.filter(|found| page.model.is_empty() || found.model == page.model);
    all.filter(|found| page.state.is_empty() || found.state.word() == page.state)
        .collect()
}

fn names(listing: &Listing, failed: &[FailedModel]) -> Vec<Name> {
    let mut names = std::collections::BTreeMap::<&str, u64>::new();
    for listed in &listing.models {
        let models = listed.batches.len() + listed.windows.len() + usize::from(listed.all);
        *names.entry(&listed.model).or_default() += models as u64;
    }
    let others = listing.unusable.iter().map(|folder| folder.model.as_str());
    for name in others.chain(failed.iter().map(|failed| failed.model.as_str())) {
        *names.entry(name).or_default() += 1;
    }
    let names = names.into_iter().map(|(model, models)| Name {
        model: model.to_owned(),
        models,
    });
    names.collect()
}

/// The rows with what stands within the models.
async fn read(view: &ModelsView, found: &[Found<'_>]) -> Result<Vec<StoredModel>, Problem> {
    let rows = found
        .iter()
        .map(|found| row(view, found))
        .collect::<Vec<_>>();
    futures::stream::iter(rows)
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

async fn row(view: &ModelsView, found: &Found<'_>) -> Result<StoredModel, Problem> {
    let mut row = StoredModel {
        model: found.model.to_owned(),
        of: of(found.extent),
        data: data(found.extent),
        state: found.state,
        reason: found.reason.map(str::to_owned),
        facts: None,
    };
    if found.state == ModelState::Ready {
        match view.read(found.model, found.extent).await? {
            Some(Ok(saved)) => row.facts = Some(facts(&saved)),
            Some(Err(reason)) => {
                row.state = ModelState::Unusable;
                row.reason = Some(reason);
            }
            None => row.reason = Some("it was removed a moment ago".to_owned()),
        }
    }
    Ok(row)
}

fn facts(saved: &Arc<SavedModel>) -> ModelFacts {
    let about = saved.about.as_ref();
    let summary = about.map(|about| &about.summary);
    ModelFacts {
        rows: summary.map(|summary| summary.rows),
        k: saved.k as u64,
        cost: summary.map(|summary| summary.training_cost),
        iterations: summary.map(|summary| summary.iterations),
        sizes: summary.map_or_else(Vec::new, |summary| summary.sizes.clone()),
        trained_at: about.map(|about| about.trained_at.clone()),
    }
}

fn by_facts(sort: &str, one: &StoredModel, other: &StoredModel) -> Ordering {
    let of = |row: &StoredModel| -> (f64, String) {
        let Some(facts) = &row.facts else {
            return (f64::NEG_INFINITY, String::new());
        };
        #[allow(clippy::cast_precision_loss)] // an order for people
        let number = match sort {
            "rows" => facts.rows.map(|rows| rows as f64),
            "k" => Some(facts.k as f64),
            "cost" => facts.cost,
            "iterations" => facts.iterations.map(f64::from),
            _ => None,
        };
        let text = facts.trained_at.clone().filter(|_| sort == "trained");
        (
            number.unwrap_or(f64::NEG_INFINITY),
            text.unwrap_or_default(),
        )
    };
    let ((one_number, one_text), (other_number, other_text)) = (of(one), of(other));
    one_number
        .total_cmp(&other_number)
        .then(one_text.cmp(&other_text))
}

/// The data of a model as a part of its path: the number of a batch, `all`, or the folder of a window.
pub(super) fn of(extent: &Extent) -> String {
    match extent {
        Extent::Batch(batch) => batch.to_string(),
        Extent::All | Extent::Window(_) => extent.folder_name(),
    }
}

/// The data of a model in words.
pub(super) fn data(extent: &Extent) -> String {
    let scope = match extent {
        Extent::Batch(_) => ReportScope::Batch,
        Extent::Window(_) => ReportScope::Window,
        Extent::All => ReportScope::All,
    };
    let batch = extent.batch().map(BatchNumber::get);
    let window = extent.window().map(WindowKey::as_str);
    gugus_progress::data(scope, batch, window)
}
