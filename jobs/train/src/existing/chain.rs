//! Which models of `minibatch` stay, and which are wanted.

use std::collections::{BTreeMap, HashSet};

use gugus_models::{Existing, Extent, ModelStore};
use gugus_spec::BatchNumber;

use super::{Difference, Run, abouts, already_there, difference, other_commit};
use crate::chain::{Chain, Link};
use crate::error::Error;
use crate::prepare::{ModelWork, Pending, empty};
use crate::report::{ModelReport, Report};

/// Finds the batches that want a model which goes on from the one before; gives the models that differ.
pub(super) async fn find(
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
