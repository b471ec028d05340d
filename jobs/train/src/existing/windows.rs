//! Which windows want a model.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use gugus_models::{Existing, Extent, ModelJson, ModelStore, WindowKey};
use gugus_spec::{Model, Window};

use super::{Difference, READS, Run, already_there, difference, no_rows, other_commit, with_rows};
use crate::error::Error;
use crate::prepare::{ModelWork, Pending, only_window};
use crate::report::Report;
use crate::windows::Span;

/// Finds the batches whose rows are put in windows. The one window of the newest batches is compared with what is there;
/// which other windows there are shows only in the rows.
pub(super) async fn find(
    run: Run<'_>,
    work: &mut ModelWork,
    window: Window,
    report: &mut Report,
) -> Result<Vec<Difference>, Error> {
    let Run { batches, .. } = run;
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
        let found = compare(run, &work.model, span, report).await?;
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
pub(crate) async fn compare(
    run: Run<'_>,
    model: &Model,
    spans: BTreeMap<WindowKey, Span>,
    report: &mut Report,
) -> Result<WindowsFound, Error> {
    let Run {
        config,
        models,
        batches,
    } = run;
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
        // Batches never change, so this one tells all: what is gone since were older rows, which the model has seen.
        let newest = batches.get(&span.last);
        if newest.is_some_and(|newest| other_commit(&about, newest).is_none()) {
            report.push(already_there(&about, name, &extent));
        } else {
            found.wanted.insert(key, span);
        }
    }
    // They came as they were read.
    found.differing.sort_unstable();
    Ok(found)
}
